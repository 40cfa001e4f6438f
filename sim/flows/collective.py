"""One collective of one group on an idle rack."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.workload.builder import Builder
from lightloom.sim.workload.collectives import Pattern

from .latency import Timing
from .routes import find_routes, over_links, pairs_of
from .steps import run_steps
from .tasks import run_graph

MOST_MESSAGES = 50_000
"""Up to so many messages, a collective is simulated message by message."""


class Alone(NamedTuple):
    """`cycles` from the entry of all ranks to the last one's leaving.

    `links` int64[...] are those that it uses, each `busy` float64[...] cycles, with `flits`
    float64[...].
    """

    cycles: float
    links: np.ndarray
    busy: np.ndarray
    flits: np.ndarray


def alone(cfg, topology, timing: Timing, each: Pattern, ranks: np.ndarray,
          in_steps: bool | None = None) -> Alone:
    """Simulate a collective.

    Parameters
    ----------
    each : Pattern
    ranks : int[n]
        Endpoints of the group.
    in_steps : bool, optional
        As a sequence of steps (:mod:`.steps`), or message by message; by default as the number
        of messages tells (:data:`MOST_MESSAGES`).
    """
    if not each.src.size:
        return Alone(0.0, np.empty(0, np.int64), np.empty(0), np.empty(0))
    src, dst = ranks[each.src], ranks[each.dst]
    *pairs, pair = pairs_of(src, dst)
    routes, links = find_routes(cfg, topology, *pairs), topology.ends.size
    flits = timing.flits(each.nbytes)
    rate = timing.rate(flits)
    if each.src.size > MOST_MESSAGES if in_steps is None else in_steps:
        alpha = timing.alpha(flits, routes.switches[pair], routes.flight[pair])
        cycles = run_steps(each, pair, flits / rate, alpha, routes, links)
    else:
        built = Builder(cfg.chiplet.vcs)
        built.collective(each, ranks[None], built.delay(ranks[None], 0, 0), 0)
        cycles = float(run_graph(cfg, topology, timing, built.graph())[0].max())
    busy, carried = (over_links(routes, np.bincount(pair, amount, pairs[0].size), links)
                     for amount in (flits / rate, flits))
    used = np.flatnonzero(carried)
    return Alone(cycles, used, busy[used], carried[used])
