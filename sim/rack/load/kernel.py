"""The compiled loop of a load run."""

from __future__ import annotations

from lightloom.sim.bits import bit, lowest, without_lowest
from lightloom.sim.compiled import loop, merged, prefetch, step_function
from lightloom.sim.flits import ABORT, FULL, NO_FLIT, NONE, end_of, first_of, pack, tag_of
from lightloom.sim.host import egress_step, ingress_step

from ..activity import keep_receiver, node_step, set_ticks
from ..fabric import plain
from ..fetch import fetch_ends, fetch_node, fetch_slots, fetch_tails
from ..topology import TABLES, by_tables, packet_route, vc_of_packet
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
    NO_TAG,
    OFFERED,
    PACKETS,
    SENT_FLITS,
    SQUARES,
    SWITCH_HOPS,
    SYSTEM,
)
from .stream import draw, route_draw


@loop
def run_cycles(fabric, activity, load, stream, routes, stall, lead, begin, end):
    """Run cycles `begin` up to `end`, each node for up to `lead` cycles at a time; the cycle to go
    on from.

    That is less than `end` when the slots of packets could run out (each port may need one a
    cycle), or when nothing has moved for `stall` cycles.
    """
    return _loop(fabric, activity, load, stream, routes, stall, lead, begin, end)


@loop
def run_plain_cycles(fabric, activity, load, stream, routes, stall, lead, begin, end):
    """The same of what :func:`..fabric.is_plain`."""
    return _loop(plain(fabric), activity, load, stream, by_tables(routes), stall, lead, begin, end)


@merged
def _loop(fabric, activity, load, stream, routes, stall, lead, begin, end):
    count = load.count
    for endpoint in range(load.arrivals.size):
        if load.arrivals[endpoint].count == 0:
            draw(stream, endpoint, load.arrivals[endpoint])
    cycle = begin
    while cycle < end:
        batch = cycle // load.batch
        stop = min(cycle + lead, end, (batch + 1) * load.batch)
        if count[FREE_SLOTS] < load.queue.size * (stop - cycle) or cycle > count[MOVED] + stall:
            return cycle
        present = count[MADE] - count[DONE] - count[BROKEN]
        before = count[SENT_FLITS] + count[DONE_FLITS] + load.hops[0] + load.hops[1]
        _nodes(fabric, activity, load, stream, routes, batch, cycle, stop)
        activity.every[0] = 0
        # Nothing to wait for is no standstill.
        if (count[MADE] == count[DONE] + count[BROKEN]
                or before != count[SENT_FLITS] + count[DONE_FLITS] + load.hops[0] + load.hops[1]):
            count[MOVED] = stop
        for k in range(stop - cycle):
            present += load.change[k]
            load.batches[batch, SYSTEM] += present
            load.change[k] = 0
        cycle = stop
        if cycle == (batch + 1) * load.batch:
            load.batches[batch, AGE] = cycle * present - count[BORN]
            load.batches[batch, HOPS] = load.hops[0] + load.hops[1]
            load.batches[batch, SWITCH_HOPS] = load.hops[1]
    return end


@merged
def _nodes(fabric, activity, load, stream, routes, batch, begin, end):
    """Step each node from `begin` up to `end`."""
    set_ticks(fabric, activity, begin, end)
    size, count = fabric.endpoints.ins, fabric.endpoints.nodes
    link_flits, here, there = load.link_flits[batch], load.hops[:1], load.hops[1:]
    ahead = end - begin > 1
    for node in range(count):
        if ahead:
            if node + 1 < count:
                fetch_slots(fabric.endpoints, node + 1)
                fetch_tails(fabric, activity, (node + 1) * size, size, end - begin)
            if node + 2 < count:
                fetch_node(fabric, fabric.endpoints, node + 2, (node + 2) * size, load.hosts,
                           begin, end)
                fetch_ends(fabric, activity, (node + 2) * size, size)
        for cycle in range(begin, end):
            while load.arrivals[node].cycle <= cycle:
                _arrive(fabric, load, activity, stream, node, batch, cycle, cycle - begin)
            hosts = node_step(fabric, fabric.endpoints, activity, node, node, node * size, cycle,
                              activity.every[0] != 0 and cycle == begin, link_flits, here)
            while hosts:
                h = lowest(hosts)
                hosts = without_lowest(hosts)
                _host(fabric, activity, load, stream, routes, node, h, batch, cycle, cycle - begin)
    first, size = count * size, fabric.switches.ins
    for node in range(fabric.switches.nodes):
        if ahead:
            fetch_slots(fabric.switches, node)
            fetch_tails(fabric, activity, first + node * size, size, end - begin)
            if node + 1 < fabric.switches.nodes:
                fetch_node(fabric, fabric.switches, node + 1, first + (node + 1) * size, 0,
                           begin, end)
                fetch_ends(fabric, activity, first + (node + 1) * size, size)
        for cycle in range(begin, end):
            node_step(fabric, fabric.switches, activity, node, count + node, first + node * size,
                      cycle, activity.every[0] != 0 and cycle == begin, link_flits, there)


@step_function
def _host(fabric, activity, load, stream, routes, endpoint, h, batch, cycle, place):
    """Step a host port, both ways."""
    port = endpoint * load.hosts + h
    flit = _offer(fabric, load, stream, routes, port)
    if ingress_step(fabric.ingress, fabric.wires, port, cycle, flit):
        _sent(load, stream, port, batch, flit)
    if load.queue[port]:
        activity.awake[endpoint] |= bit(h)
    flit = egress_step(fabric.egress, fabric.wires, port, cycle)
    if flit != NO_FLIT:
        _received(load, routes, port, batch, cycle, place, flit)
    keep_receiver(fabric, activity, endpoint, h, port)


@step_function
def _arrive(fabric, load, activity, stream, endpoint, batch, cycle, place):
    """The endpoint's next packet is made."""
    packet = load.arrivals[endpoint]
    prefetch(fabric.endpoints.kind, endpoint, packet.dst)
    prefetch(fabric.endpoints.ports, endpoint, packet.dst)
    h = packet.dst % load.hosts
    port = endpoint * load.hosts + h
    if load.queue[port] == 0:
        load.heads[port] = load.arrivals[endpoint]
    load.queue[port] += 1
    activity.awake[endpoint] |= bit(h)
    load.change[place] += 1
    load.count[MADE] += 1
    load.count[BORN] += cycle
    load.count[MADE_FLITS] += packet.flits
    load.batches[batch, OFFERED] += packet.flits
    draw(stream, endpoint, packet)


@step_function
def _offer(fabric, load, stream, routes, port):
    """The flit that a host offers, or NO_FLIT; a packet has its tag from its first offer on."""
    if load.queue[port] == 0:
        return NO_FLIT
    packet, beat = load.heads[port], load.beat[port]
    if load.tag[port] == NO_TAG:
        load.tag[port] = packet.cycle + 1
        if routes.mode != TABLES:
            load.count[FREE_SLOTS] -= 1
            slot = load.free[load.count[FREE_SLOTS]]
            load.tag[port] = slot
            load.born[slot] = packet.cycle
        _choose(fabric, load, stream, routes, port, packet, load.tag[port])
    end = FULL if beat + 1 == packet.flits else NONE
    if beat:
        return pack(load.vc[port], 0, end, 0, 0, load.tag[port])
    return pack(load.vc[port], 1, end, port // load.hosts, packet.dst, load.tag[port])


@step_function
def _choose(fabric, load, stream, routes, port, packet, slot):
    """VC and route of the packet on offer."""
    src = port // load.hosts
    if packet.dst == src:
        load.vc[port] = packet.vc
    elif routes.mode == TABLES:
        load.vc[port] = vc_of_packet(routes, src, packet.dst, packet.vc)
    else:
        fabric.switches.payload[slot], load.vc[port] = packet_route(
            routes, fabric.switches, src, packet.dst, packet.vc, route_draw(stream, src, packet))


@step_function
def _sent(load, stream, port, batch, flit):
    """The flit on offer was accepted; behind a packet's last one is the next of the port."""
    endpoint = port // load.hosts
    load.count[SENT_FLITS] += 1
    load.batches[batch, ACCEPTED] += 1
    load.sent[batch, endpoint] += 1
    load.beat[port] += 1
    if end_of(flit) == NONE:
        return
    load.beat[port] = 0
    load.tag[port] = NO_TAG
    load.queue[port] -= 1
    if load.queue[port]:
        draw(stream, endpoint, load.heads[port])
        while endpoint * load.hosts + load.heads[port].dst % load.hosts != port:
            draw(stream, endpoint, load.heads[port])


@step_function
def _received(load, routes, port, batch, cycle, place, flit):
    """A flit is at its destination's host port."""
    if first_of(flit):
        load.inward[port] = tag_of(flit)
    if end_of(flit) == ABORT:
        load.count[BROKEN] += 1
        load.change[place] -= 1
        load.count[BORN] -= _born(load, routes, load.inward[port])
        return
    load.count[DONE_FLITS] += 1
    load.batches[batch, DELIVERED] += 1
    load.received[batch, port // load.hosts] += 1
    if end_of(flit) == NONE:
        return
    born = _born(load, routes, load.inward[port])
    latency = cycle - born
    load.count[DONE] += 1
    load.change[place] -= 1
    load.count[BORN] -= born
    load.batches[batch, PACKETS] += 1
    load.batches[batch, LATENCY] += latency
    load.batches[batch, SQUARES] += latency * latency
    load.batches[batch, LONGEST] = max(load.batches[batch, LONGEST], latency)
    load.histogram[batch, min(latency, load.bins - 1)] += 1


@step_function
def _born(load, routes, tag):
    """The cycle in which a packet that has ended was made; its tag may be another's from now on."""
    if routes.mode == TABLES:
        return tag - 1
    load.free[load.count[FREE_SLOTS]] = tag
    load.count[FREE_SLOTS] += 1
    return load.born[tag]
