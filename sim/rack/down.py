"""Outputs of crossbars whose links are down (docs/chiplet.md, docs/crossbar.md, docs/faults.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import EVERYTHING, NOTHING, bit
from lightloom.sim.compiled import outlined
from lightloom.sim.xbar.down import watch
from lightloom.sim.xbar.places import output_more_at
from lightloom.sim.xbar.state import ABORTS, DISCARDS

from .topology import NOBODY


class DownState(NamedTuple):
    """Which outputs of crossbars are up. Nodes are endpoints, then switches.

    `any` uint8[1] and `watched` uint8[nodes]: whether any, and which nodes faults may touch;
    nothing else is looked at. `owner` int64[ports of all nodes]: the link end there, or NOBODY.
    `node`, `port` int64[link ends]: where an end is. `dead` uint8[nodes]. `discards`, `aborts`
    int64[nodes]: flits lost at outputs that are down, aborts sent.
    """

    any: np.ndarray
    watched: np.ndarray
    owner: np.ndarray
    node: np.ndarray
    port: np.ndarray
    dead: np.ndarray
    discards: np.ndarray
    aborts: np.ndarray


def make_down(topology) -> DownState:
    """All outputs up, nothing watched."""
    nodes = topology.endpoints + topology.switches
    return DownState(
        np.zeros(1, np.uint8), np.zeros(nodes, np.uint8), topology.end_at, topology.end_node,
        topology.end_port,
        *(np.zeros(nodes, kind) for kind in (np.uint8, np.int64, np.int64)))


def watch_ends(down: DownState, which) -> None:
    """Look at the nodes that some link ends belong to, from now on."""
    down.watched[down.node[which]] = 1
    down.any[0] = len(which) > 0 or down.any[0]


@outlined
def down_step(down, links, state, own, node, base):
    """After a node's crossbar, `own` of its group, and its links were stepped in a cycle.

    `base` is its first port among all.
    """
    up = EVERYTHING
    for j in range(state.outs):
        end = down.owner[base + j]
        if end != NOBODY and links.ends[end].lossy and not links.replay[end].up:
            up &= ~bit(j)
    if down.dead[node]:
        # What it holds is lost at once.
        up = NOTHING
        for j in range(state.outs):
            output_more_at(state, own, j).down = max(output_more_at(state, own, j).down,
                                                state.hold_cycles - 1)
    watch(state, own, up)
    for j in range(state.outs):
        down.discards[node] += state.output_counters[own, j, DISCARDS]
        down.aborts[node] += state.output_counters[own, j, ABORTS]
        state.output_counters[own, j, DISCARDS] = state.output_counters[own, j, ABORTS] = 0
