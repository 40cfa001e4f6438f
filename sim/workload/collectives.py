"""Collectives as messages between the ranks of one group, with what each message waits for."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .schema import Collective


class Pattern(NamedTuple):
    """Messages of one collective over a group of n ranks.

    `src`, `dst` int32[m] are places in the group, `nbytes` int64[m]; message `after[e]` waits
    for message `before[e]` to arrive (int64[e]).
    """

    src: np.ndarray
    dst: np.ndarray
    nbytes: np.ndarray
    before: np.ndarray
    after: np.ndarray


@lru_cache(maxsize=16)
def pattern(collective: Collective, n: int, nbytes: int, root: int = 0) -> Pattern:
    """Lower a collective.

    Parameters
    ----------
    collective : Collective
        | which | algorithm |
        |---|---|
        | all-reduce | ring: n-1 steps of reduce-scatter, n-1 of all-gather |
        | reduce-scatter, all-gather | ring, n-1 steps |
        | all-to-all | direct, rank r to r+1, r+2, ... |
        | broadcast, reduce | binomial tree from, to the root |
        | scatter, gather | direct from, to the root |
        | barrier | dissemination, ceil(log2 n) rounds |

        (Patarasuk and Yuan, *Bandwidth optimal all-reduce algorithms*, JPDC 69(2), 2009;
        Thakur et al., *Optimization of collective communication operations in MPICH*, IJHPCA
        19(1), 2005; Hensgen et al., *Two algorithms for barrier synchronization*, IJPP 17(1),
        1988.)
    n : int
        Ranks in the group.
    nbytes : int
        Bytes of one rank's input, Chakra's `comm_size`: of an all-gather, its own share. Where
        it is cut in n chunks, the first `nbytes % n` are a byte longer; a message carries at
        least 1 byte.
    root : int
        Place of the root in the group.
    """
    chunks = nbytes // n + (np.arange(n) < nbytes % n)
    match collective:
        case Collective.ALL_REDUCE:
            result = _ring(n, 2 * (n - 1), chunks, offset=1)
        case Collective.REDUCE_SCATTER | Collective.REDUCE_SCATTER_BLOCK:
            result = _ring(n, n - 1, chunks, offset=1)
        case Collective.ALL_GATHER:
            result = _ring(n, n - 1, np.full(n, nbytes), offset=0)
        case Collective.ALL_TO_ALL:
            result = _all_to_all(n, chunks)
        case Collective.BROADCAST:
            result = _tree(n, nbytes, root)
        case Collective.REDUCE:
            result = _reversed(_tree(n, nbytes, root))
        case Collective.SCATTER:
            result = _star(n, chunks, root)
        case Collective.GATHER:
            result = _reversed(_star(n, np.full(n, nbytes), root))
        case Collective.BARRIER:
            result = _barrier(n, nbytes)
    return result._replace(nbytes=np.maximum(result.nbytes, 1))


def _pattern(src, dst, nbytes, before=(), after=()) -> Pattern:
    return Pattern(*(np.asarray(field, kind).reshape(-1) for field, kind in zip(
        (src, dst, nbytes, before, after),
        (np.int32, np.int32, np.int64, np.int64, np.int64), strict=True)))


def _ring(n, steps, chunks, offset):
    """In step s, rank r sends chunk r - s - offset to r + 1, which it got in step s - 1."""
    step, rank = np.divmod(np.arange(steps * n), n)
    after = np.arange(n, steps * n)
    before = (step[n:] - 1) * n + (rank[n:] - 1) % n
    return _pattern(rank, (rank + 1) % n, chunks[(rank - step - offset) % n], before, after)


def _all_to_all(n, chunks):
    distance, rank = np.divmod(np.arange((n - 1) * n), n)
    other = (rank + distance + 1) % n
    return _pattern(rank, other, chunks[other])


def _tree(n, nbytes, root):
    """In round k the 2^k ranks that have the data send it 2^k places on."""
    child = np.arange(1, n)
    parent = child - (1 << np.floor(np.log2(child)).astype(np.int64)) if n > 1 else child
    # Message c-1 brings the data to rank c; the root's own messages wait for none.
    waits = parent > 0
    return _pattern((parent + root) % n, (child + root) % n, np.full(n - 1, nbytes),
                    parent[waits] - 1, child[waits] - 1)


def _star(n, sizes, root):
    other = (np.arange(1, n) + root) % n
    return _pattern(np.full(n - 1, root), other, sizes[other])


def _reversed(each: Pattern) -> Pattern:
    return Pattern(each.dst, each.src, each.nbytes, each.after, each.before)


def _barrier(n, nbytes):
    """In round k, rank r signals r + 2^k, once it was signalled in all rounds before."""
    rounds = (n - 1).bit_length()
    step, rank = np.divmod(np.arange(rounds * n), n)
    earlier, after = np.nonzero(np.arange(rounds)[:, None] < step)
    before = earlier * n + (rank[after] - (1 << earlier)) % n
    return _pattern(rank, (rank + (1 << step)) % n, np.full(rounds * n, nbytes), before, after)
