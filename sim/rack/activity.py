"""Step the nodes of a fabric, and of each only what has something to do.

A part at rest is one whose step would change nothing but a count of cycles, so the result is that
of :func:`.fabric.fabric_step` and of the host ports stepped one by one. Nodes meet on the fibres
alone: one may be stepped for as many cycles as a flit flies before the next one is, while what it
works on is in the processor's cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import EVERYTHING, NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NO_FLIT
from lightloom.sim.link import LEAD, link_step
from lightloom.sim.link.state import NEVER
from lightloom.sim.wires import take_window
from lightloom.sim.xbar.state import DOWN
from lightloom.sim.xbar.step import step_with

from .down import down_step
from .fabric import count_arrived
from .topology import NOBODY

TICK = np.dtype([(name, np.int16) for name in ("phase", "turn", "slot")])
"""The registers of a crossbar that count cycles."""


class Activity(NamedTuple):
    """What of each node is to be stepped: sets of ports, by what is outside of the crossbar there.

    Nodes are endpoints, then switches. `lead`: cycles that a node may be ahead of another.
    """

    ports: int              # of all nodes
    hosts: int
    lead: int
    owner: np.ndarray       # int64[ports]: link end there, or NOBODY
    node: np.ndarray        # int64[link ends]
    port: np.ndarray        # int64[link ends]: of the node
    awake: np.ndarray       # uint64[nodes]: not at rest in the cycle before
    wheel: np.ndarray       # uint64[cycles, nodes]: to be stepped in a later cycle
    every: np.ndarray       # uint8[1]: all is to be stepped
    ticks: np.ndarray       # TICK[LEAD]: counts of cycles, by cycle mod LEAD


def make_activity(topology, fabric) -> Activity:
    """For a fabric in any state, in which all is to be stepped first."""
    for state, first in ((fabric.endpoints, 0),
                         (fabric.switches, topology.endpoints * topology.endpoint_ports)):
        wires = first + np.arange(state.input.size)
        assert np.array_equal(state.input["wire"], wires)
        assert np.array_equal(state.output["wire"], topology.ports + wires)
    flight = fabric.links.ends["fibre"]
    if fabric.ideal:
        flight = np.concatenate([state.output["flight"] for state in (
            fabric.endpoints, fabric.switches)])
        flight = flight[flight > 0]
    cycles, nodes = fabric.links.tails.shape[1], topology.endpoints + topology.switches
    lead = min(LEAD, int(min(flight, default=LEAD)))
    return Activity(
        ports=topology.ports, hosts=topology.hosts, lead=max(1, lead), owner=topology.end_at,
        node=topology.end_node, port=topology.end_port, awake=np.zeros(nodes, np.uint64),
        wheel=np.zeros((cycles, nodes), np.uint64), every=np.ones(1, np.uint8),
        ticks=np.zeros(LEAD, TICK))


@step_function
def set_ticks(fabric, activity, begin, end):
    """Before nodes are stepped from `begin` up to `end`: what their counts of cycles are."""
    vcs, turns = fabric.endpoints.vcs, fabric.endpoints.turns
    for cycle in range(begin, end):
        tick = activity.ticks[cycle & LEAD - 1]
        tick.phase, tick.turn, tick.slot = cycle % vcs, cycle % turns, cycle % (4 * vcs)


@step_function
def node_step(fabric, state, activity, own, node, base, cycle, every, link_flits, hops):
    """Step crossbar `own` of a group and its links; the set of host ports to be stepped.

    `node` is its number among all, `base` its first port. `link_flits` int32[link ends] and
    `hops` int64[1] are added to.
    """
    wires, ports = fabric.wires, EVERYTHING >> np.uint64(64 - state.ins)
    flits = take_window(wires.flits, cycle, base, ports)
    credits = take_window(wires.credits, cycle, activity.ports + base, ports)
    parts = (take_window(wires.flits, cycle, activity.ports + base, ports)
             | take_window(wires.credits, cycle, base, ports))
    row = cycle & activity.wheel.shape[0] - 1
    parts |= activity.awake[node] | activity.wheel[row, node]
    activity.awake[node] = activity.wheel[row, node] = NOTHING
    if every:
        parts = ports
    whole = state.whole[own]
    moves = flits | credits | whole.arrived | whole.waiting | whole.restless
    if state.fails and state.ever[DOWN]:
        moves |= state.whole_more[own].disturbed
    if moves or every:
        # At rest it has only missed to count the cycles.
        tick = activity.ticks[cycle & LEAD - 1]
        whole.phase, whole.turn, whole.slot = tick.phase, tick.turn, tick.slot
        hops[0] += step_with(state, wires, own, cycle, flits, credits)
        if fabric.ideal:
            count_arrived(fabric, state, own, base, link_flits)
    # Endpoints come first, and their host ports before the others.
    to_host = NOTHING
    if node < activity.awake.size - fabric.switches.nodes:
        to_host = bit(activity.hosts) - np.uint64(1)
    hosts = parts & to_host
    if cycle & fabric.links.rules.keepalive_cycles - 1 == 0:
        parts = ports      # each link end has something to send
    parts &= ~to_host
    if fabric.ideal:
        parts = NOTHING
    while parts:
        p = lowest(parts)
        parts = without_lowest(parts)
        end = activity.owner[base + p]
        if end != NOBODY:
            link_flits[end] += _link(fabric, activity, node, p, end, cycle)
    if state.fails and fabric.down.watched[node]:
        down_step(fabric.down, fabric.links, state, own, node, base)
    return hosts


@step_function
def _link(fabric, activity, node, p, end, cycle):
    """Step a link end; flits that it delivered."""
    links, wheel = fabric.links, activity.wheel
    own = links.ends[end]
    launched = own.launched
    moved = link_step(links, fabric.wires, end, cycle)
    if own.wake <= cycle + 1:
        activity.awake[node] |= bit(p)
    elif own.wake != NEVER:
        wheel[own.wake & wheel.shape[0] - 1, node] |= bit(p)
    if own.launched != launched:
        # A tail is on its way.
        row = links.ends[own.peer].wake & wheel.shape[0] - 1
        wheel[row, activity.node[own.peer]] |= bit(activity.port[own.peer])
    return moved


@step_function
def keep_receiver(fabric, activity, endpoint, h, port):
    """After the step of a host output: it is stepped again as long as it holds something."""
    if fabric.egress.shown[port] != NO_FLIT or fabric.egress.filled[port] != NOTHING:
        activity.awake[endpoint] |= bit(h)
