"""Where the nodes of a rack are drawn: switches by their topology, GPUs as a block at theirs."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np

CELL = 1.0
"""Side of a GPU's cell, with its gap; all lengths are in cells."""


def drawing(topology, cfg) -> dict:
    """The rack as the page draws it.

    Returns
    -------
    dict
        `nodes`: lists of [name, x, y, width, height, plane], GPUs first; a GPU's plane is -1.
        `links`: of each link end, [from node, to node], the direction that arrives there;
        `peers`: the end at the far side. `pitch`: distance of neighbours. `straight`: whether
        fibres may be drawn straight. `gpus`, `planes`, `width`, `height`.
    """
    count = topology.endpoints
    at = topology.end_node
    links = np.stack([at[topology.peers], at], axis=1)
    planes = topology.planes
    each = topology.switches // planes
    plane = np.arange(topology.switches) // max(each, 1)
    # Every plane looks like the first; a GPU is drawn at its switch there.
    up = links[(links[:, 0] < count) & (links[:, 1] >= count)]
    home = np.full(count, 0)
    home[up[::-1, 0]] = (up[::-1, 1] - count) % each
    hosts = np.bincount(home, minlength=each)
    columns = min(int(hosts.max()), max(2, round(math.sqrt(hosts.max() / 2))))
    rows = -(-hosts.max() // columns)
    wide = max(columns * CELL, 3.0)
    pitch = np.array([wide + 1.2, rows * CELL + 4.0])
    trunks = links[(links >= count).all(axis=1)] - count
    trunks = trunks[(trunks < each).all(axis=1)]
    centres = _switches(cfg, hosts, each, trunks, pitch)
    nodes = []
    rank = np.zeros(each, int)
    for e in range(count):
        s = home[e]
        row, column = divmod(rank[s], columns)
        rank[s] += 1
        x, y = centres[s]
        nodes.append([topology.names[e], x - columns * CELL / 2 + column * CELL,
                      y + 1.5 + row * CELL, 0.86 * CELL, 0.86 * CELL, -1])
    for s in range(topology.switches):
        x, y = centres[s % each]
        nodes.append([topology.names[count + s], x - wide / 2, y - 0.9, wide, 1.8, int(plane[s])])
    straight = cfg.rack.topology == "clos2" or len(cfg.rack.dims) == 1
    low = np.min([[n[1], n[2]] for n in nodes], axis=0)
    high = np.max([[n[1] + n[3], n[2] + n[4]] for n in nodes], axis=0)
    # Long fibres that are bent reach beyond the nodes.
    margin = 1.5 if straight else 1.5 + 0.05 * (high - low).max()
    low, high = low - margin, high + margin
    for node in nodes:
        node[1], node[2] = round(float(node[1] - low[0]), 2), round(float(node[2] - low[1]), 2)
        node[3], node[4] = round(float(node[3]), 2), round(float(node[4]), 2)
    width, height = (high - low).tolist()
    return {"nodes": nodes, "links": links.tolist(), "peers": topology.peers.tolist(),
            "gpus": count, "planes": planes, "pitch": float(pitch.max()),
            "straight": straight, "width": width, "height": height}


def _switches(cfg, hosts, count: int, trunks, pitch) -> np.ndarray:
    """float[switches, 2]: centres, x to the right and y down."""
    dims = tuple(cfg.rack.dims)
    if cfg.rack.topology in ("torus", "mesh", "butterfly") and math.prod(dims) == count:
        return _grid(dims) * pitch
    if count == 1:
        return np.zeros((1, 2))
    above = hosts == 0
    if cfg.rack.topology == "clos2":
        places = np.zeros((count, 2))
        leaves, spines = np.flatnonzero(~above), np.flatnonzero(above)
        width = max(leaves.size, spines.size) * pitch[0]
        for row, nodes in ((0, spines), (1, leaves)):
            places[nodes, 0] = (np.arange(nodes.size) + 0.5) * width / nodes.size
            places[nodes, 1] = row * max(6.0, 0.17 * width)
        return places
    graph = nx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(map(tuple, trunks.tolist()))
    spots = nx.kamada_kawai_layout(graph)
    places = np.array([spots[s] for s in range(count)])
    gaps = np.abs(places[:, None] - places[None]) / pitch
    # So far apart that no two blocks overlap in both axes.
    nearest = gaps.max(axis=2)[~np.eye(count, dtype=bool)].min()
    return places / max(nearest, 1e-6) * 1.15


def _grid(dims) -> np.ndarray:
    """The last dimension goes right, the one before down; the third and more side by side."""
    place = np.stack(np.unravel_index(np.arange(math.prod(dims)), dims), axis=1)
    x, y = place[:, -1].astype(float), np.zeros(len(place))
    if len(dims) > 1:
        y = place[:, -2].astype(float)
    step = [dims[-1] + 0.7, (dims[-2] if len(dims) > 1 else 1) + 0.7]
    for level, axis in enumerate(range(len(dims) - 3, -1, -1)):
        side = level % 2
        (x, y)[side][:] += place[:, axis] * step[side]
        step[side] *= dims[axis]
    if len(dims) == 1 and dims[0] > 8:
        # A single group is drawn as a circle: every fibre is seen.
        angle = 2 * np.pi * np.arange(dims[0]) / dims[0] - np.pi / 2
        radius = dims[0] / 5
        x, y = radius * np.cos(angle), radius * np.sin(angle)
    return np.stack([x, y], axis=1)
