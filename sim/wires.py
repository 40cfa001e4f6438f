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
"""A value is posted at most SLOTS - 1 cycles ahead."""


class Wires(NamedTuple):
    """`flit` int64[SLOTS, wires]: a word of :mod:`.flits` or NO_FLIT, forward;
    `credit` uint8[SLOTS, wires]: bit v is a pulse of VC v, backward. Slot: cycle mod SLOTS, so
    that what is read in one cycle lies together.

    `flits` and `credits` uint64[SLOTS, *]: wire w is bit w mod 64 of word w / 64. The wires on
    which there may be something: a loop that steps only what has something to do looks here, by
    :func:`take_window`.
    """

    flit: np.ndarray
    credit: np.ndarray
    flits: np.ndarray
    credits: np.ndarray


def make_wires(count: int) -> Wires:
    """`count` silent wires."""
    words = count // 64 + 2
    return Wires(np.full((SLOTS, count), NO_FLIT, np.int64), np.zeros((SLOTS, count), np.uint8),
                 np.zeros((SLOTS, words), np.uint64), np.zeros((SLOTS, words), np.uint64))


@njit(cache=True, inline="always")
def put_flit(wires, wire, cycle, flit):
    """`valid` with `flit` in `cycle`."""
    wires.flit[cycle & SLOTS - 1, wire] = flit
    wires.flits[cycle & SLOTS - 1, wire >> 6] |= _ONE << np.uint64(wire & 63)


@njit(cache=True, inline="always")
def take_flit(wires, wire, cycle):
    """The flit with `valid` in `cycle`, or NO_FLIT."""
    flit = wires.flit[cycle & SLOTS - 1, wire]
    wires.flit[cycle & SLOTS - 1, wire] = NO_FLIT
    return flit


@njit(cache=True, inline="always")
def put_credit(wires, wire, cycle, vc):
    """A credit pulse of VC `vc` in `cycle`."""
    wires.credit[cycle & SLOTS - 1, wire] |= 1 << vc
    wires.credits[cycle & SLOTS - 1, wire >> 6] |= _ONE << np.uint64(wire & 63)


@njit(cache=True, inline="always")
def put_credits(wires, wire, cycle, pulses):
    """Credit pulses in `cycle`, bit v for VC v."""
    wires.credit[cycle & SLOTS - 1, wire] |= pulses
    wires.credits[cycle & SLOTS - 1, wire >> 6] |= _ONE << np.uint64(wire & 63)


@njit(cache=True, inline="always")
def take_credit(wires, wire, cycle):
    """Credit pulses in `cycle`, bit v for VC v."""
    pulses = wires.credit[cycle & SLOTS - 1, wire]
    wires.credit[cycle & SLOTS - 1, wire] = 0
    return pulses


@njit(cache=True, inline="always")
def take_window(sets, cycle, first, members):
    """Of `flits` or `credits` in `cycle`: those of `members`, of the 64 wires from `first` on, as a
    set that begins there. They are taken out."""
    slot, word, low = cycle & SLOTS - 1, first >> 6, np.uint64(first & 63)
    found = sets[slot, word] >> low & members
    sets[slot, word] &= ~(members << low)
    if low:
        high = np.uint64(64) - low
        found |= sets[slot, word + 1] << high & members
        sets[slot, word + 1] &= ~(members >> high)
    return found
