"""Flit ports of the models: what is on each wire in each cycle (docs/units.md, Flit port).

A component reads its wires as of cycle c and writes them for a later cycle, so in one cycle the
components may be evaluated in any order. A wire is read once in each cycle by its one reader,
which empties the slot.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from .flits import NO_FLIT

_ONE = np.uint64(1)

SLOTS = 8
"""Cycles of a wire between neighbours: a value is posted at most SLOTS - 2 cycles ahead."""


class Wires(NamedTuple):
    """`flit` int64[wires, S]: a word of :mod:`.flits` or NO_FLIT, forward; `credit`
    uint8[wires, S]: bit v is a pulse of VC v, backward. Slot: cycle mod S, a power of two, so that
    a reader finds its next cycles together.

    `flits` and `credits` uint64[S, *]: wire w is bit w mod 64 of word w / 64. The wires on
    which there may be something: a loop that steps only what has something to do looks here, by
    :func:`take_window`.
    """

    flit: np.ndarray
    credit: np.ndarray
    flits: np.ndarray
    credits: np.ndarray


def make_wires(count: int, slots: int = SLOTS) -> Wires:
    """`count` silent wires; a value is posted at most `slots` - 2 cycles ahead."""
    words = count // 64 + 2
    return Wires(np.full((count, slots), NO_FLIT, np.int64), np.zeros((count, slots), np.uint8),
                 np.zeros((slots, words), np.uint64), np.zeros((slots, words), np.uint64))


@njit(cache=True, inline="always")
def slot_of(wires, cycle):
    """Where `cycle` is."""
    return cycle & wires.flit.shape[1] - 1


@njit(cache=True, inline="always")
def put_flit(wires, wire, cycle, flit):
    """`valid` with `flit` in `cycle`."""
    wires.flit[wire, slot_of(wires, cycle)] = flit
    wires.flits[slot_of(wires, cycle), wire >> 6] |= _ONE << np.uint64(wire & 63)


@njit(cache=True, inline="always")
def look_flit(wires, wire, cycle):
    """The flit with `valid` in `cycle`, or NO_FLIT; it stays there."""
    return wires.flit[wire, slot_of(wires, cycle)]


@njit(cache=True, inline="always")
def take_flit(wires, wire, cycle):
    """The same, which leaves the wire; it may be taken a cycle later."""
    flit = wires.flit[wire, slot_of(wires, cycle)]
    wires.flit[wire, slot_of(wires, cycle)] = NO_FLIT
    return flit


@njit(cache=True, inline="always")
def put_credit(wires, wire, cycle, vc):
    """A credit pulse of VC `vc` in `cycle`."""
    wires.credit[wire, slot_of(wires, cycle)] |= 1 << vc
    wires.credits[slot_of(wires, cycle), wire >> 6] |= _ONE << np.uint64(wire & 63)


@njit(cache=True, inline="always")
def look_credit(wires, wire, cycle):
    """Credit pulses in `cycle`, bit v for VC v; they stay there."""
    return wires.credit[wire, slot_of(wires, cycle)]


@njit(cache=True, inline="always")
def take_credit(wires, wire, cycle):
    """The same; they leave the wire."""
    pulses = wires.credit[wire, slot_of(wires, cycle)]
    wires.credit[wire, slot_of(wires, cycle)] = 0
    return pulses


@njit(cache=True, inline="always")
def take_window(sets, cycle, first, members):
    """Of `flits` or `credits` in `cycle`: those of `members`, of the 64 wires from `first` on, as a
    set that begins there. They are taken out."""
    slot, word, low = cycle & sets.shape[0] - 1, first >> 6, np.uint64(first & 63)
    found = sets[slot, word] >> low & members
    sets[slot, word] &= ~(members << low)
    if low:
        high = np.uint64(64) - low
        found |= sets[slot, word + 1] << high & members
        sets[slot, word + 1] &= ~(members >> high)
    return found
