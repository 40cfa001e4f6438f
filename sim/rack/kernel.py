"""The compiled loop of the rack model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import bit
from lightloom.sim.compiled import loop, merged
from lightloom.sim.flits import NO_FLIT, vc_of
from lightloom.sim.host import egress_step, ingress_step

from .activity import keep_receiver, node_step, set_ticks
from .engine import advance, offer, received, sent
from .fabric import plain
from .topology import by_tables
from .work import NOTHING, PACKETS


class Shape(NamedTuple):
    """What the loop needs of the configuration: sizes in bytes, `bucket` in cycles."""

    hosts: int
    flit_bytes: int
    packet_bytes: int
    bucket: int


class Tally(NamedTuple):
    """`link_flits` int32[buckets, link ends]; `delivered_flits` int64[buckets];
    `vc_flits` int64[V]; `hops` int64[1]; `hosts` uint64[endpoints]: host ports to be stepped."""

    link_flits: np.ndarray
    delivered_flits: np.ndarray
    vc_flits: np.ndarray
    hops: np.ndarray
    hosts: np.ndarray


@loop
def run_cycles(fabric, activity, work, packets, tally, routes, key, shape, begin, end):
    """Run cycles `begin` up to `end`; the cycle to go on from.

    That is less than `end` when the packet table could overflow: each port may need one packet.
    """
    return _loop(fabric, activity, work, packets, tally, routes, key, shape, begin, end)


@loop
def run_plain_cycles(fabric, activity, work, packets, tally, routes, key, shape, begin, end):
    """The same of what :func:`.fabric.is_plain`."""
    return _loop(plain(fabric), activity, work, packets, tally, by_tables(routes), key, shape,
                 begin, end)


@merged
def _loop(fabric, activity, work, packets, tally, routes, key, shape, begin, end):
    ports, hosts = work.packet.size, tally.hosts
    for cycle in range(begin, end):
        if work.count[PACKETS] + ports > packets.task.size:
            return cycle
        bucket = cycle // shape.bucket
        _nodes(fabric, activity, cycle, tally.link_flits[bucket], tally.hops, hosts)
        for port in range(ports):
            busy = work.packet[port] != NOTHING or work.first[port] != NOTHING
            endpoint, h = port // shape.hosts, port % shape.hosts
            if busy or hosts[endpoint] & bit(h):
                flit = offer(work, packets, fabric.switches, routes, key, port, cycle,
                             shape.flit_bytes, shape.packet_bytes)
                if ingress_step(fabric.ingress, fabric.wires, port, cycle, flit):
                    sent(work, packets, port, cycle, flit)
            if hosts[endpoint] & bit(h):
                flit = egress_step(fabric.egress, fabric.wires, port, cycle)
                if flit != NO_FLIT:
                    tally.delivered_flits[bucket] += 1
                    tally.vc_flits[vc_of(flit)] += 1
                    received(work, packets, cycle, flit)
                keep_receiver(fabric, activity, endpoint, h, port)
        # After all offers: what starts in this cycle is offered from the next one on.
        advance(work, cycle, shape.hosts, shape.packet_bytes)
    return end


@merged
def _nodes(fabric, activity, cycle, link_flits, hops, hosts):
    """Step all nodes; `hosts` uint64[endpoints] becomes the host ports that are to be stepped."""
    set_ticks(fabric, activity, cycle, cycle + 1)
    every = activity.every[0] != 0
    activity.every[0] = 0
    size, count = fabric.endpoints.ins, fabric.endpoints.nodes
    for node in range(count):
        hosts[node] = node_step(fabric, fabric.endpoints, activity, node, node, node * size, cycle,
                                every, link_flits, hops)
    first, size = count * size, fabric.switches.ins
    for node in range(fabric.switches.nodes):
        node_step(fabric, fabric.switches, activity, node, count + node, first + node * size,
                  cycle, every, link_flits, hops)
