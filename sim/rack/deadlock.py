"""Which channels wait for each other in a circle, in a fabric that has stopped."""

from __future__ import annotations

import networkx as nx
import numpy as np

EVERY = np.uint64(2**64 - 1)


def waiting_cycle(fabric, topology) -> list[str] | None:
    """Name a circle of waiting channels (docs/topologies.md, Watchdog).

    Parameters
    ----------
    fabric : .fabric.Fabric
        In which no flit has moved for longer than a round trip.
    topology : .topology.Topology
        What it was made of.

    Returns
    -------
    list of str, or None
        "leaf 0 -> spine 1 (VC 0)", ...: each waits for the next, the last for the first. None
        where no circle is: something that drains the fabric has stopped.
    """
    far = np.full(topology.ports, -1)
    far[topology.ends] = topology.ends[topology.peers]
    graph = nx.DiGraph()
    first = topology.endpoints * topology.endpoint_ports
    for state, base in ((fabric.endpoints, 0), (fabric.switches, first)):
        credits, queued, locks = _outlets(state)
        for node, j, v in np.argwhere(queued | (locks != EVERY)).tolist():
            port = base + node * state.outs + j
            if far[port] < 0:
                continue
            lock = int(locks[node, j, v])
            if credits[node, j, v] <= 0:
                graph.add_edges_from(
                    ((port, v), after) for after in _behind(fabric, topology, far[port], v))
            elif locks[node, j, v] != EVERY and not int(queued[node, j, v]) & lock:
                held_by = base + node * state.outs + lock.bit_length() - 1
                graph.add_edges_from(
                    ((port, v), after) for after in _behind(fabric, topology, held_by, v)
                    if after != (port, v))
    try:
        found = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return None
    names = topology.names
    return [f"{names[topology.node(port)]} -> {names[topology.node(far[port])]} (VC {v})"
            for (port, v), _ in found]


def _outlets(state):
    """Credits, sets of inputs that have something queued, and locks: [N, O, V] each."""
    shape = state.nodes, state.outs, state.vcs
    queued, locks = state.outlet["queued"].reshape(shape), state.outlet["lock"].reshape(shape)
    if state.sets:
        queued = queued | state.outlet_more["want"].reshape(shape)
        locks = np.where(locks == EVERY, state.outlet_more["set_lock"].reshape(shape), locks)
    return state.outlet["credits"].reshape(shape), queued, locks


def _behind(fabric, topology, port, v):
    """Outputs and VCs that the flits in the buffer of an input are queued for."""
    first = topology.endpoints * topology.endpoint_ports
    state, base = (fabric.endpoints, 0) if port < first else (fabric.switches, first)
    node, i = divmod(int(port) - base, state.ins)
    queued = _outlets(state)[1][node, :, v]
    return [(base + node * state.outs + int(j), v)
            for j in np.flatnonzero(queued >> np.uint64(i) & np.uint64(1))]
