"""The compiled loop of the output-queued model: one event after the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lightloom.sim.compiled import step_function

from .forward import clock, enter, forward, leave, serve
from .heap import FREE, PACKET, SEND, SIZE, pop
from .state import (
    ARRIVED,
    BORN,
    BYTES,
    DELIVERED,
    DST,
    FREE_SLOTS,
    HOPS,
    NBYTES,
    NODE,
    OWNER,
)
from .work import begin, finish, send

LATER, FULL, IDLE = range(3)
"""Why the loop stopped: the next event is after `until`, no room for packets, no event left."""


class Record(NamedTuple):
    """Of each packet of an open-loop run: `latency` int64[n] in fs, -1 on the way; `hops`
    uint8[n]: channels used."""

    latency: np.ndarray
    hops: np.ndarray


@njit(cache=True)
def begin_tasks(network, state, work):
    """Start the tasks that wait for none."""
    _begin(network, state, work)


@step_function
def _begin(network, state, work):
    begin(network, state, work)


@njit(cache=True)
def run_arrivals(network, state, arrivals, record, until):
    """Run packets that come by themselves, up to time `until` (fs); why it stopped."""
    return _arrivals(network, state, arrivals, record, until)


@step_function
def _arrivals(network, state, arrivals, record, until):
    total = arrivals.time.size
    while True:
        number = state.count[ARRIVED]
        events = state.heap.count[SIZE]
        if number < total and (events == 0 or arrivals.time[number] <= state.heap.time[0]):
            now = arrivals.time[number]
            if now > until:
                return LATER
            if state.count[FREE_SLOTS] == 0:
                return FULL
            clock(state, now)
            state.count[ARRIVED] += 1
            node = arrivals.src[number]
            slot = enter(network, state, now, node, arrivals.dst[number],
                         arrivals.nbytes[number], arrivals.vc[number], number)
            forward(network, state, now, node, slot)
            continue
        if events == 0:
            return IDLE
        now = state.heap.time[0]
        if now > until:
            return LATER
        clock(state, now)
        item, kind = pop(state.heap)
        if kind == FREE:
            serve(network, state, now, item)
        elif state.packets[item, NODE] != state.packets[item, DST]:
            forward(network, state, now, state.packets[item, NODE], item)
        else:
            packet = state.packets[item]
            record.latency[packet[OWNER]] = now - packet[BORN]
            record.hops[packet[OWNER]] = packet[HOPS]
            state.count[DELIVERED] += 1
            state.count[BYTES] += packet[NBYTES]
            leave(state, item)


@njit(cache=True)
def run_tasks(network, state, work, packet_bytes, until):
    """Run a workload up to time `until` (fs); why it stopped."""
    return _tasks(network, state, work, packet_bytes, until)


@step_function
def _tasks(network, state, work, packet_bytes, until):
    while state.heap.count[SIZE]:
        now = state.heap.time[0]
        if now > until:
            return LATER
        if state.count[FREE_SLOTS] == 0:
            return FULL
        clock(state, now)
        item, kind = pop(state.heap)
        if kind == FREE:
            serve(network, state, now, item)
        elif kind == SEND:
            send(network, state, work, item, now, packet_bytes)
        elif kind == PACKET:
            packet = state.packets[item]
            if packet[NODE] != packet[DST]:
                forward(network, state, now, packet[NODE], item)
                continue
            task = packet[OWNER]
            work.left[task] -= packet[NBYTES]
            state.count[DELIVERED] += 1
            state.count[BYTES] += packet[NBYTES]
            leave(state, item)
            if work.left[task] == 0:
                finish(network, state, work, task, now)
        else:
            finish(network, state, work, item, now)
    return IDLE
