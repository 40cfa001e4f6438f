"""Activities over time: those that use the same links slow each other down."""

from __future__ import annotations

import heapq

import numpy as np

from .share import speeds

CLOSE = 1e-6
"""Cycles: events this close happen together."""


def run_activities(activities, link_count: int, progress=None) -> tuple[np.ndarray, np.ndarray]:
    """(begin, end) of each activity in cycles, float64.

    An activity that takes T cycles alone, in which it keeps a link busy for b of them, needs the
    part b/T of the link's time at pace 1. Paces are max-min fair (:func:`.share.speeds`).
    """
    count = len(activities)
    begin, end = np.zeros(count), np.full(count, -1.0)
    waits = [len(each.after) for each in activities]
    following = [[] for _ in activities]
    for number, each in enumerate(activities):
        for need, cycles in each.after.items():
            following[need].append((number, cycles))
        begin[number] = each.begin
    ready = [(begin[number], number) for number in range(count) if not waits[number]]
    heapq.heapify(ready)
    running, rest, pace, now, done = [], np.empty(0), np.empty(0), 0.0, 0
    while ready or running:
        step = (rest / pace).min() if running else np.inf
        then = min(now + step, ready[0][0] if ready else np.inf)
        rest = rest - (then - now) * pace
        now = then
        over = rest <= CLOSE * pace
        finished = [number for number, out in zip(running, over, strict=True) if out]
        running = [number for number, out in zip(running, over, strict=True) if not out]
        rest = rest[~over]
        started = []
        while finished or (ready and ready[0][0] <= now + CLOSE):
            for number in finished:
                end[number] = now
                done += 1
                for after, cycles in following[number]:
                    begin[after] = max(begin[after], now + cycles)
                    waits[after] -= 1
                    if not waits[after]:
                        heapq.heappush(ready, (begin[after], after))
            finished = []
            while ready and ready[0][0] <= now + CLOSE:
                _, number = heapq.heappop(ready)
                (started if activities[number].alone.cycles > 0 else finished).append(number)
        running += started
        rest = np.concatenate([rest, [activities[number].alone.cycles for number in started]])
        pace = _paces([activities[number].alone for number in running], link_count)
        if progress is not None:
            progress(done, count)
    return begin, end


def _paces(alone, link_count):
    if not alone:
        return np.empty(0)
    ptr = np.concatenate([[0], np.cumsum([each.links.size for each in alone])])
    return speeds(ptr, np.concatenate([each.links for each in alone]),
                  np.concatenate([each.busy / each.cycles for each in alone]), link_count)
