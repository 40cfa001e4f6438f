"""Each pair of ranks for itself."""

from __future__ import annotations

import numpy as np

from .pattern import Pattern, in_rounds, make, reversed_in_time, split


def all_reduce(n: int, nbytes: int) -> Pattern:
    """Rank r gets all contributions to chunk r, reduces them, and gives the chunk to all."""
    distance, rank = _shifts(n)
    other, messages = (rank + distance) % n, rank.size
    ranks = np.arange(n)
    # Join r: rank r has all contributions to its chunk.
    before = np.concatenate([np.arange(messages), messages * 2 + rank])
    after = np.concatenate([messages * 2 + other, messages + np.arange(messages)])
    ones = np.ones_like(rank)
    return make(*(np.concatenate(pair) for pair in (
        (rank, rank), (other, other), (other, rank), (ones, ones))), split(nbytes, n),
        step=np.concatenate([distance - 1, n - 2 + distance, np.full(n, max(n - 2, 0))]),
        before=before, after=after, join=ranks)


def reduce_scatter(n: int, nbytes: int) -> Pattern:
    return all_to_all(n, nbytes)


def all_gather(n: int, nbytes: int) -> Pattern:
    distance, rank = _shifts(n)
    return make(rank, (rank + distance) % n, rank, np.ones_like(rank), np.full(n, nbytes),
                step=distance - 1)


def all_to_all(n: int, nbytes: int) -> Pattern:
    """Rank r to r+1, r+2, ..., each its chunk, all at once."""
    distance, rank = _shifts(n)
    other = (rank + distance) % n
    return make(rank, other, other, np.ones_like(rank), split(nbytes, n), step=distance - 1)


def pairwise(n: int, nbytes: int) -> Pattern:
    """All-to-all in n-1 steps, the next when what a rank sent and received in one is done.

    In step s rank r exchanges with r xor s if n is a power of two; else it sends to r + s and
    receives from r - s (Thakur et al., section 4.4).
    """
    rank, sizes = np.arange(n), split(nbytes, n)
    partners = [rank ^ s if n & n - 1 == 0 else (rank + s) % n for s in range(1, n)]
    return in_rounds([(rank, other, other, np.ones_like(rank)) for other in partners],
                     sizes, n, sends=True)


def scatter(n: int, nbytes: int, root: int) -> Pattern:
    other = (np.arange(1, n) + root) % n
    return make(np.full(n - 1, root), other, other, np.ones_like(other), split(nbytes, n),
                step=np.arange(n - 1))


def gather(n: int, nbytes: int, root: int) -> Pattern:
    star = scatter(n, nbytes * n, root)
    return reversed_in_time(star)._replace(step=np.zeros(n - 1, np.int32))


def _shifts(n):
    """(distance, rank) of each message, in the order of the distances 1..n-1."""
    distance, rank = np.divmod(np.arange((n - 1) * n), n)
    return distance + 1, rank
