"""Rings: in each step every rank sends to the next what it got in the step before."""

from __future__ import annotations

import numpy as np

from .pattern import Pattern, make, split


def all_reduce(n: int, nbytes: int) -> Pattern:
    """n-1 steps of reduce-scatter, n-1 of all-gather."""
    return _ring(n, 2 * (n - 1), split(nbytes, n), offset=1)


def reduce_scatter(n: int, nbytes: int) -> Pattern:
    return _ring(n, n - 1, split(nbytes, n), offset=1)


def all_gather(n: int, nbytes: int) -> Pattern:
    return _ring(n, n - 1, np.full(n, nbytes), offset=0)


def _ring(n, steps, sizes, offset):
    """In step s, rank r sends chunk r - s - offset to r + 1, which it got in step s - 1."""
    step, rank = np.divmod(np.arange(steps * n), n)
    after = np.arange(n, steps * n)
    before = (step[n:] - 1) * n + (rank[n:] - 1) % n
    return make(rank, (rank + 1) % n, rank - step - offset, np.ones_like(rank), sizes,
                step=step, before=before, after=after)
