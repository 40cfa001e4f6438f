"""State of a workload: tasks in progress, host queues, packets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .tasks import DELAY

NOTHING = -1
"""No task, no packet, not yet."""

RELEASED, STARTED, TIMERS, PACKETS = range(4)
"""Places in `Work.count`: tasks whose predecessors are done, those started, delays that run,
packets offered."""


class Work(NamedTuple):
    """n tasks over the host ports, numbered as in :class:`.fabric.Fabric`."""

    # Tasks.
    kind: np.ndarray        # uint8[n]
    src: np.ndarray         # int32[n]
    dst: np.ndarray         # int32[n]
    vc: np.ndarray          # uint8[n]
    nbytes: np.ndarray      # int64[n]: bytes of a message on the planes modelled
    delay: np.ndarray       # int64[n]: cycles
    succ_ptr: np.ndarray    # int64[n + 1]
    succ: np.ndarray        # int32
    before: np.ndarray      # int32[n]: predecessors that are not done
    left: np.ndarray        # int64[n]: packets of a message that are not delivered
    done: np.ndarray        # int64[n]: cycle, or NOTHING
    order: np.ndarray       # int32[n]: tasks in the order of their release
    timers: np.ndarray      # int64[delays]: heap of (cycle done) << 32 | task
    # Host ports: a queue of messages, of which the first is cut in packets.
    first: np.ndarray       # int32[ports]: message being sent, or NOTHING
    last: np.ndarray        # int32[ports]
    following: np.ndarray   # int32[n]: the message behind it in the same queue
    rest: np.ndarray        # int64[ports]: bytes of the first message that no packet carries yet
    packet: np.ndarray      # int64[ports]: packet on offer, or NOTHING
    beat: np.ndarray        # int64[ports]: its beat on offer
    count: np.ndarray       # int64[4]


class Packets(NamedTuple):
    """Packets in the order in which they were offered; cycles are NOTHING where it did not happen.
    """

    task: np.ndarray        # int32
    nbytes: np.ndarray      # int32
    vc: np.ndarray          # uint8
    offered: np.ndarray     # int64: first beat has `tvalid` at the source
    accepted: np.ndarray    # int64: and `tready`
    head: np.ndarray        # int64: first beat at the destination
    delivered: np.ndarray   # int64: last beat at the destination


def make_work(cfg, graph, hosts: int, endpoints: int) -> Work:
    """The workload before cycle 0: tasks without predecessors are released.

    Parameters
    ----------
    graph : lightloom.sim.rack.tasks.TaskGraph
    hosts, endpoints : int
        Host ports of an endpoint, and endpoints.

    Raises
    ------
    ValueError
        When a task names an endpoint or a VC that the rack does not have.
    """
    size, ports = graph.kind.size, hosts * endpoints
    for name, limit in (("src", endpoints), ("dst", endpoints), ("vc", cfg.chiplet.vcs)):
        values = getattr(graph, name)
        if size and (values.min() < 0 or values.max() >= limit):
            raise ValueError(f"{name} of a task: must be 0..{limit - 1}, "
                             f"they are {values.min()}..{values.max()}")
    before = np.bincount(graph.succ, minlength=size).astype(np.int32)
    order = np.empty(size, np.int32)
    ready = np.flatnonzero(before == 0)
    order[:ready.size] = ready
    count = np.zeros(4, np.int64)
    count[RELEASED] = ready.size
    return Work(
        kind=np.ascontiguousarray(graph.kind, np.uint8),
        src=np.ascontiguousarray(graph.src, np.int32),
        dst=np.ascontiguousarray(graph.dst, np.int32),
        vc=np.ascontiguousarray(graph.vc, np.uint8),
        # A packet has at least one byte.
        nbytes=np.maximum(-(-np.asarray(graph.nbytes, np.int64) * cfg.rack.planes
                            // cfg.chiplet.optical_ports), 1),
        delay=np.ceil(graph.delay_ns * cfg.chiplet.core_mhz / 1000).astype(np.int64),
        succ_ptr=np.ascontiguousarray(graph.succ_ptr, np.int64),
        succ=np.ascontiguousarray(graph.succ, np.int32),
        before=before, left=np.zeros(size, np.int64), done=np.full(size, NOTHING, np.int64),
        order=order, timers=np.zeros(np.count_nonzero(graph.kind == DELAY), np.int64),
        first=np.full(ports, NOTHING, np.int32), last=np.full(ports, NOTHING, np.int32),
        following=np.full(size, NOTHING, np.int32), rest=np.zeros(ports, np.int64),
        packet=np.full(ports, NOTHING, np.int64), beat=np.zeros(ports, np.int64), count=count)


def make_packets(room: int) -> Packets:
    """A table for `room` packets."""
    return Packets(np.full(room, NOTHING, np.int32), np.zeros(room, np.int32),
                   np.zeros(room, np.uint8),
                   *(np.full(room, NOTHING, np.int64) for _ in range(4)))


def extended(packets: Packets, room: int) -> Packets:
    """The table with room for so many more."""
    return Packets(*map(np.concatenate, zip(packets, make_packets(room), strict=True)))
