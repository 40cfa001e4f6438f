"""The compiled loop of the rack model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lightloom.sim.bits import bit, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NO_FLIT, vc_of
from lightloom.sim.host import egress_step, ingress_step

from .activity import active_step, end_cycle, rest_receiver
from .engine import advance, offer, received, sent
from .work import NOTHING, PACKETS


class Shape(NamedTuple):
    """What the loop needs of the configuration: sizes in bytes, `bucket` in cycles."""

    hosts: int
    flit_bytes: int
    packet_bytes: int
    bucket: int


class Tally(NamedTuple):
    """`link_flits` int32[buckets, link ends]; `delivered_flits` int64[buckets];
    `vc_flits` int64[V]; `hops` int64[2]: of
    :func:`.activity.active_step`."""

    link_flits: np.ndarray
    delivered_flits: np.ndarray
    vc_flits: np.ndarray
    hops: np.ndarray


@njit(cache=True)
def run_cycles(fabric, activity, work, packets, tally, shape, begin, end):
    """Run cycles `begin` up to `end`; the cycle to go on from.

    That is less than `end` when the packet table could overflow: each port may need one packet.
    """
    return _loop(fabric, activity, work, packets, tally, shape, begin, end)


@step_function
def _loop(fabric, activity, work, packets, tally, shape, begin, end):
    ports = work.packet.size
    for cycle in range(begin, end):
        if work.count[PACKETS] + ports > packets.task.size:
            return cycle
        bucket = cycle // shape.bucket
        active_step(fabric, activity, cycle, tally.link_flits[bucket], tally.hops)
        for port in range(ports):
            busy = work.packet[port] != NOTHING or work.first[port] != NOTHING
            if busy or activity.senders[port >> 6] & bit(port & 63):
                flit = offer(work, packets, port, cycle, shape.flit_bytes, shape.packet_bytes)
                if ingress_step(fabric.ingress, fabric.wires, port, cycle, flit):
                    sent(work, packets, port, cycle, flit)
        for word in range(activity.senders.size):
            activity.senders[word] = 0
            outputs = activity.receivers[word]
            while outputs:
                port = 64 * word + lowest(outputs)
                outputs = without_lowest(outputs)
                if port >= ports:
                    break
                flit = egress_step(fabric.egress, fabric.wires, port, cycle)
                if flit != NO_FLIT:
                    tally.delivered_flits[bucket] += 1
                    tally.vc_flits[vc_of(flit)] += 1
                    received(work, packets, cycle, flit)
                rest_receiver(fabric, activity, port)
        end_cycle(fabric, activity, cycle)
        # After all offers: what starts in this cycle is offered from the next one on.
        advance(work, cycle, shape.hosts, shape.packet_bytes)
    return end
