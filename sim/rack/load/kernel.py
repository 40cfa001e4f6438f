"""The compiled loop of a load run."""

from __future__ import annotations

from numba import njit

from lightloom.sim.bits import bit, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import ABORT, FULL, NO_FLIT, NONE, end_of, first_of, pack, tag_of
from lightloom.sim.host import egress_step, ingress_step

from ..activity import active_step, end_cycle, rest_receiver
from .state import (
    ACCEPTED,
    AGE,
    BORN,
    BROKEN,
    DELIVERED,
    DONE,
    DONE_FLITS,
    FREE_SLOTS,
    HOPS,
    LATENCY,
    LONGEST,
    MADE,
    MADE_FLITS,
    MOVED,
    NO_SLOT,
    OFFERED,
    PACKETS,
    SENT_FLITS,
    SQUARES,
    SWITCH_HOPS,
    SYSTEM,
)
from .stream import draw


@njit(cache=True)
def run_cycles(fabric, activity, load, stream, stall, begin, end):
    """Run cycles `begin` up to `end`; the cycle to go on from.

    That is less than `end` when the slots of packets could run out (each port may need one), or
    when nothing has moved for `stall` cycles.
    """
    return _loop(fabric, activity, load, stream, stall, begin, end)


@step_function
def _loop(fabric, activity, load, stream, stall, begin, end):
    count = load.count
    for endpoint in range(load.arrivals.size):
        if load.arrivals[endpoint].count == 0:
            draw(stream, endpoint, load.arrivals[endpoint])
    for cycle in range(begin, end):
        if count[FREE_SLOTS] < load.queue.size or cycle > count[MOVED] + stall:
            return cycle
        batch = cycle // load.batch
        for endpoint in range(load.arrivals.size):
            while load.arrivals[endpoint].cycle <= cycle:
                _arrive(load, activity, stream, endpoint, batch, cycle)
        before = load.hops[0] + load.hops[1]
        active_step(fabric, activity, cycle, load.link_flits[batch], load.hops)
        # Nothing to wait for is no standstill.
        if (load.hops[0] + load.hops[1] != before
                or count[MADE] == count[DONE] + count[BROKEN]):
            count[MOVED] = cycle
        _hosts(fabric, activity, load, stream, batch, cycle)
        end_cycle(fabric, activity, cycle)
        load.batches[batch, SYSTEM] += count[MADE] - count[DONE] - count[BROKEN]
        if cycle + 1 == (batch + 1) * load.batch:
            present = count[MADE] - count[DONE] - count[BROKEN]
            load.batches[batch, AGE] = (cycle + 1) * present - count[BORN]
            load.batches[batch, HOPS] = load.hops[0] + load.hops[1]
            load.batches[batch, SWITCH_HOPS] = load.hops[1]
    return end


@step_function
def _hosts(fabric, activity, load, stream, batch, cycle):
    """Step the host ports that have something to do."""
    for word in range(activity.senders.size):
        ports = activity.senders[word]
        while ports:
            port = 64 * word + lowest(ports)
            ports = without_lowest(ports)
            if port >= load.queue.size:
                break
            flit = _offer(load, port)
            if ingress_step(fabric.ingress, fabric.wires, port, cycle, flit):
                _sent(load, stream, port, batch, cycle, flit)
            if load.queue[port] == 0:
                activity.senders[word] &= ~bit(port & 63)
    for word in range(activity.receivers.size):
        ports = activity.receivers[word]
        while ports:
            port = 64 * word + lowest(ports)
            ports = without_lowest(ports)
            if port >= load.queue.size:
                break
            flit = egress_step(fabric.egress, fabric.wires, port, cycle)
            if flit != NO_FLIT:
                _received(load, port, batch, cycle, flit)
            rest_receiver(fabric, activity, port)


@step_function
def _arrive(load, activity, stream, endpoint, batch, cycle):
    """The endpoint's next packet is made."""
    packet = load.arrivals[endpoint]
    port = endpoint * load.hosts + packet.dst % load.hosts
    if load.queue[port] == 0:
        load.heads[port] = load.arrivals[endpoint]
    load.queue[port] += 1
    activity.senders[port >> 6] |= bit(port & 63)
    load.count[MADE] += 1
    load.count[BORN] += cycle
    load.count[MADE_FLITS] += packet.flits
    load.batches[batch, OFFERED] += packet.flits
    draw(stream, endpoint, packet)


@step_function
def _offer(load, port):
    """The flit that a host offers, or NO_FLIT; a packet has its slot from its first offer on."""
    if load.queue[port] == 0:
        return NO_FLIT
    packet, beat = load.heads[port], load.beat[port]
    if load.slot[port] == NO_SLOT:
        load.count[FREE_SLOTS] -= 1
        slot = load.free[load.count[FREE_SLOTS]]
        load.slot[port] = slot
        load.born[slot] = packet.cycle
    end = FULL if beat + 1 == packet.flits else NONE
    if beat:
        return pack(packet.vc, 0, end, 0, 0, load.slot[port])
    return pack(packet.vc, 1, end, port // load.hosts, packet.dst, load.slot[port])


@step_function
def _sent(load, stream, port, batch, cycle, flit):
    """The flit on offer was accepted; behind a packet's last one is the next of the port."""
    endpoint = port // load.hosts
    load.count[MOVED] = cycle
    load.count[SENT_FLITS] += 1
    load.batches[batch, ACCEPTED] += 1
    load.sent[batch, endpoint] += 1
    load.beat[port] += 1
    if end_of(flit) == NONE:
        return
    load.beat[port] = 0
    load.slot[port] = NO_SLOT
    load.queue[port] -= 1
    if load.queue[port]:
        draw(stream, endpoint, load.heads[port])
        while endpoint * load.hosts + load.heads[port].dst % load.hosts != port:
            draw(stream, endpoint, load.heads[port])


@step_function
def _received(load, port, batch, cycle, flit):
    """A flit is at its destination's host port."""
    load.count[MOVED] = cycle
    if first_of(flit):
        load.inward[port] = tag_of(flit)
    slot = load.inward[port]
    if end_of(flit) == ABORT:
        load.count[BROKEN] += 1
        load.count[BORN] -= load.born[slot]
        _free(load, slot)
        return
    load.count[DONE_FLITS] += 1
    load.batches[batch, DELIVERED] += 1
    load.received[batch, port // load.hosts] += 1
    if end_of(flit) == NONE:
        return
    latency = cycle - load.born[slot]
    load.count[DONE] += 1
    load.count[BORN] -= load.born[slot]
    load.batches[batch, PACKETS] += 1
    load.batches[batch, LATENCY] += latency
    load.batches[batch, SQUARES] += latency * latency
    load.batches[batch, LONGEST] = max(load.batches[batch, LONGEST], latency)
    load.histogram[batch, min(latency, load.bins - 1)] += 1
    _free(load, slot)


@step_function
def _free(load, slot):
    load.free[load.count[FREE_SLOTS]] = slot
    load.count[FREE_SLOTS] += 1
