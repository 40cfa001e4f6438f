"""The channel dependency graph of a plane's routes (Dally, Seitz 1987; docs/topologies.md).

Channel s * radix + p of class k is port p of switch s towards another switch. `waits` uint64[K,
S * radix] are the ports of the switch at its far end that packets which come by it may ask for.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
from numba import njit
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lightloom.config import ConfigError
from lightloom.sim.bits import NOTHING, lowest, without_lowest

from .grid import coordinates, strides
from .source import TABLES


def require_no_cycle(cfg, plane, routes) -> None:
    """Refuse routes by which packets could wait for each other in a circle.

    Raises
    ------
    ConfigError
        It names the channels of a circle.
    """
    found = cycle(plane, dependencies(cfg, plane, routes))
    if found:
        raise ConfigError(
            f"config {cfg.name}: rack.routing = {cfg.rack.routing!r}: "
            f"packets could wait for each other for ever: {', '.join(found)}: must be a routing "
            "without such a circle: 'minimal'")


def dependencies(cfg, plane, routes) -> np.ndarray:
    """`waits` of all routes."""
    if routes.mode == TABLES:
        return table_waits(plane, int(routes.classes))
    return (_clos_waits if routes.clos else _butterfly_waits)(cfg, plane)


def table_waits(plane, classes: int) -> np.ndarray:
    """`waits` of the tables, from all switches with endpoints to all endpoints."""
    waits = np.zeros((classes, plane.heads.size), np.uint64)
    _follow(plane.sets, plane.heads, plane.port_sets, np.unique(plane.home), plane.home,
            plane.class_of, waits)
    return waits


def cycle(plane, waits) -> list[str]:
    """A shortest circle through one of its channels, as names of channels; or nothing."""
    classes, channels = waits.shape
    radix, heads = plane.radix, plane.heads.reshape(-1)
    tails, tips = [], []
    for port in range(radix):
        k, channel = np.nonzero(waits >> np.uint64(port) & np.uint64(1))
        tails.append(k * channels + channel)
        tips.append(k * channels + heads[channel] * radix + port)
    tails, tips = np.concatenate(tails), np.concatenate(tips)
    size = classes * channels
    graph = csr_array((np.ones(tails.size, np.uint8), (tails, tips)), shape=(size, size))
    part = connected_components(graph, connection="strong")[1]
    inside = part[tails] == part[tips]
    if not inside.any():
        # A channel leads to another switch, so it never waits for itself.
        return []
    circles = nx.DiGraph(zip(tails[inside].tolist(), tips[inside].tolist(), strict=True))
    start = int(tails[inside][0])
    path = min((nx.shortest_path(circles, after, start) for after in circles[start]), key=len)
    several = f" (class {start // channels})" if classes > 1 else ""
    return [f"{plane.switches[c // radix]} -> {plane.switches[heads[c]]}{several}"
            for c in (node % channels for node in [start, *path[:-1]])]


@njit(cache=True)
def _follow(sets, heads, port_sets, sources, home, class_of, waits):
    """Follow the tables for each destination through every switch that a class comes to."""
    count, radix = heads.shape
    todo = np.empty((len(waits) * count, 2), np.int64)
    for dst in range(home.size):
        seen = np.zeros((len(waits), count), np.bool_)
        fill = 0
        for s in sources:
            k = class_of[s, home[dst]]
            if not seen[k, s]:
                seen[k, s] = True
                todo[fill, 0], todo[fill, 1] = k, s
                fill += 1
        while fill:
            fill -= 1
            k, s = todo[fill]
            ports = sets[s, dst] & port_sets[s]
            while ports != NOTHING:
                port = lowest(ports)
                ports = without_lowest(ports)
                t = heads[s, port]
                waits[k, s * radix + port] |= sets[t, dst] & port_sets[t]
                if not seen[k, t]:
                    seen[k, t] = True
                    todo[fill, 0], todo[fill, 1] = k, t
                    fill += 1


def _clos_waits(cfg, plane) -> np.ndarray:
    """Up by any fibre, down by the one of its number to any other leaf."""
    each = cfg.rack
    leaves, trunk = each.endpoints // each.down, each.up // each.spine_count
    waits = np.zeros((1, plane.heads.size), np.uint64)
    if leaves == 1:
        return waits
    for u in range(each.up):
        down = np.uint64(1) << np.arange(leaves, dtype=np.uint64) * np.uint64(trunk) \
            + np.uint64(u // each.spine_count)
        waits[0, np.arange(leaves) * plane.radix + each.down + u] = \
            np.bitwise_or.reduce(down) & ~down
    return waits


def _butterfly_waits(cfg, plane) -> np.ndarray:
    """Detours within a dimension have its bit; from one dimension to later ones, any class."""
    dims = cfg.rack.dims
    places, firsts = coordinates(dims), cfg.rack.down + np.cumsum([0, *np.subtract(dims, 1)])
    switches, classes = np.arange(len(places)), np.arange(1 << len(dims))
    waits = np.zeros((classes.size, plane.heads.size), np.uint64)
    every = np.uint64(1)
    for i, size in enumerate(dims):
        later = sum(int(every) << port for port in range(firsts[i + 1], firsts[-1]))
        for x in range(size):
            middle = switches[places[:, i] != x]      # a hop of dimension i from x to y
            y = places[middle, i]
            channel = (middle + (x - y) * strides(dims)[i]) * plane.radix + firsts[i] + y - (y > x)
            waits[:, channel] |= np.uint64(later)
            for z in range(size):
                ok = (y != z) & (x != z)
                bit = np.where((y < x) & (y < z), 1, np.where((y > x) & (y > z), 0, z < x))
                onwards = every << (firsts[i] + z - (z > y)).astype(np.uint64)
                for k in classes:
                    own = ok & (bit == k >> i & 1)
                    waits[k, channel[own]] |= onwards[own]
    return waits
