"""State of an output-queued network and of the workload on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.rack.tasks import DELAY

from .heap import Heap, make_heap
from .network import FS_PER_NS

NOTHING = -1
"""No packet, no task, not yet."""

DST, SRC, NBYTES, BORN, READY, TAIL, OWNER, VC, HOPS, NODE, NEXT = range(11)
"""Columns of `State.packets`: endpoints; bytes; times at which the packet was made, came to its
output queue, and has its last byte there; arrival or task that it belongs to; its VC; channels
used; node that it is on the way to; the packet behind it."""

NOW, INSIDE, AREA, FREE_SLOTS, ARRIVED, DELIVERED, BYTES = range(7)
"""Places of `State.count`: time of the last event, packets inside, their integral over time in
packet-fs, free rows of `packets`, arrivals made, packets and bytes delivered."""


class State(NamedTuple):
    """Packets in flight, channels, events."""

    heap: Heap
    packets: np.ndarray   # int64[slots, 11]
    free: np.ndarray      # int64[slots]: stack of free rows
    count: np.ndarray     # int64[7]
    clear: np.ndarray     # int64[channels]: when all that was sent there will have left
    busy: np.ndarray      # int64[channels]: fs of sending
    wait: np.ndarray      # int64[channels]: fs that packets waited, summed
    sent: np.ndarray      # int64[channels]: packets
    nbytes: np.ndarray    # int64[channels]
    # Round robin: queue of each VC, the VC served last, whether the channel sends.
    head: np.ndarray      # int64[channels, V]
    tail: np.ndarray      # int64[channels, V]
    turn: np.ndarray      # int64[channels]
    sends: np.ndarray     # uint8[channels]


class Work(NamedTuple):
    """n tasks (:class:`lightloom.sim.rack.TaskGraph`) on the hosts.

    A host has a queue of messages for each of its ports that is the first of a route's.
    """

    kind: np.ndarray        # uint8[n]
    src: np.ndarray         # int32[n]
    dst: np.ndarray         # int32[n]
    vc: np.ndarray          # uint8[n]
    nbytes: np.ndarray      # int64[n]
    delay: np.ndarray       # int64[n]: fs
    succ_ptr: np.ndarray    # int64[n + 1]
    succ: np.ndarray        # int32
    before: np.ndarray      # int32[n]: predecessors that are not done
    left: np.ndarray        # int64[n]: bytes of a message that are not delivered
    done: np.ndarray        # int64[n]: fs, or NOTHING
    first: np.ndarray       # int32[channels]: message being sent, or NOTHING
    last: np.ndarray        # int32[channels]
    following: np.ndarray   # int32[n]: the message behind it in the same queue
    rest: np.ndarray        # int64[channels]: bytes of the first message still to send


def make_state(network, slots: int, delays: int) -> State:
    """An empty network with room for `slots` packets in flight and `delays` tasks that wait."""
    channels, vcs = network.into.size, max(1, network.vcs)
    count = np.zeros(7, np.int64)
    count[FREE_SLOTS] = slots
    return State(
        # A packet, a delay, and a channel as sender and as sent by, are in one event each.
        make_heap(slots + delays + 2 * channels), np.zeros((slots, 11), np.int64),
        np.arange(slots), count, *(np.zeros(channels, np.int64) for _ in range(5)),
        np.full((channels, vcs), NOTHING, np.int64), np.full((channels, vcs), NOTHING, np.int64),
        np.zeros(channels, np.int64), np.zeros(channels, np.uint8))


def extended(state: State) -> State:
    """The state with twice the room for packets; none is free in the old one."""
    slots, more = state.free.size, state.free.size
    heap = Heap(*(np.concatenate([each, np.zeros(more, np.int64)]) for each in state.heap[:2]),
                state.heap.count)
    # The stack of free rows is empty where the old one ends, or holds what is left of it.
    kept = state.free[:state.count[FREE_SLOTS]]
    free = np.concatenate([kept, np.arange(slots, slots + more),
                           np.zeros(slots - kept.size, np.int64)])
    state.count[FREE_SLOTS] += more
    return state._replace(
        heap=heap, free=free,
        packets=np.concatenate([state.packets, np.zeros((more, 11), np.int64)]))


def make_work(graph, network) -> Work:
    """The workload before time 0.

    Raises
    ------
    ValueError
        When a task names an endpoint that the network does not have.
    """
    size, channels = graph.kind.size, network.into.size
    for name in ("src", "dst"):
        values = getattr(graph, name)
        if size and (values.min() < 0 or values.max() >= network.endpoints):
            raise ValueError(f"{name} of a task: must be 0..{network.endpoints - 1}, "
                             f"they are {values.min()}..{values.max()}")
    nbytes = np.maximum(np.asarray(graph.nbytes, np.int64), 1)
    return Work(
        kind=np.ascontiguousarray(graph.kind, np.uint8),
        src=np.ascontiguousarray(graph.src, np.int32),
        dst=np.ascontiguousarray(graph.dst, np.int32),
        vc=np.ascontiguousarray(graph.vc, np.uint8), nbytes=nbytes,
        delay=np.asarray(graph.delay_ns, np.int64) * FS_PER_NS,
        succ_ptr=np.ascontiguousarray(graph.succ_ptr, np.int64),
        succ=np.ascontiguousarray(graph.succ, np.int32),
        before=np.bincount(graph.succ, minlength=size).astype(np.int32),
        left=np.where(graph.kind == DELAY, 0, nbytes), done=np.full(size, NOTHING, np.int64),
        first=np.full(channels, NOTHING, np.int32), last=np.full(channels, NOTHING, np.int32),
        following=np.full(size, NOTHING, np.int32), rest=np.zeros(channels, np.int64))
