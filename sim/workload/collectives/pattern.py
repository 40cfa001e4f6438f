"""A collective as messages between the places of one group, with what each waits for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Pattern(NamedTuple):
    """m messages of one collective over a group of n ranks, and j joins.

    A join is no message: it stands for a rank that has all that it waits for, so that many
    messages can wait for many others by few dependencies. Node k < m is a message, node m + k is
    join k. Node `after[e]` waits until node `before[e]` is done (a message: has arrived).

    `src`, `dst` int32[m] are places in the group, `nbytes` int64[m]. The buffer has `parts`
    parts; a message carries `count[k]` of them from `chunk[k]` on, modulo `parts` (int32[m]).
    `join` int32[j]: place of the rank. `step` int32[m + j]: the algorithm's step; no node waits
    for one of a later step, nor a message for one of its own step.
    """

    src: np.ndarray
    dst: np.ndarray
    nbytes: np.ndarray
    before: np.ndarray
    after: np.ndarray
    chunk: np.ndarray
    count: np.ndarray
    join: np.ndarray
    step: np.ndarray
    parts: int


def split(nbytes: int, parts: int) -> np.ndarray:
    """Bytes of each of so many parts: the first `nbytes % parts` are a byte longer."""
    return nbytes // parts + (np.arange(parts) < nbytes % parts)


def make(src, dst, chunk, count, sizes, *, step, before=(), after=(), join=()) -> Pattern:
    """A pattern whose messages carry parts of `sizes` bytes; a message has at least 1 byte."""
    src, dst, chunk, count, before, after, join, step = (
        np.asarray(field, kind).reshape(-1) for field, kind in zip(
            (src, dst, chunk, count, before, after, join, step),
            (np.int32,) * 4 + (np.int64,) * 2 + (np.int32,) * 2, strict=True))
    parts = len(sizes)
    chunk = chunk % parts
    ends = np.concatenate([[0], np.cumsum(np.concatenate([sizes, sizes]))])
    nbytes = (ends[chunk + count] - ends[chunk]).astype(np.int64)
    return Pattern(src, dst, np.maximum(nbytes, 1), before, after, chunk, count, join, step, parts)


def reversed_in_time(each: Pattern) -> Pattern:
    """Messages the other way, in the opposite order; without joins."""
    step = each.step.max(initial=0) - each.step
    return each._replace(src=each.dst, dst=each.src, before=each.after, after=each.before,
                         step=step)


def in_rounds(rounds, sizes, n: int, *, sends: bool = False) -> Pattern:
    """Rounds that each rank does one after the other.

    A message waits until its sender has received all of the rounds before; with `sends`, until
    all that it sent in them has arrived, too.

    Parameters
    ----------
    rounds : sequence of (src, dst, chunk, count)
        int[messages of the round] each.
    sizes : int64[parts]
    n : int
        Ranks.
    """
    messages = sum(len(src) for src, *_ in rounds)
    columns, steps, before, after, join, join_step = [], [], [], [], [], []
    last = np.full(n, -1, np.int64)      # a rank's join after the round before, if it has one
    base = 0
    for step, (src, dst, chunk, count) in enumerate(rounds):
        nodes = base + np.arange(len(src))
        base += len(src)
        columns.append((src, dst, chunk, count))
        steps.append(np.full(len(src), step))
        waits = last[src] >= 0
        before.append(last[src][waits])
        after.append(nodes[waits])
        if step == len(rounds) - 1:
            break
        done = [(dst, nodes), (src, nodes)] if sends else [(dst, nodes)]
        ranks = np.unique(np.concatenate([who for who, _ in done]))
        joins = np.full(n, -1, np.int64)
        joins[ranks] = messages + len(join) + np.arange(ranks.size)
        join.extend(ranks.tolist())
        join_step.append(np.full(ranks.size, step))
        for who, what in [*done, (ranks[last[ranks] >= 0], last[ranks[last[ranks] >= 0]])]:
            before.append(what)
            after.append(joins[who])
        last = np.where(joins >= 0, joins, last)
    whole = [np.concatenate([row[i] for row in columns]) if columns else () for i in range(4)]
    flat = lambda pieces: np.concatenate(pieces) if pieces else ()
    return make(*whole, sizes, step=flat([*steps, *join_step]), before=flat(before),
                after=flat(after), join=join)
