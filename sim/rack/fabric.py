"""Crossbars, host ports and links of a topology, joined by wires."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lightloom.sim.compiled import step_function
from lightloom.sim.host import EgressState, IngressState, make_egress, make_ingress
from lightloom.sim.link import LinkState, flight_cycles, link_step, make_links
from lightloom.sim.wires import Wires, make_wires
from lightloom.sim.xbar import ALL, SOURCE, Shape, XbarState, make_xbars, xbar_step

from .delay import DelayState, delay_step, make_delays
from .down import DownState, down_step, make_down


class Fabric(NamedTuple):
    """State of all components. Host port h of endpoint e is e * hosts + h.

    Of `links` and `delays` one has all link ends and the other none.
    """

    wires: Wires
    endpoints: XbarState
    switches: XbarState
    ingress: IngressState
    egress: EgressState
    links: LinkState
    delays: DelayState
    down: DownState


def make_fabric(cfg, topology) -> Fabric:
    """The components of a :class:`.topology.Topology` after reset, links in steady state."""
    count, size = topology.endpoints, topology.endpoint_ports
    vcs, depth, credits = cfg.chiplet.vcs, cfg.xbar.vc_depth, cfg.xbar.egress_depth
    # The wire into a crossbar's port has the port's number; the wires out of them follow.
    into = np.arange(topology.ports)
    out = topology.ports + into

    def crossbars(nodes, ports, first, entries):
        own = slice(first, first + nodes * ports)
        shape = Shape.of(cfg, ports, ports)
        # What nothing here uses or shows need not be stepped.
        shape = replace(shape, idle_sets=not (entries.kind == ALL).any(), voq_limit=0,
                        source_routing=bool((entries.kind == SOURCE).any()), statistics=False)
        return make_xbars(shape, into[own].reshape(nodes, ports), out[own].reshape(nodes, ports),
                          entries)

    ends = out[topology.ends], into[topology.ends], topology.peers
    metres = topology.length_m
    ideal = cfg.rack.links == "ideal"
    none = (np.zeros(0, np.int64),) * 3
    endpoints = crossbars(count, size, 0, topology.endpoint_entries)
    switches = crossbars(topology.switches, topology.switch_ports, count * size,
                         topology.switch_entries)
    if ideal:
        # Nothing lies between an output and the far input: its credits are that one's slots.
        switches.outlet["credits"] = depth
        endpoints.outlet["credits"].reshape(count, size, vcs)[:, topology.hosts:] = depth
    host_ports = (np.arange(count)[:, None] * size + np.arange(topology.hosts)).reshape(-1)
    return Fabric(
        wires=make_wires(2 * topology.ports),
        endpoints=endpoints,
        switches=switches,
        ingress=make_ingress(into[host_ports], vcs, depth),
        egress=make_egress(out[host_ports], vcs, credits),
        links=make_links(cfg, *none) if ideal else make_links(cfg, *ends, fibre_m=metres),
        delays=make_delays(*ends, flight_cycles(cfg, metres)) if ideal
        else make_delays(*none, none[0]),
        down=make_down(topology))


@step_function
def fabric_step(fabric, cycle, link_flits):
    """Step crossbars and links; the number of flits through crossbars.

    `link_flits` int32[link ends]: flits that each end has delivered, added to; the links are not
    stepped when it is empty.
    """
    hops = 0
    for node in range(fabric.endpoints.nodes):
        hops += xbar_step(fabric.endpoints, fabric.wires, node, cycle)
    for node in range(fabric.switches.nodes):
        hops += xbar_step(fabric.switches, fabric.wires, node, cycle)
    if link_flits.size == 0:
        return hops
    for end in range(fabric.links.ends.size):
        link_flits[end] += link_step(fabric.links, fabric.wires, end, cycle)
    for end in range(fabric.delays.peers.size):
        moved, sends, _ = delay_step(fabric.delays, fabric.wires, end, cycle)
        link_flits[end] += moved
        if sends and fabric.delays.flight[end] == 1:
            link_flits[fabric.delays.peers[end]] += 1
    if fabric.down.any[0]:
        count, size = fabric.endpoints.nodes, fabric.endpoints.outs
        for node in range(count):
            if fabric.down.watched[node]:
                down_step(fabric.down, fabric.links, fabric.endpoints, node, node, node * size)
        for node in range(fabric.switches.nodes):
            if fabric.down.watched[count + node]:
                down_step(fabric.down, fabric.links, fabric.switches, node, count + node,
                          count * size + node * fabric.switches.outs)
    return hops
