"""A task graph, message by message."""

from __future__ import annotations

import numpy as np

from lightloom.sim.rack.tasks import MESSAGE
from lightloom.sim.rack.work import make_work

from .engine import run_tasks
from .latency import Timing
from .routes import find_routes, over_links, pairs_of


def run_graph(cfg, topology, timing: Timing, graph) -> tuple[np.ndarray, ...]:
    """Run a graph: the end of each task in cycles, float64[tasks]; flits of each link, and cycles
    in which they keep it busy, float64[link ends].

    Raises
    ------
    ValueError
        When a task names an endpoint that the rack does not have, or tasks wait in a circle.
    """
    hosts, endpoints = topology.hosts, topology.endpoints
    work = make_work(cfg, graph, hosts, endpoints)     # checks, and counts what is waited for
    messages = work.kind == MESSAGE
    *pairs, pair = pairs_of(work.src[messages], work.dst[messages])
    routes = find_routes(cfg, topology, *pairs)
    flits, rate, alpha = (np.zeros(work.kind.size) for _ in range(3))
    route = np.zeros(work.kind.size, np.int64)
    own = timing.flits(graph.nbytes[messages])
    switches, flight = routes.switches[pair], routes.flight[pair]
    flits[messages], route[messages] = own, pair
    rate[messages] = np.where(switches < 0, 1.0, timing.rate(own))
    alpha[messages] = timing.alpha(own, switches, flight)
    done = run_tasks(
        work.kind, work.src.astype(np.int64) * hosts + work.dst % hosts, flits, rate, alpha, route,
        work.delay, work.succ_ptr, work.succ, work.before, work.order,
        int(np.count_nonzero(work.before == 0)), hosts * endpoints, routes.ptr, routes.links,
        topology.ends.size)
    if (done < 0).any():
        raise ValueError(f"task {int(np.argmax(done < 0))} of {done.size}: waits for itself, "
                         "in a cycle of dependencies")
    return done, *(over_links(routes, np.bincount(pair, amount, pairs[0].size), topology.ends.size)
                   for amount in (own, own / rate[messages]))
