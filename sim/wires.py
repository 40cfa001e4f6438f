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

SLOTS = 8
"""A value is posted at most SLOTS - 1 cycles ahead."""


class Wires(NamedTuple):
    """`flit` int64[SLOTS, wires]: a word of :mod:`.flits` or NO_FLIT, forward;
    `credit` uint8[SLOTS, wires]: bit v is a pulse of VC v, backward. Slot: cycle mod SLOTS, so
    that what is read in one cycle lies together."""

    flit: np.ndarray
    credit: np.ndarray


def make_wires(count: int) -> Wires:
    """`count` silent wires."""
    return Wires(np.full((SLOTS, count), NO_FLIT, np.int64), np.zeros((SLOTS, count), np.uint8))


@njit(cache=True, inline="always")
def put_flit(wires, wire, cycle, flit):
    """`valid` with `flit` in `cycle`."""
    wires.flit[cycle & SLOTS - 1, wire] = flit


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


@njit(cache=True, inline="always")
def take_credit(wires, wire, cycle):
    """Credit pulses in `cycle`, bit v for VC v."""
    pulses = wires.credit[cycle & SLOTS - 1, wire]
    wires.credit[cycle & SLOTS - 1, wire] = 0
    return pulses
