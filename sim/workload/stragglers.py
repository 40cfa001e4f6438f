"""Ranks that compute slower than the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import TraceError


@dataclass(frozen=True)
class Stragglers:
    """Who straggles, and how much.

    Attributes
    ----------
    ranks : float or sequence of int
        Share of the ranks, 0 to 1, drawn at random (rounded to whole ranks), or which ones.
    factor : float
        All compute times of a straggler are multiplied by it; at least 0.
    seed : int
        Of the draw.
    """

    ranks: float | Sequence[int]
    factor: float = 2.0
    seed: int = 1

    def factors(self, count: int) -> np.ndarray:
        """Factor of each of `count` ranks, float64.

        Raises
        ------
        TraceError
        """
        if not self.factor >= 0 or not np.isfinite(self.factor):
            raise TraceError(f"stragglers: factor = {self.factor!r}: must be a number >= 0")
        factors = np.ones(count)
        factors[self._who(count)] = self.factor
        return factors

    def _who(self, count):
        if isinstance(self.ranks, (int, float)) and not isinstance(self.ranks, bool):
            if not 0 <= self.ranks <= 1:
                raise TraceError(f"stragglers: ranks = {self.ranks!r}: a share must be 0 to 1")
            rng = np.random.default_rng(self.seed)
            return rng.choice(count, round(self.ranks * count), replace=False)
        ranks = list(self.ranks)
        for rank in ranks:
            if not isinstance(rank, (int, np.integer)) or not 0 <= rank < count:
                raise TraceError(f"stragglers: ranks: {rank!r}: must be a rank, 0..{count - 1}")
        return np.array(ranks, np.int64)


def factors(stragglers: Stragglers | None, count: int) -> np.ndarray:
    """Factor of each rank; 1 without stragglers."""
    return np.ones(count) if stragglers is None else stragglers.factors(count)
