"""Outputs of crossbars whose links are down (docs/chiplet.md, docs/crossbar.md, docs/faults.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import EVERYTHING, NOTHING, bit
from lightloom.sim.compiled import step_function
from lightloom.sim.xbar.down import watch
from lightloom.sim.xbar.places import output_at
from lightloom.sim.xbar.state import ABORTS, DISCARDS

ENDS, NODES = range(2)
"""Places in `count`."""


class DownState(NamedTuple):
    """Which outputs of crossbars are up. Nodes are endpoints, then switches.

    `ends` int64[link ends] and `nodes` int64[nodes] begin with those that faults may touch, as
    many as `count` int64[2] says: nothing else is looked at. `node`, `port` int64[link ends]:
    where an end is. `up` uint64[nodes]: outputs. `dead` uint8[nodes]. `discards`, `aborts`
    int64[nodes]: flits lost at outputs that are down, aborts sent.
    """

    count: np.ndarray
    ends: np.ndarray
    nodes: np.ndarray
    node: np.ndarray
    port: np.ndarray
    up: np.ndarray
    dead: np.ndarray
    discards: np.ndarray
    aborts: np.ndarray


def make_down(topology) -> DownState:
    """All outputs up, nothing watched."""
    nodes, ends = topology.endpoints + topology.switches, topology.ends
    first = topology.endpoints * topology.endpoint_ports
    in_switch = ends >= first
    node = np.where(in_switch, topology.endpoints + (ends - first) // topology.switch_ports,
                    ends // topology.endpoint_ports)
    port = np.where(in_switch, (ends - first) % topology.switch_ports,
                    ends % topology.endpoint_ports)
    return DownState(
        np.zeros(2, np.int64), np.zeros(ends.size, np.int64), np.zeros(nodes, np.int64),
        node, port, np.full(nodes, EVERYTHING), np.zeros(nodes, np.uint8),
        np.zeros(nodes, np.int64), np.zeros(nodes, np.int64))


def watch_ends(down: DownState, which) -> None:
    """Look at some link ends, and the nodes they belong to, from now on."""
    for place, found in ((ENDS, which), (NODES, down.node[which])):
        numbers = (down.ends, down.nodes)[place]
        new = np.setdiff1d(found, numbers[:down.count[place]])
        numbers[down.count[place]:down.count[place] + new.size] = new
        down.count[place] += new.size


@step_function
def down_step(down, links, endpoints, switches):
    """After crossbars and links were stepped in a cycle."""
    for k in range(down.count[ENDS]):
        end = down.ends[k]
        if links.ends[end].lossy and not links.replay[end].up:
            down.up[down.node[end]] &= ~bit(down.port[end])
        else:
            down.up[down.node[end]] |= bit(down.port[end])
    for k in range(down.count[NODES]):
        node = down.nodes[k]
        if node < endpoints.nodes:
            _watch(down, endpoints, node, node)
        else:
            _watch(down, switches, node, node - endpoints.nodes)


@step_function
def _watch(down, state, node, own):
    up = down.up[node]
    if down.dead[node]:
        # What it holds is lost at once.
        up = NOTHING
        for j in range(state.outs):
            output_at(state, own, j).down = max(output_at(state, own, j).down,
                                                state.hold_cycles - 1)
    watch(state, own, up)
    for j in range(state.outs):
        down.discards[node] += state.output_counters[own, j, DISCARDS]
        down.aborts[node] += state.output_counters[own, j, ABORTS]
        state.output_counters[own, j, DISCARDS] = state.output_counters[own, j, ABORTS] = 0
