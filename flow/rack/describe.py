"""Figures of a topology: nodes, links, hops of shortest paths, a bisection."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from ...sim.rack.topology import rack
from .mapdata import kind_of


def describe(cfg) -> dict:
    """What the rack of `cfg` is made of.

    Hops are those of shortest paths, of one plane, whatever the routing takes. Finding the least
    bisection is NP-hard: `bisection` is the least of some cuts into two halves of the endpoints
    (by their numbers, by blocks of them, by a spectral order), so an upper bound of it; it is
    exact for the regular topologies.

    Raises
    ------
    ConfigError
        When there is no such rack, or its routes can deadlock.
    """
    topology = rack(cfg)
    count, planes = topology.endpoints, topology.planes
    each = topology.switches // planes
    nodes = topology.end_node
    links = np.stack([nodes[topology.peers], nodes], axis=1)
    first = links[(links < count + each).all(axis=1)]
    between = first[(first >= count).all(axis=1)] - count
    up = first[first[:, 0] < count]
    home = np.zeros(count, np.int64)
    home[up[:, 0]] = up[:, 1] - count
    fibres = csr_array((np.ones(len(between)), (between[:, 0], between[:, 1])),
                       shape=(each, each))
    hosts = np.bincount(home, minlength=each)
    distance = shortest_path(fibres, unweighted=True) + 1
    pairs = np.outer(hosts, hosts) - np.diag(hosts)
    with_hosts = hosts > 0
    far = distance[np.ix_(with_hosts, with_hosts)]
    cut = bisection(fibres, hosts)
    used = np.bincount(nodes[nodes >= count] - count, minlength=topology.switches)
    return {
        "endpoints": count, "switches": topology.switches, "planes": planes,
        "kinds": dict(Counter(kind_of(name) for name in topology.names[count:])),
        "fibres": len(links) // 2, "switch_fibres": len(between) * planes // 2,
        "ports_used": f"{used.min()} to {used.max()} of {topology.switch_ports}"
        if used.min() < used.max() else f"{used.max()} of {topology.switch_ports}",
        "diameter": int(far.max()), "hops_mean": float((pairs * distance)[pairs > 0].sum()
                                                       / pairs.sum()),
        "bisection": cut, "bisection_share": None if cut is None else 2 * cut / count,
        "classes": topology.classes,
        "deadlock": "none: the channels' dependencies close no circle"}


def bisection(fibres, hosts) -> int | None:
    """Fibres between two halves of the endpoints, the fewest of several cuts; None for one
    switch.

    Parameters
    ----------
    fibres : sparse [switches, switches]
        Number of fibres between two.
    hosts : int[switches]
        Endpoints on each.
    """
    n = len(hosts)
    if n < 2:
        return None
    dense = fibres.toarray()
    laplacian = np.diag(dense.sum(axis=1)) - dense
    _, vectors = np.linalg.eigh(laplacian)
    orders = [np.arange(n), *(np.argsort(v, kind="stable") for v in vectors.T[1:6])]
    leaves = hosts > 0
    best = None
    for order in orders:
        ranked = order[leaves[order]]
        half = np.cumsum(hosts[ranked]) * 2 <= hosts.sum()
        side = np.zeros(n, bool)
        side[ranked[half]] = True
        if not half.any() or half.all():
            continue
        # A switch without endpoints goes where most of its fibres are, again and again.
        fixed = leaves
        for _ in range(n):
            pull = dense[:, side].sum(axis=1) - dense[:, ~side].sum(axis=1)
            moved = np.where(fixed, side, pull > 0)
            if (moved == side).all():
                break
            side = moved
        cut = int(dense[np.ix_(side, ~side)].sum())
        best = cut if best is None else min(best, cut)
    return best
