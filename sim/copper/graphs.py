"""Collectives over all ranks, as task graphs for either world."""

from __future__ import annotations

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.rack.tasks import TaskGraph
from lightloom.sim.workload.builder import Builder
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
    built = Builder(vcs=1)
    built.names.append("collective")
    everyone = np.arange(ranks)
    enter = built.delay(everyone, 0, 0)
    for members, each in phases:
        src, dst = members[:, each.src], members[:, each.dst]
        messages = built.message(src, dst, each.nbytes, 0)
        leave = built.delay(everyone, 0, 0)
        built.edge(enter[src], messages)
        built.edge(messages[:, each.before], messages[:, each.after])
        built.edge(messages, leave[dst])
        built.edge(enter, leave)
        enter = leave
    return built.graph()
