"""Shortest paths between the switches of any plane."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from .plane import one_port


def shortest_sets(plane, all_of_them: bool) -> np.ndarray:
    """Tables uint64[S, E]: the ports of all shortest paths, or the lowest of them."""
    heads, home = plane.heads, plane.home
    count = len(heads)
    s, port = np.nonzero(heads >= 0)
    graph = csr_array((np.ones(s.size), (s, heads[s, port])), shape=(count, count))
    far = shortest_path(graph, unweighted=True)[:, home]
    sets = np.zeros((count, home.size), np.uint64)
    for s in range(count):
        for port in np.flatnonzero(heads[s] >= 0):
            closer = far[heads[s, port]] < far[s]
            sets[s] |= np.where(closer, one_port(port), np.uint64(0))
    if not all_of_them:
        sets &= ~sets + np.uint64(1)
    return np.where(home == np.arange(count)[:, None], one_port(plane.exit), sets)
