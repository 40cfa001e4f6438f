"""Events in the order of their times: a binary heap; equal times in the order of their pushes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.compiled import step_function

PACKET, SEND, FREE, TASK = range(4)
"""What an event is of: a packet reaches a node, a host's queue may send, a channel is free, a
delay ends."""

_ITEM_BITS = 28

ITEMS = 1 << _ITEM_BITS
"""Packets, channels and tasks are numbered below this."""

SIZE, PUSHES = range(2)


class Heap(NamedTuple):
    """`time` int64[room] in fs and `word` int64[room], its push, item and kind;
    `count` int64[2]: events inside, pushes ever."""

    time: np.ndarray
    word: np.ndarray
    count: np.ndarray


def make_heap(room: int) -> Heap:
    """An empty heap for `room` events."""
    return Heap(np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(2, np.int64))


@step_function
def _first(heap, one, time, word):
    """Whether event `one` of the heap comes before one of `time` and `word`."""
    return heap.time[one] < time or (heap.time[one] == time and heap.word[one] < word)


@step_function
def push(heap, time, item, kind):
    """Add an event."""
    word = heap.count[PUSHES] << _ITEM_BITS + 2 | item << 2 | kind
    heap.count[PUSHES] += 1
    at = heap.count[SIZE]
    heap.count[SIZE] += 1
    while at:
        above = (at - 1) >> 1
        if _first(heap, above, time, word):
            break
        heap.time[at] = heap.time[above]
        heap.word[at] = heap.word[above]
        at = above
    heap.time[at] = time
    heap.word[at] = word


@step_function
def pop(heap):
    """Take the first event: its item and its kind."""
    first = heap.word[0]
    heap.count[SIZE] -= 1
    size = heap.count[SIZE]
    time, word, at = heap.time[size], heap.word[size], 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _first(heap, child + 1, heap.time[child], heap.word[child]):
            child += 1
        if not _first(heap, child, time, word):
            break
        heap.time[at] = heap.time[child]
        heap.word[at] = heap.word[child]
        at = child
    heap.time[at] = time
    heap.word[at] = word
    return first >> 2 & ITEMS - 1, first & 3
