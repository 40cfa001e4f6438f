"""Event by event: delays, messages in the queues of host ports, flows."""

from __future__ import annotations

import numpy as np
from numba import njit

from lightloom.sim.rack.tasks import DELAY

from .share import fill

SENT = -1.0
"""Flits left of a message whose last one has left its host."""

LEVELS = 8
"""Most messages of a host port that are under way."""

CLOSE = 1e-6
"""Cycles: events this close happen together."""


@njit(cache=True)
def run_tasks(kind, port, flits, rate, alpha, route, delay, succ_ptr, succ, before, order,
              released, ports, window, ptr, links, link_count):
    """Run a task graph; the time of each task's end in cycles, -1 for one that never starts.

    Arrays are over tasks: `port` host port of a message's source, `flits`, `rate` (flits a cycle
    of a link alone), `alpha`, `route`; `delay` cycles. `before` is counted down, the first
    `released` of `order` are ready. `window` flits of a port's queue can be under way.
    """
    tasks = kind.size
    done = np.full(tasks, -1.0)
    times, who = np.empty(tasks + 1), np.empty(tasks + 1, np.int64)     # heap
    heap = started = 0
    queue = first, last, following, rest = (
        np.full(ports, -1), np.full(ports, -1), np.full(tasks, -1), flits.astype(np.float64))
    # Messages under way, by their place among those of their port.
    active = np.empty((LEVELS, ports), np.int64)
    share = np.empty((LEVELS, ports))
    routes, counts = np.empty(ports, np.int64), np.zeros(LEVELS, np.int64)
    changed, now = False, 0.0
    use, users = np.zeros(link_count), np.zeros(link_count, np.int64)
    while True:
        while started < released:
            task = order[started]
            started += 1
            if kind[task] != DELAY:
                p = port[task]
                if first[p] < 0:
                    first[p] = task
                else:
                    following[last[p]] = task
                last[p] = task
                changed = True
            elif delay[task] == 0:
                done[task] = now
                released = _release(task, succ_ptr, succ, before, order, released)
            else:
                heap = _push(times, who, heap, now + delay[task], task)
        if changed:
            _under_way(queue, active, counts, window)
            use[:] = 0.0
            for level in range(LEVELS):
                for k in range(counts[level]):
                    routes[k] = route[active[level, k]]
                fill(routes, counts[level], ptr, links, share[level], use, users)
            changed = False
        then = times[0] if heap else np.inf
        for level in range(LEVELS):
            for k in range(counts[level]):
                if share[level, k] > 0:
                    task = active[level, k]
                    then = min(then, now + rest[task] / (share[level, k] * rate[task]))
        if then == np.inf:
            return done
        for level in range(LEVELS):
            for k in range(counts[level]):
                task = active[level, k]
                speed = share[level, k] * rate[task]
                rest[task] -= (then - now) * speed
                if speed > 0 and rest[task] <= CLOSE * speed and rest[task] > SENT:
                    # The last flit has left its host.
                    rest[task] = SENT
                    heap = _push(times, who, heap, then + alpha[task], task)
                    changed = True
        now = then
        while heap and times[0] <= now + CLOSE:
            task = who[0]
            done[task] = times[0]
            heap = _pop(times, who, heap)
            released = _release(task, succ_ptr, succ, before, order, released)


@njit(cache=True)
def _under_way(queue, active, counts, window):
    """Take what is sent out of the queues; list what is under way."""
    first, last, following, rest = queue
    counts[:] = 0
    for p in range(first.size):
        before, task, level, ahead = -1, first[p], 0, 0.0
        while task >= 0 and level < LEVELS and ahead <= window:
            behind = following[task]
            if rest[task] == SENT:
                if before < 0:
                    first[p] = behind
                else:
                    following[before] = behind
                if behind < 0:
                    last[p] = before
            else:
                active[level, counts[level]] = task
                counts[level] += 1
                level += 1
                ahead += rest[task]
                before = task
            task = behind


@njit(cache=True)
def _release(task, succ_ptr, succ, before, order, released):
    for k in range(succ_ptr[task], succ_ptr[task + 1]):
        after = succ[k]
        before[after] -= 1
        if before[after] == 0:
            order[released] = after
            released += 1
    return released


@njit(cache=True)
def _push(times, who, size, time, task):
    at = size
    while at and times[(at - 1) >> 1] > time:
        times[at], who[at] = times[(at - 1) >> 1], who[(at - 1) >> 1]
        at = (at - 1) >> 1
    times[at], who[at] = time, task
    return size + 1


@njit(cache=True)
def _pop(times, who, size):
    """Take the first; the size that is left."""
    size -= 1
    time, task, at = times[size], who[size], 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and times[child + 1] < times[child]:
            child += 1
        if times[child] >= time:
            break
        times[at], who[at] = times[child], who[child]
        at = child
    times[at], who[at] = time, task
    return size
