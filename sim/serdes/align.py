"""Alignment over the lanes of a port: hunt, deskew, lane order, rows (docs/serdes.md).

Compiled helpers of :mod:`.rx`. A lane's FIFO is the entries `head` up to `tail` of that lane, as
entries leave a stream only when the FIFO empties.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .lane import Kind

WRONG_MARKERS = 4
"""Wrong marker rows running that end the alignment."""


@njit(cache=True)
def lane_of(data):
    """`lane` of a marker."""
    return np.int64(data >> np.uint64(8) & np.uint64(0xFF))


@njit(cache=True)
def live_of(data):
    """`live` of a marker, as a set of bits."""
    return np.int64(data >> np.uint64(24) & np.uint64(0xFFFF))


@njit(cache=True)
def first_entry(kind, head, tail, wire, at):
    """Entry `at` comes to an empty FIFO of a hunting lane: a marker is kept, all else dropped."""
    head[wire] = at if kind[wire, at] == Kind.MARKER else at + 1
    tail[wire] = at + 1


@njit(cache=True)
def hunt(kind, data, fresh, seen, head, tail, depth, order):
    """Take the entries of a cycle, and look for members.

    `fresh` bool[L]: an entry `seen` comes; `order` int64[16]: filled with the wire of each place
    of a row. Returns R once each of its lanes is there just once, else 0; and whether a marker
    was dropped.
    """
    lanes, dropped = fresh.size, False
    for wire in range(lanes):
        if not fresh[wire]:
            continue
        at = seen[wire]
        if kind[wire, at] == Kind.UNLOCKED:
            dropped = dropped or head[wire] < tail[wire]
            head[wire] = tail[wire] = at + 1
        elif head[wire] == tail[wire] or tail[wire] - head[wire] == depth:
            dropped = dropped or head[wire] < tail[wire]
            first_entry(kind, head, tail, wire, at)
        else:
            tail[wire] = at + 1
    live = 0
    for wire in range(lanes):
        if head[wire] < tail[wire]:
            live = live_of(data[wire, head[wire]])
            break
    found = 0
    for wire in range(lanes):
        if head[wire] == tail[wire] or live_of(data[wire, head[wire]]) != live:
            continue
        lane = lane_of(data[wire, head[wire]])
        if lane >= 16 or not live >> lane & 1:
            continue
        if found >> lane & 1:
            return 0, dropped
        found |= 1 << lane
        place = 0
        for lower in range(lane):
            place += live >> lower & 1
        order[place] = wire
    return (live if found == live else 0), dropped


@njit(cache=True)
def members_take(kind, fresh, seen, head, tail, depth, order, n):
    """Take the members' entries of a cycle; whether one ends the alignment."""
    over = False
    for place in range(n):
        wire = order[place]
        if not fresh[wire]:
            continue
        if kind[wire, seen[wire]] == Kind.UNLOCKED or tail[wire] - head[wire] == depth:
            over = True
        else:
            tail[wire] = seen[wire] + 1
    return over


@njit(cache=True)
def rows_waiting(head, tail, order, n):
    """How many rows each of the members has all blocks of."""
    rows = tail[order[0]] - head[order[0]]
    for place in range(1, n):
        rows = min(rows, tail[order[place]] - head[order[place]])
    return rows


@njit(cache=True)
def judge_markers(kind, data, head, order, n, live):
    """The members' heads as a marker row: (right, all are markers with another `live`)."""
    right = other = True
    place = 0
    for lane in range(16):
        if not live >> lane & 1:
            continue
        wire = order[place]
        block = data[wire, head[wire]]
        own = kind[wire, head[wire]] == Kind.MARKER and lane_of(block) == lane
        same = live_of(block) == live
        right = right and own and same
        other = other and own and not same
        place += 1
    return right, other
