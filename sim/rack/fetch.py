"""What the next node will work on, into the processor's cache in good time.

A node's registers lie together, but those of a rack are more than a cache holds: they come from
memory while the node before is stepped. Nothing here changes what a step does.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lightloom.sim.compiled import prefetch, prefetch_from, step_function

from .topology import NOBODY

LINE = 64
"""Bytes that come at once."""


@njit(cache=True, inline="always")
def _rows(array, first, count):
    """Elements from `first` on, `count` of them, of an array of one dimension."""
    step = max(1, LINE // array.itemsize)
    for place in range(first, first + count, step):
        prefetch(array, 0, place)


@step_function
def fetch_node(fabric, state, own, base, hosts, begin, end):
    """What crossbar `own` of a group, with first port `base`, touches from `begin` up to `end`, but
    for its slots; its first ports are those of `hosts`."""
    ins, outs, vcs, wires = state.ins, state.outs, state.vcs, fabric.wires
    prefetch(state.whole, 0, own)
    _rows(state.vc, own * vcs, vcs)
    _rows(state.input, own * ins, ins)
    _rows(state.output, own * outs, outs)
    _rows(state.inlet, own * ins * vcs, ins * vcs)
    _rows(state.outlet, own * outs * vcs, outs * vcs)
    _rows(state.accept_from, own * ins * state.turns, ins * state.turns)
    out = wires.flit.shape[0] // 2 + base
    for port in range(ins):
        _cycles(wires.flit, base + port, begin, end)
        _cycles(wires.credit, out + port, begin, end)
        if port < hosts or not fabric.ideal:
            _cycles(wires.flit, out + port, begin, end)
            _cycles(wires.credit, base + port, begin, end)


@njit(cache=True, inline="always")
def _cycles(values, wire, begin, end):
    """What is on a wire from `begin` up to `end`."""
    mask, step = values.shape[1] - 1, LINE // values.itemsize
    for cycle in range(begin & ~(step - 1), min(end, begin + mask + 1), step):
        prefetch(values, wire, cycle & mask)


@step_function
def fetch_slots(state, own):
    """Where the next flit to each VC of each input will be."""
    first = np.int64(own * state.ins * state.vcs)
    for place in range(first, first + state.ins * state.vcs):
        prefetch(state.slots, 0, place * state.depth + state.inlet[place].spare)


@step_function
def fetch_ends(fabric, activity, base, count):
    """Registers of the link ends at ports from `base` on."""
    links = fabric.links
    for port in range(base, base + count):
        end = activity.owner[port]
        if end != NOBODY:
            for offset in range(0, links.ends.itemsize, LINE):
                prefetch_from(links.ends, 0, end, offset)
            prefetch(links.reads, end, 0)
            prefetch(links.channels, end, 0)
            for vc in range(links.rules.vcs):
                prefetch(links.fifo, end * links.rules.vcs + vc, 0)


@step_function
def fetch_tails(fabric, activity, base, count, cycles):
    """What the same ends send and receive in so many cycles."""
    links = fabric.links
    ring, tails = links.ring.shape[1] - 1, links.tails.shape[1] - 1
    for port in range(base, base + count):
        end = activity.owner[port]
        if end != NOBODY:
            own = links.ends[end]
            peer = own.peer
            prefetch(links.ends, 0, peer)
            for flit in range(0, cycles, LINE // links.ring.itemsize):
                prefetch(links.ring, end, own.wr + flit & ring)
                prefetch(links.ring, peer, own.delivered + flit & ring)
            # A frame of a flit and its tail take two cycles.
            for tail in range(0, cycles // 2, LINE // links.tails.itemsize):
                prefetch(links.tails, end, own.loaded + tail & tails)
                prefetch(links.tails, peer, own.judged + tail & tails)
            for tail in range(0, cycles // 2, LINE // (4 * links.rules.vcs)):
                prefetch(links.limits, end * (tails + 1) + (own.loaded + tail & tails), 0)
                prefetch(links.limits, peer * (tails + 1) + (own.judged + tail & tails), 0)
