"""The compiled loop of the rack model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NO_FLIT, vc_of
from lightloom.sim.host import egress_step, ingress_step

from .engine import advance, offer, received, sent
from .fabric import fabric_step
from .work import PACKETS


class Shape(NamedTuple):
    """What the loop needs of the configuration: sizes in bytes, `bucket` in cycles."""

    hosts: int
    flit_bytes: int
    packet_bytes: int
    bucket: int


class Tally(NamedTuple):
    """`link_flits` int32[buckets, link ends]; `delivered_flits` int64[buckets];
    `vc_flits` int64[V]; `hops` int64[1]."""

    link_flits: np.ndarray
    delivered_flits: np.ndarray
    vc_flits: np.ndarray
    hops: np.ndarray


@njit(cache=True)
def run_cycles(fabric, work, packets, tally, shape, begin, end):
    """Run cycles `begin` up to `end`; the cycle to go on from.

    That is less than `end` when the packet table could overflow: each port may need one packet.
    """
    return _loop(fabric, work, packets, tally, shape, begin, end)


@step_function
def _loop(fabric, work, packets, tally, shape, begin, end):
    ports = work.packet.size
    for cycle in range(begin, end):
        if work.count[PACKETS] + ports > packets.task.size:
            return cycle
        bucket = cycle // shape.bucket
        tally.hops[0] += fabric_step(fabric, cycle, tally.link_flits[bucket])
        for port in range(ports):
            flit = offer(work, packets, port, cycle, shape.flit_bytes, shape.packet_bytes)
            if ingress_step(fabric.ingress, fabric.wires, port, cycle, flit):
                sent(work, packets, port, cycle, flit)
            flit = egress_step(fabric.egress, fabric.wires, port, cycle)
            if flit != NO_FLIT:
                tally.delivered_flits[bucket] += 1
                tally.vc_flits[vc_of(flit)] += 1
                received(work, packets, cycle, flit)
        # After all offers: what starts in this cycle is offered from the next one on.
        advance(work, cycle, shape.hosts, shape.packet_bytes)
    return end
