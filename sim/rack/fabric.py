"""Crossbars, host ports and links of a topology, joined by wires."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import lowest, without_lowest
from lightloom.sim.compiled import constants, step_function
from lightloom.sim.host import EgressState, IngressState, make_egress, make_ingress
from lightloom.sim.link import LEAD, LinkState, flight_cycles, link_step, make_links
from lightloom.sim.wires import SLOTS, Wires, make_wires
from lightloom.sim.xbar import ALL, SOURCE, Shape, XbarState, make_xbars, xbar_step
from lightloom.sim.xbar.plain import is_plain as is_plain_xbar
from lightloom.sim.xbar.plain import plain as plain_xbars

from .down import DownState, down_step, make_down
from .topology import NOBODY, TABLES


class Fabric(NamedTuple):
    """State of all components. Host port h of endpoint e is e * hosts + h.

    An ideal link takes a flit a cycle and nothing but time: it is in the wires, which lead from an
    output of a crossbar to the far input. Then `links` has no ends.
    """

    wires: Wires
    endpoints: XbarState
    switches: XbarState
    ingress: IngressState
    egress: EgressState
    links: LinkState
    down: DownState
    ideal: bool             # links


def make_fabric(cfg, topology) -> Fabric:
    """The components of a :class:`.topology.Topology` after reset, links in steady state."""
    count, size = topology.endpoints, topology.endpoint_ports
    vcs, depth, credits = cfg.chiplet.vcs, cfg.xbar.vc_depth, cfg.xbar.egress_depth
    # The wire into a crossbar's port has the port's number; the wires out of them follow.
    into = np.arange(topology.ports)
    out = topology.ports + into
    ideal, slots = cfg.rack.links == "ideal", SLOTS
    ahead, back, forth, home = out.copy(), into.copy(), np.zeros_like(into), np.zeros_like(into)
    if ideal:
        flight = flight_cycles(cfg, topology.length_m)
        far = topology.ends[topology.peers]
        ahead[topology.ends], back[topology.ends] = into[far], out[far]
        # A credit flies as long as the flit that it is for.
        forth[topology.ends], home[topology.ends] = flight, flight[topology.peers]
        slots = 1 << int(max(flight, default=1) + LEAD + SLOTS - 1).bit_length()

    def crossbars(nodes, ports, first, entries):
        own = slice(first, first + nodes * ports)
        shape = Shape.of(cfg, ports, ports)
        # What nothing here uses or shows need not be stepped.
        shape = replace(shape, idle_sets=not (entries.kind == ALL).any(), voq_limit=0,
                        source_routing=bool((entries.kind == SOURCE).any()), statistics=False)
        wires = [each[own].reshape(nodes, ports) for each in (into, out, back, home, ahead, forth)]
        return make_xbars(shape, *wires[:2], entries, back=wires[2:4], ahead=wires[4:])

    ends = out[topology.ends], into[topology.ends], topology.peers
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
        wires=make_wires(2 * topology.ports, slots),
        endpoints=endpoints,
        switches=switches,
        ingress=make_ingress(into[host_ports], vcs, depth),
        egress=make_egress(out[host_ports], vcs, credits),
        links=make_links(cfg, *none) if ideal
        else make_links(cfg, *ends, fibre_m=topology.length_m),
        down=make_down(topology), ideal=ideal)


_without_errors = constants(errors=False)


def is_plain(fabric, routes, timeline) -> bool:
    """Whether a loop compiled for a :func:`plain` fabric steps this one: nothing fails, and the
    switches have entries."""
    return (timeline is None and routes.mode == TABLES
            and is_plain_xbar(fabric.endpoints) and is_plain_xbar(fabric.switches))


def with_payload(fabric, slots: int):
    """With room for the route words of packets of so many tags, where sources choose routes."""
    switches = fabric.switches
    if not switches.source_routing:
        return fabric
    payload = np.zeros(slots, np.uint64)
    payload[:switches.payload.size] = switches.payload
    return fabric._replace(switches=switches._replace(payload=payload))


@step_function
def plain(fabric):
    """A fabric of which nothing but the usual is asked, and in which nothing fails."""
    return Fabric(fabric.wires, plain_xbars(fabric.endpoints), plain_xbars(fabric.switches),
                  fabric.ingress, fabric.egress, _without_errors(fabric.links), fabric.down,
                  fabric.ideal)


@step_function
def fabric_step(fabric, cycle, link_flits):
    """Step crossbars and links; the number of flits through crossbars.

    `link_flits` int32[link ends]: flits that each end has delivered, added to; the links are not
    stepped when it is empty.
    """
    hops = 0
    for node in range(fabric.endpoints.nodes):
        hops += xbar_step(fabric.endpoints, fabric.wires, node, cycle)
        if fabric.ideal:
            count_arrived(fabric, fabric.endpoints, node, node * fabric.endpoints.ins, link_flits)
    first = fabric.endpoints.nodes * fabric.endpoints.ins
    for node in range(fabric.switches.nodes):
        hops += xbar_step(fabric.switches, fabric.wires, node, cycle)
        if fabric.ideal:
            count_arrived(fabric, fabric.switches, node, first + node * fabric.switches.ins,
                          link_flits)
    if link_flits.size == 0:
        return hops
    for end in range(fabric.links.ends.size):
        link_flits[end] += link_step(fabric.links, fabric.wires, end, cycle)
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


@step_function
def count_arrived(fabric, state, own, base, link_flits):
    """After a step of crossbar `own` of a group: flits that have come by ideal links, to its ports
    from `base` on among all."""
    inputs = state.whole[own].arrived
    while inputs:
        end = fabric.down.owner[base + lowest(inputs)]
        inputs = without_lowest(inputs)
        if end != NOBODY:
            link_flits[end] += 1
