"""Step the parts of a fabric that have something to do, and only those.

The result is that of :func:`.fabric.fabric_step` and the host ports stepped one by one: a part at
rest is one whose step would change nothing but a count of cycles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import EVERYTHING, NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import step_function, unit_function
from lightloom.sim.flits import NO_FLIT
from lightloom.sim.link import links_step, make_wheel
from lightloom.sim.wires import SLOTS, forget
from lightloom.sim.xbar import xbars_step

NOBODY = np.iinfo(np.int64).max


class Activity(NamedTuple):
    """What is to be stepped in a cycle, apart from crossbars; bit k mod 64 of word k / 64.

    `owner` int64[ports]: what a port's wires join its crossbar to: a link end, or host port h as
    -1 - h, or NOBODY. `every` uint8[1]: all is to be stepped next.
    """

    owner: np.ndarray
    every: np.ndarray
    links: np.ndarray        # uint64[*]: link ends
    wheel: np.ndarray        # uint64[cycles, *]: link ends in later cycles
    senders: np.ndarray      # uint64[*]: host inputs
    receivers: np.ndarray    # uint64[*]: host outputs


def make_activity(topology, fabric) -> Activity:
    """For a fabric in any state."""
    for state, first in ((fabric.endpoints, 0),
                         (fabric.switches, topology.endpoints * topology.endpoint_ports)):
        wires = first + np.arange(state.inputs.size)
        assert np.array_equal(state.inputs, wires)
        assert np.array_equal(state.outputs, topology.ports + wires)
    hosts = topology.endpoints * topology.hosts
    owner = np.full(topology.ports, NOBODY)
    owner[topology.ends] = np.arange(topology.ends.size)
    owner[fabric.ingress.outputs] = -1 - np.arange(hosts)
    wheel = make_wheel(fabric.links)
    return Activity(owner, np.ones(1, np.uint8), np.zeros(wheel.shape[1], np.uint64), wheel,
                    *(np.zeros(hosts // 64 + 1, np.uint64) for _ in range(2)))


@step_function
def active_step(fabric, activity, cycle, link_flits, hops):
    """Step crossbars and links; `senders` and `receivers` become the host ports to be stepped.

    `link_flits` int32[link ends] and `hops` int64[2], of endpoints' crossbars and of switches:
    added to. :func:`end_cycle` must follow when the host ports are stepped.
    """
    every = activity.every[0] != 0
    _look(fabric.wires, activity, cycle)
    hops[0] += xbars_step(fabric.endpoints, fabric.wires, cycle, every)
    hops[1] += xbars_step(fabric.switches, fabric.wires, cycle, every)
    links_step(fabric.links, fabric.wires, activity.links, activity.wheel, cycle, every,
               link_flits)
    if every:
        for word in range(activity.senders.size):
            activity.senders[word] = activity.receivers[word] = EVERYTHING


@step_function
def end_cycle(fabric, activity, cycle):
    """After the host ports."""
    activity.every[0] = 0
    forget(fabric.wires, cycle)


@unit_function
def _look(wires, activity, cycle):
    """Wake the links and host ports that have something on a wire in this cycle."""
    ports, slot = activity.owner.size, cycle & SLOTS - 1
    for word in range(ports >> 6, wires.flits.shape[1]):
        found = wires.flits[slot, word]
        while found:
            port = 64 * word + lowest(found) - ports
            found = without_lowest(found)
            # A word may begin with wires into crossbars.
            if port >= 0:
                _wake(activity.links, activity.receivers, activity.owner[port])
    for word in range((ports >> 6) + 1):
        found = wires.credits[slot, word]
        while found:
            port = 64 * word + lowest(found)
            found = without_lowest(found)
            if port < ports:
                _wake(activity.links, activity.senders, activity.owner[port])


@step_function
def _wake(links, hosts, owner):
    if owner == NOBODY:
        return
    if owner >= 0:
        links[owner >> 6] |= bit(owner & 63)
    else:
        hosts[-1 - owner >> 6] |= bit(-1 - owner & 63)


@step_function
def rest_receiver(fabric, activity, port):
    """After the step of host output `port`: it need not be stepped when it holds nothing."""
    if fabric.egress.shown[port] == NO_FLIT and fabric.egress.filled[port] == NOTHING:
        activity.receivers[port >> 6] &= ~bit(port & 63)
