"""Tables of the switches without the links that are down (docs/faults.md, Routes)."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path


def reroute(topology, down) -> np.ndarray:
    """Sets of output ports, uint64[S, destinations], by shortest paths.

    An entry keeps those of its ports that are on a shortest path that is whole; if none is left it
    is one of those that are, the (destination mod their number)-th. Where the path would be longer
    than without faults, or there is none, it stays as it was, and the flits are lost at the output
    that is down: a way round would turn up again after it went down, and could deadlock.

    Parameters
    ----------
    topology : lightloom.sim.rack.topology.Topology
    down : set of int
        Link ends at which nothing arrives. A link of which one direction is down is not used.
    """
    count, switches = topology.endpoints, topology.switches
    node, port = topology.end_node, topology.end_port
    lost = np.zeros(topology.ends.size, bool)
    lost[list(down)] = True
    whole = ~(lost | lost[topology.peers])
    far = node[topology.peers]

    def hops_over(some):
        # Endpoints forward nothing: from each of them backwards, through switches alone.
        some = some & (far >= count)
        graph = csr_array((np.ones(int(some.sum())), (node[some], far[some])),
                          shape=(count + switches,) * 2)
        return shortest_path(graph, unweighted=True, indices=np.arange(count)).T

    hops = hops_over(whole)
    longer = (hops > hops_over(np.ones_like(whole)))[count:]
    own = topology.switch_entries.ports
    best = np.zeros((switches, own.shape[1]), np.uint64)
    for end in np.flatnonzero(whole & (node >= count)):
        switch, there = node[end] - count, far[end]
        closer = np.arange(count) == there if there < count else hops[there] < hops[node[end]]
        best[switch, :count] |= np.where(closer, np.uint64(1) << np.uint64(port[end]),
                                         np.uint64(0))
    best[:, :count][longer] = 0
    kept = np.where(best == 0, own, own & best)
    return np.where(kept == 0, _one_of(best), kept)


def _one_of(sets):
    """The (column mod size)-th member of each set, as a set."""
    out, left = np.zeros_like(sets), sets.copy()
    size = np.maximum(np.bitwise_count(sets), 1)
    turn = np.arange(sets.shape[1]) % size
    for number in range(int(size.max(initial=1))):
        low = left & (~left + np.uint64(1))
        out = np.where(turn == number, low, out)
        left &= ~low
    return out
