"""A packet at a node: its output, its turn there, its flight to the next node."""

from __future__ import annotations

from lightloom.sim.compiled import step_function

from .heap import FREE, PACKET, push
from .network import FLOW, SHORTEST
from .state import (
    AREA,
    BORN,
    DST,
    FREE_SLOTS,
    HOPS,
    INSIDE,
    NBYTES,
    NEXT,
    NODE,
    NOTHING,
    NOW,
    OWNER,
    READY,
    SRC,
    TAIL,
    VC,
)


@step_function
def sending_fs(network, channel, nbytes):
    """Time that so many bytes take on a channel."""
    return int(nbytes * network.fs_per_byte[channel] + 0.5)


@step_function
def clock(state, now):
    """Bring the integral of packets inside up to `now`."""
    state.count[AREA] += state.count[INSIDE] * (now - state.count[NOW])
    state.count[NOW] = now


@step_function
def enter(network, state, now, src, dst, nbytes, vc, owner):
    """A new packet at its source; its row."""
    state.count[FREE_SLOTS] -= 1
    slot = state.free[state.count[FREE_SLOTS]]
    packet = state.packets[slot]
    packet[DST], packet[SRC], packet[NBYTES], packet[VC] = dst, src, nbytes, vc
    packet[BORN], packet[TAIL], packet[OWNER], packet[HOPS] = now, now, owner, 0
    packet[NODE] = src
    state.count[INSIDE] += 1
    return slot


@step_function
def leave(state, slot):
    """A packet is delivered."""
    state.free[state.count[FREE_SLOTS]] = slot
    state.count[FREE_SLOTS] += 1
    state.count[INSIDE] -= 1


@step_function
def _mixed(word):
    """Finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014), on signed words."""
    word = (word ^ (word >> 30 & 0x3FFFFFFFF)) * -4658895280553007687
    word = (word ^ (word >> 27 & 0x1FFFFFFFFF)) * -7723592293110705685
    return (word ^ (word >> 31 & 0x1FFFFFFFF)) & 0x7FFFFFFFFFFFFFFF


@step_function
def choose(network, state, node, slot):
    """Channel by which a packet leaves a node."""
    packet = state.packets[slot]
    group = network.groups[network.row[node], packet[DST]]
    begin, size = network.ptr[group], network.ptr[group + 1] - network.ptr[group]
    base = network.first[node]
    if size == 1:
        return base + network.ports[begin]
    word = packet[SRC] << 32 ^ packet[DST] << 16 ^ node
    if network.spread != FLOW:
        word ^= packet[BORN] << 20 ^ packet[OWNER] << 44
    at = _mixed(word) % size
    best = base + network.ports[begin + at]
    if network.spread == SHORTEST:
        # Ties fall to the first from a random place on.
        for _ in range(1, size):
            at = at + 1 if at + 1 < size else 0
            channel = base + network.ports[begin + at]
            if state.clear[channel] < state.clear[best]:
                best = channel
    return best


@step_function
def forward(network, state, now, node, slot):
    """A packet comes to its output queue; the channel of it."""
    channel = choose(network, state, node, slot)
    packet = state.packets[slot]
    packet[READY] = now
    sending = sending_fs(network, channel, packet[NBYTES])
    if network.vcs == 0:
        # FIFO: those ahead are known, so is the time at which it starts; its bytes must be there.
        start = max(now, state.clear[channel], packet[TAIL] - sending)
        state.clear[channel] = start + sending
        depart(network, state, channel, slot, start)
        return channel
    state.clear[channel] = max(now, state.clear[channel]) + sending
    vc = packet[VC] % network.vcs
    packet[NEXT] = NOTHING
    if state.head[channel, vc] == NOTHING:
        state.head[channel, vc] = slot
    else:
        state.packets[state.tail[channel, vc], NEXT] = slot
    state.tail[channel, vc] = slot
    if not state.sends[channel]:
        serve(network, state, now, channel)
    return channel


@step_function
def serve(network, state, now, channel):
    """A free channel takes a packet of the next VC that has one."""
    state.sends[channel] = 0
    for k in range(1, network.vcs + 1):
        vc = (state.turn[channel] + k) % network.vcs
        slot = state.head[channel, vc]
        if slot != NOTHING:
            packet = state.packets[slot]
            state.head[channel, vc] = packet[NEXT]
            state.turn[channel] = vc
            state.sends[channel] = 1
            sending = sending_fs(network, channel, packet[NBYTES])
            start = max(now, packet[TAIL] - sending)
            push(state.heap, start + sending, channel, FREE)
            depart(network, state, channel, slot, start)
            return


@step_function
def depart(network, state, channel, slot, start):
    """A packet starts on a channel: when it is ready at the next node's output, or delivered."""
    packet = state.packets[slot]
    node = network.into[channel]
    sending = sending_fs(network, channel, packet[NBYTES])
    state.busy[channel] += sending
    state.wait[channel] += start - packet[READY]
    state.sent[channel] += 1
    state.nbytes[channel] += packet[NBYTES]
    packet[HOPS] += 1
    packet[NODE] = node
    after = network.flight[channel] + network.delay[node]
    packet[TAIL] = start + sending + after
    ready = packet[TAIL]
    cut = network.cut[node]
    if cut and node != packet[DST] and cut < packet[NBYTES]:
        ready = start + sending_fs(network, channel, cut) + after
    push(state.heap, ready, slot, PACKET)
