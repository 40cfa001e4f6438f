"""Max-min fair shares (Bertsekas and Gallager, *Data Networks*, 2nd ed., section 6.5.2)."""

from __future__ import annotations

import numpy as np
from numba import njit

SAME = 1 + 1e-9
"""Levels of filling this close are one."""

NOTHING_LEFT = 1e-12
"""So small a part of a link's time is none."""


@njit(cache=True)
def fill(flows, count, ptr, links, share, use, users):
    """Fill all flows at one pace; one is full when a link of its is.

    Parameters
    ----------
    flows : int[...]
        Routes of the first `count` flows: flow k takes links[ptr[flows[k]]:ptr[flows[k] + 1]].
    share : float64[...]
        Written: the part of a link's time that each has. 1 for one that takes no link, 0 where
        nothing is left.
    use : float64[links]
        Part of a link's time that is not free: what others have before, with these after.
    users : int64[links]
        Scratch, zeros; left so.
    """
    touched = np.empty(use.size, np.int64)
    links_used = left = 0
    for k in range(count):
        share[k] = -1.0
        begin, end = ptr[flows[k]], ptr[flows[k] + 1]
        if begin == end:
            share[k] = 1.0
            continue
        left += 1
        for at in range(begin, end):
            if users[links[at]] == 0:
                touched[links_used] = links[at]
                links_used += 1
            users[links[at]] += 1
    while left:
        level = np.inf
        for at in range(links_used):
            link = touched[at]
            if users[link] > 0:
                level = min(level, (1.0 - use[link]) / users[link])
        full = level * SAME + NOTHING_LEFT
        # A link that becomes full is marked by 2 until its flows are all seen.
        for at in range(links_used):
            link = touched[at]
            if users[link] > 0 and (1.0 - use[link]) / users[link] <= full:
                use[link] += 2.0
        level = level if level > NOTHING_LEFT else 0.0
        for k in range(count):
            if share[k] >= 0:
                continue
            begin, end = ptr[flows[k]], ptr[flows[k] + 1]
            for at in range(begin, end):
                if use[links[at]] >= 1.5:
                    share[k] = level
                    break
            if share[k] >= 0:
                left -= 1
                for at in range(begin, end):
                    users[links[at]] -= 1
                    use[links[at]] += level
    for at in range(links_used):
        if use[touched[at]] >= 1.5:
            use[touched[at]] = 1.0


@njit(cache=True)
def speeds(ptr, links, loads, size):
    """Paces of activities that each need a part `loads` of the time of its `links` at pace 1.

    As :func:`fill`: all at one pace, at most 1, until a link is full; float64[activities].
    """
    count = ptr.size - 1
    pace = np.full(count, -1.0)
    used, wanted = np.zeros(size), np.zeros(size)
    left = count
    while left:
        wanted[:] = 0.0
        for k in range(count):
            if pace[k] < 0:
                for at in range(ptr[k], ptr[k + 1]):
                    wanted[links[at]] += loads[at]
        level = 1.0
        for link in range(size):
            if wanted[link] > 0.0:
                level = min(level, (1.0 - used[link]) / wanted[link])
        level = max(level, 1e-12)
        for k in range(count):
            if pace[k] >= 0:
                continue
            full = level >= 1.0
            for at in range(ptr[k], ptr[k + 1]):
                link = links[at]
                full = full or (wanted[link] > 0.0
                                and 1.0 - used[link] <= level * SAME * wanted[link])
            if full:
                pace[k] = -2.0 - level
        for k in range(count):
            if pace[k] <= -2.0:
                pace[k] = -2.0 - pace[k]
                left -= 1
                for at in range(ptr[k], ptr[k + 1]):
                    used[links[at]] += pace[k] * loads[at]
    return pace
