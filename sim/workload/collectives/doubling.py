"""Recursive halving and doubling (Rabenseifner, ICCS 2004; Thakur et al., IJHPCA 19(1), 2005).

Between p ranks, a power of two: in round k of the halving, rank q exchanges with q xor p/2^(k+1)
the half that it does not keep of what it has; the doubling is the same backwards.

Others fold: of the first 2(n - p) ranks each even one gives its input to the next and takes no
part, and gets the result from it in the end (Thakur et al., section 4.5).
"""

from __future__ import annotations

import numpy as np

from .pattern import Pattern, in_rounds, split


def all_reduce(n: int, nbytes: int) -> Pattern:
    """Halving, then doubling, of p parts: 2 log2 p rounds."""
    fold = _Fold(n)
    bounds = np.arange(fold.power + 1)
    parts = np.full(fold.extra, fold.power)
    back = (fold.odd, fold.even, 0 * parts, parts)
    return in_rounds([
        *fold.round((fold.even, fold.odd, 0 * parts, parts)),
        *fold.halving(bounds), *fold.doubling(bounds), *fold.round(back),
    ], split(nbytes, fold.power), n)


def reduce_scatter(n: int, nbytes: int) -> Pattern:
    """Halving of n parts; a rank that folded gets its own part in the end."""
    fold = _Fold(n)
    everything = np.full(fold.extra, n)
    return in_rounds([
        *fold.round((fold.even, fold.odd, 0 * everything, everything)),
        *fold.halving(fold.bounds),
        *fold.round((fold.odd, fold.even, fold.even, 0 * everything + 1)),
    ], split(nbytes, n), n)


def all_gather(n: int, nbytes: int) -> Pattern:
    """Doubling of n shares; a rank that folded gets the n - 1 others in the end."""
    fold = _Fold(n)
    one = np.ones(fold.extra, np.int64)
    return in_rounds([
        *fold.round((fold.even, fold.odd, fold.even, one)),
        *fold.doubling(fold.bounds),
        *fold.round((fold.odd, fold.even, fold.odd, one * (n - 1))),
    ], np.full(n, nbytes), n)


class _Fold:
    """`power` ranks of n that take part: number q is rank `rank[q]`, which stands for the parts
    `bounds[q]` up to `bounds[q + 1]` of n; `even[k]` gave its input to `odd[k]`."""

    def __init__(self, n: int):
        self.power = 1 << n.bit_length() - 1
        self.extra = n - self.power
        self.even = 2 * np.arange(self.extra)
        self.odd = self.even + 1
        self.rank = np.concatenate([self.odd, np.arange(2 * self.extra, n)])
        self.bounds = np.concatenate([self.even, np.arange(2 * self.extra, n), [n]])

    def round(self, messages) -> list:
        return [messages] if self.extra else []

    def halving(self, bounds) -> list:
        """Rounds from the largest distance; parts that go are the partner's half."""
        return [self._exchange(bounds, distance, of_partner=True)
                for distance in self._distances()[::-1]]

    def doubling(self, bounds) -> list:
        """Rounds from distance 1; parts that go are the own block."""
        return [self._exchange(bounds, distance, of_partner=False)
                for distance in self._distances()]

    def _distances(self):
        return [1 << k for k in range(self.power.bit_length() - 1)]

    def _exchange(self, bounds, distance, of_partner):
        me = np.arange(self.power)
        partner = me ^ distance
        block = (partner if of_partner else me) // distance * distance
        return (self.rank, self.rank[partner], bounds[block],
                bounds[block + distance] - bounds[block])
