"""Event by event: delays, messages in the queues of host ports, flows."""

from __future__ import annotations

import numpy as np
from numba import njit

from lightloom.sim.rack.tasks import DELAY

from .share import fill

CLOSE = 1e-6
"""Cycles: events this close happen together."""


@njit(cache=True)
def run_tasks(kind, port, flits, rate, alpha, route, delay, succ_ptr, succ, before, order,
              released, ports, ptr, links, link_count):
    """Run a task graph; the time of each task's end in cycles, -1 for one that never starts.

    Arrays are over tasks: `port` host port of a message's source, `flits`, `rate` (flits a cycle
    of a link alone), `alpha`, `route`; `delay` cycles. `before` is counted down, the first
    `released` of `order` are ready.
    """
    tasks = kind.size
    done = np.full(tasks, -1.0)
    times, who = np.empty(tasks + 1), np.empty(tasks + 1, np.int64)     # heap
    heap = started = 0
    first, last = np.full(ports, -1), np.full(ports, -1)
    following = np.full(tasks, -1)
    # Flows: at most one of each host port.
    active, routes = np.empty(ports, np.int64), np.empty(ports, np.int64)
    rest, share = np.empty(ports), np.empty(ports)
    flows, changed, now = 0, False, 0.0
    use, users = np.zeros(link_count), np.zeros(link_count, np.int64)
    while True:
        while started < released:
            task = order[started]
            started += 1
            if kind[task] != DELAY:
                p = port[task]
                if first[p] < 0:
                    first[p] = task
                    active[flows], routes[flows], rest[flows] = task, route[task], flits[task]
                    flows += 1
                    changed = True
                else:
                    following[last[p]] = task
                last[p] = task
            elif delay[task] == 0:
                done[task] = now
                released = _release(task, succ_ptr, succ, before, order, released)
            else:
                heap = _push(times, who, heap, now + delay[task], task)
        if changed:
            fill(routes, flows, ptr, links, share, use, users)
            changed = False
        then = times[0] if heap else np.inf
        for k in range(flows):
            then = min(then, now + rest[k] / (share[k] * rate[active[k]]))
        if then == np.inf:
            return done
        step, k = then - now, 0
        while k < flows:
            task = active[k]
            speed = share[k] * rate[task]
            rest[k] -= step * speed
            if rest[k] > CLOSE * speed:
                k += 1
                continue
            # The last flit has left its host; the next message of the port takes its place.
            heap = _push(times, who, heap, then + alpha[task], task)
            changed = True
            task = following[task]
            first[port[active[k]]] = task
            if task >= 0:
                active[k], routes[k], rest[k] = task, route[task], flits[task]
                k += 1
            else:
                flows -= 1
                active[k], routes[k], rest[k] = active[flows], routes[flows], rest[flows]
                share[k] = share[flows]
        now = then
        while heap and times[0] <= now + CLOSE:
            task = who[0]
            done[task] = times[0]
            heap = _pop(times, who, heap)
            released = _release(task, succ_ptr, succ, before, order, released)


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
