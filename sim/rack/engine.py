"""The workload's part of a cycle: tasks start and end, hosts send and receive."""

from __future__ import annotations

import numpy as np

from lightloom.sim.compiled import step_function
from lightloom.sim.flits import (
    ABORT,
    FULL,
    NO_FLIT,
    NONE,
    PARTIAL,
    end_of,
    first_of,
    pack,
    tag_of,
)
from lightloom.sim.random import number as random_number

from .tasks import DELAY
from .topology import TABLES, packet_route
from .work import NOTHING, PACKETS, RELEASED, STARTED, TIMERS


@step_function
def beat_word(number, src, dst, vc, nbytes, flit_bytes, beat):
    """The flit of beat `beat` of packet `number`."""
    rest = nbytes - beat * flit_bytes
    end = NONE if rest > flit_bytes else FULL if rest == flit_bytes else PARTIAL
    return pack(vc, 1, end, src, dst, number) if beat == 0 else pack(vc, 0, end, 0, 0, number)


@step_function
def offer(work, packets, switches, routes, key, port, cycle, flit_bytes, packet_bytes):
    """The beat that a host offers, as a flit, or NO_FLIT; the next packet is made when it starts,
    and its route chosen. `key` uint64: of what is drawn for routes."""
    number = work.packet[port]
    if number == NOTHING:
        task = work.first[port]
        if task == NOTHING:
            return NO_FLIT
        number = work.count[PACKETS]
        work.count[PACKETS] += 1
        work.packet[port] = number
        work.beat[port] = 0
        packets.task[number] = task
        packets.nbytes[number] = min(work.rest[port], packet_bytes)
        packets.offered[number] = cycle
        work.rest[port] -= packets.nbytes[number]
        packets.vc[number] = work.vc[task]
        if routes.mode != TABLES:
            switches.payload[number], packets.vc[number] = packet_route(
                routes, switches, np.int64(work.src[task]), np.int64(work.dst[task]),
                np.int64(work.vc[task]), random_number(key, np.uint64(number)))
    task = packets.task[number]
    return beat_word(number, work.src[task], work.dst[task], packets.vc[number],
                     packets.nbytes[number], flit_bytes, work.beat[port])


@step_function
def sent(work, packets, port, cycle, flit):
    """The beat on offer was accepted."""
    if first_of(flit):
        packets.accepted[tag_of(flit)] = cycle
    work.beat[port] += 1
    if end_of(flit) == NONE:
        return
    work.packet[port] = NOTHING
    if work.rest[port] == 0:
        task = work.following[work.first[port]]
        work.first[port] = task
        if task != NOTHING:
            work.rest[port] = work.nbytes[task]


@step_function
def received(work, packets, cycle, flit):
    """A beat is at its destination's host port."""
    if end_of(flit) == ABORT:
        return      # its packet was cut by a fault, and its message is never done
    number = tag_of(flit)
    if first_of(flit):
        packets.head[number] = cycle
    if end_of(flit) != NONE:
        packets.delivered[number] = cycle
        task = packets.task[number]
        work.left[task] -= 1
        if work.left[task] == 0:
            finish(work, task, cycle)


@step_function
def finish(work, task, cycle):
    """A task is done: release those that waited for it last."""
    work.done[task] = cycle
    for k in range(work.succ_ptr[task], work.succ_ptr[task + 1]):
        after = work.succ[k]
        work.before[after] -= 1
        if work.before[after] == 0:
            work.order[work.count[RELEASED]] = after
            work.count[RELEASED] += 1


@step_function
def advance(work, cycle, hosts, packet_bytes):
    """End the delays that are over, then start all that is released, in the order of release."""
    while work.count[TIMERS] and work.timers[0] >> 32 <= cycle:
        finish(work, _pop(work), cycle)
    while work.count[STARTED] < work.count[RELEASED]:
        task = work.order[work.count[STARTED]]
        work.count[STARTED] += 1
        if work.kind[task] != DELAY:
            _queue(work, task, hosts, packet_bytes)
        elif work.delay[task]:
            _push(work, (cycle + work.delay[task]) << 32 | task)
        else:
            finish(work, task, cycle)


@step_function
def _queue(work, task, hosts, packet_bytes):
    """A message goes behind those of its host port."""
    port = work.src[task] * hosts + work.dst[task] % hosts
    work.left[task] = (work.nbytes[task] + packet_bytes - 1) // packet_bytes
    if work.first[port] == NOTHING:
        work.first[port] = task
        work.rest[port] = work.nbytes[task]
    else:
        work.following[work.last[port]] = task
    work.last[port] = task


@step_function
def _push(work, timer):
    """Binary heap, the least first."""
    at = work.count[TIMERS]
    work.count[TIMERS] += 1
    while at and work.timers[(at - 1) >> 1] > timer:
        work.timers[at] = work.timers[(at - 1) >> 1]
        at = (at - 1) >> 1
    work.timers[at] = timer


@step_function
def _pop(work):
    """Take the task of the first timer."""
    task = work.timers[0] & 0xFFFFFFFF
    work.count[TIMERS] -= 1
    size = work.count[TIMERS]
    timer, at = work.timers[size], 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and work.timers[child + 1] < work.timers[child]:
            child += 1
        if work.timers[child] >= timer:
            break
        work.timers[at] = work.timers[child]
        at = child
    work.timers[at] = timer
    return task
