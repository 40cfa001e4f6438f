"""Binomial trees, and the barrier by dissemination."""

from __future__ import annotations

import numpy as np

from .pattern import Pattern, make, reversed_in_time


def broadcast(n: int, nbytes: int, root: int) -> Pattern:
    """In round k the 2^k ranks that have the data send it 2^k places on."""
    child = np.arange(1, n)
    round_ = np.floor(np.log2(child)).astype(np.int64) if n > 1 else child
    parent = child - (1 << round_)
    # Message c-1 brings the data to rank c; the root's own messages wait for none.
    waits = parent > 0
    return make((parent + root) % n, (child + root) % n, np.zeros_like(child),
                np.ones_like(child), np.array([nbytes]), step=round_,
                before=parent[waits] - 1, after=child[waits] - 1)


def reduce(n: int, nbytes: int, root: int) -> Pattern:
    return reversed_in_time(broadcast(n, nbytes, root))


def all_reduce(n: int, nbytes: int) -> Pattern:
    """Reduce to place 0, then broadcast from it."""
    up, down = reduce(n, nbytes, 0), broadcast(n, nbytes, 0)
    messages, rounds = up.src.size, up.step.max(initial=-1) + 1
    arriving, leaving = np.nonzero(up.dst == 0)[0], np.nonzero(down.src == 0)[0]
    return make(
        *(np.concatenate([getattr(each, name) for each in (up, down)])
          for name in ("src", "dst", "chunk", "count")), np.array([nbytes]),
        step=np.concatenate([up.step, down.step + rounds]),
        before=np.concatenate([up.before, down.before + messages,
                               np.repeat(arriving, leaving.size)]),
        after=np.concatenate([up.after, down.after + messages,
                              np.tile(leaving, arriving.size) + messages]))


def barrier(n: int, nbytes: int) -> Pattern:
    """In round k, rank r signals r + 2^k, once it was signalled in all rounds before."""
    rounds = (n - 1).bit_length()
    step, rank = np.divmod(np.arange(rounds * n), n)
    earlier, after = np.nonzero(np.arange(rounds)[:, None] < step)
    before = earlier * n + (rank[after] - (1 << earlier)) % n
    return make(rank, (rank + (1 << step)) % n, 0 * rank, 0 * rank + 1, np.array([nbytes]),
                step=step, before=before, after=after)
