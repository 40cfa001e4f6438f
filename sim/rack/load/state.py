"""State of a load run: sources, packets under way, what is counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.link import LEAD
from lightloom.sim.rack.topology import Topology

from .stream import Stream, make_cursors

NO_TAG = 0
"""No packet: aborts name it."""

FREE_SLOTS, MOVED, MADE, DONE, MADE_FLITS, SENT_FLITS, DONE_FLITS, BORN, BROKEN = range(9)
"""Places in `count`: free packet slots; the last cycle in which a flit moved; packets made and
delivered; flits made, accepted and delivered; sum of the cycles in which the packets in the
system were made; packets that ended in an abort."""

(PACKETS, LATENCY, SQUARES, OFFERED, ACCEPTED, DELIVERED, SYSTEM, HOPS, SWITCH_HOPS, LONGEST,
 AGE) = range(11)
"""Columns of `batches`: packets delivered, sum of their latencies and of the squares; flits made,
accepted, delivered; sum over the cycles of the packets in the system; at the end, flits through
crossbars and through switches since cycle 0; the longest latency; at the end, the age of all
packets in the system."""

FIELDS = 11


class Load(NamedTuple):
    """Host port h of endpoint e is e * hosts + h. `batch` is in cycles; batch b is a row.

    A packet's tag is the cycle in which it was made, from 1; where it carries its route, it is the
    slot in which that is kept.
    """

    hosts: int
    batch: int
    bins: int
    arrivals: np.ndarray    # CURSOR[endpoints]: the packet that is made next
    heads: np.ndarray       # CURSOR[ports]: the packet on offer, where there is one
    queue: np.ndarray       # int64[ports]: packets made and not yet accepted to the end
    beat: np.ndarray        # int64[ports]: flit of the packet on offer
    tag: np.ndarray         # int64[ports]: of the packet on offer
    vc: np.ndarray          # int64[ports]: its VC
    inward: np.ndarray      # int64[ports]: tag of the packet that the port delivers
    born: np.ndarray        # int64[slots]: cycle in which the packet was made
    free: np.ndarray        # int64[slots]: stack of the free ones
    count: np.ndarray       # int64[9]
    change: np.ndarray      # int64[LEAD]: packets made less packets done in cycles being stepped
    hops: np.ndarray        # int64[2]: flits through endpoints' crossbars and through switches
    batches: np.ndarray     # int64[B, FIELDS]
    link_flits: np.ndarray  # int32[B, link ends]: delivered by each
    sent: np.ndarray        # int32[B, endpoints]: flits accepted
    received: np.ndarray    # int32[B, endpoints]: flits delivered
    histogram: np.ndarray   # int32[B, bins]: packets by latency; the last bin: and above


def make_load(stream: Stream, topology: Topology, batches: int, batch: int, bins: int) -> Load:
    """Before cycle 0."""
    ports = topology.endpoints * topology.hosts
    slots = 2 * LEAD * ports
    count = np.zeros(9, np.int64)
    count[FREE_SLOTS] = slots - 1
    # Untouched zeros take no memory.
    return Load(
        hosts=topology.hosts, batch=batch, bins=bins, arrivals=make_cursors(stream, 1),
        heads=make_cursors(stream, topology.hosts), queue=np.zeros(ports, np.int64),
        beat=np.zeros(ports, np.int64), tag=np.full(ports, NO_TAG), vc=np.zeros(ports, np.int64),
        inward=np.full(ports, NO_TAG), born=np.zeros(slots, np.int64),
        free=np.arange(slots - 1, -1, -1), count=count,
        change=np.zeros(LEAD, np.int64), hops=np.zeros(2, np.int64),
        batches=np.zeros((batches, FIELDS), np.int64),
        link_flits=np.zeros((batches, topology.ends.size), np.int32),
        sent=np.zeros((batches, topology.endpoints), np.int32),
        received=np.zeros((batches, topology.endpoints), np.int32),
        histogram=np.zeros((batches, bins), np.int32))


def extended(load: Load) -> Load:
    """With twice as many slots for packets."""
    old = load.born.size
    free = np.concatenate([load.free, np.zeros(old, np.int64)])
    left = load.count[FREE_SLOTS]
    free[left:left + old] = np.arange(2 * old - 1, old - 1, -1)
    load.count[FREE_SLOTS] += old
    return load._replace(born=np.concatenate([load.born, np.zeros(old, np.int64)]), free=free)
