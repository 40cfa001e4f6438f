"""Collectives over all ranks, as task graphs for either world."""

from __future__ import annotations

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.rack.tasks import DELAY, MESSAGE, TaskGraph
from lightloom.sim.workload.collectives import pattern
from lightloom.sim.workload.schema import Collective


def ring_all_reduce(ranks: int, nbytes: int) -> TaskGraph:
    """All-reduce of `nbytes` on each of `ranks`, on one ring of all."""
    return _graph([(np.arange(ranks)[None], pattern(Collective.ALL_REDUCE, ranks, nbytes))],
                  ranks)


def all_to_all(ranks: int, nbytes: int) -> TaskGraph:
    """Each rank sends `nbytes` / `ranks` to each other, rank r to r + 1, r + 2, ..."""
    return _graph([(np.arange(ranks)[None], pattern(Collective.ALL_TO_ALL, ranks, nbytes))],
                  ranks)


def hierarchical_all_reduce(ranks: int, group: int, nbytes: int) -> TaskGraph:
    """Reduce-scatter in each group, all-reduce of each share across groups, all-gather back.

    All three on rings; rank r is in group r // `group`.
    """
    if group < 1 or ranks % group:
        raise ConfigError(f"collective: group = {group}: must divide the {ranks} ranks")
    inner = np.arange(ranks).reshape(-1, group)
    share = -(-nbytes // group)
    return _graph([
        (inner, pattern(Collective.REDUCE_SCATTER, group, nbytes)),
        (inner.T, pattern(Collective.ALL_REDUCE, ranks // group, share)),
        (inner, pattern(Collective.ALL_GATHER, group, share))], ranks)


def _graph(phases, ranks) -> TaskGraph:
    """Phases one after the other on each rank: it enters one when all of the one before is in.

    `phases`: (members int[groups, size], Pattern) each.
    """
    kinds, sources, targets, sizes, edges = [], [], [], [], []
    count = 0

    def tasks(kind, src, dst, nbytes):
        nonlocal count
        numbers = count + np.arange(src.size).reshape(src.shape)
        count += src.size
        for column, values in ((kinds, kind), (sources, src), (targets, dst), (sizes, nbytes)):
            column.append(np.broadcast_to(values, src.shape).reshape(-1))
        return numbers

    def edge(before, after):
        edges.append([each.reshape(-1) for each in np.broadcast_arrays(before, after)])

    everyone = np.arange(ranks)
    enter = tasks(DELAY, everyone, everyone, 0)
    for members, each in phases:
        src, dst = members[:, each.src], members[:, each.dst]
        messages = tasks(MESSAGE, src, dst, each.nbytes)
        leave = tasks(DELAY, everyone, everyone, 0)
        edge(enter[src], messages)
        edge(messages[:, each.before], messages[:, each.after])
        edge(messages, leave[dst])
        edge(enter, leave)
        enter = leave
    before, after = (np.concatenate([pair[i] for pair in edges]) for i in range(2))
    order = np.argsort(before, kind="stable")
    columns = [np.concatenate(column) for column in (kinds, sources, targets, sizes)]
    return TaskGraph(
        kind=columns[0].astype(np.uint8), src=columns[1].astype(np.int32),
        dst=columns[2].astype(np.int32), nbytes=columns[3].astype(np.int64),
        delay_ns=np.zeros(count, np.int64), vc=np.zeros(count, np.uint8),
        collective=np.zeros(count, np.int32),
        succ_ptr=np.concatenate([[0], np.cumsum(np.bincount(before, minlength=count))]),
        succ=after[order].astype(np.int32), names=("collective",))
