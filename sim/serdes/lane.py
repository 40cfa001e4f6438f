"""The receiver of one lane: block lock on a raw bit stream, then entries for the crossing."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba import njit

from .linecode import BLOCK_BITS, IDLE, MARKER, PAD, TAIL, TRAIN, descrambled, parity

WINDOW = 64
"""Headers in a window: all good to lock (IEEE 802.3 fig. 49-12)."""
BAD_LIMIT = 16
"""Bad headers within a window that end the lock."""
SLIP_BLOCKS = 4
"""Blocks ignored after a slip, so that a pipeline may take its time to slip."""


class Kind(IntEnum):
    """Kinds of entries of docs/serdes.md; `PATTERN` is not modelled."""

    DATA = 0
    CONTROL = 1
    IDLE = 2
    PAD = 3
    MARKER = 4
    BAD_TYPE = 5
    BAD_HEADER = 6
    UNCORRECTED = 7
    UNLOCKED = 8


class Entries(NamedTuple):
    """What a lane writes into its crossing, an entry a block.

    `start` int64[m]: index of the block's first header bit; `kind` uint8[m]; `data` uint64[m]:
    descrambled payload (meaningless if `UNLOCKED`); `bip` bool[m]: a `MARKER` whose parity is not
    that of the blocks since the one before it.
    """

    start: np.ndarray
    kind: np.ndarray
    data: np.ndarray
    bip: np.ndarray


@njit(cache=True)
def lock(bits, start, given):
    """Walk the blocks of `bits`; fill each one's first bit, and whether the lane was locked
    before it; how many blocks there are."""
    at = count = tested = bad = ignore = 0
    locked = False
    while at + BLOCK_BITS <= bits.size:
        start[count], given[count] = at, locked
        good = bits[at] != bits[at + 1]
        at += BLOCK_BITS
        count += 1
        if ignore:
            ignore -= 1
            continue
        tested += 1
        bad += not good
        if bad == BAD_LIMIT or (bad and not locked):
            locked = False
            at += 1
            ignore = SLIP_BLOCKS
            tested = bad = 0
        elif tested == WINDOW:
            locked = locked or bad == 0
            tested = bad = 0
    return count


@njit(cache=True)
def payload_of(bits, at):
    """The 64 bits behind the header at `at`, the first in bit 0."""
    word = np.uint64(0)
    for i in range(64):
        word |= np.uint64(bits[at + 2 + i]) << np.uint64(i)
    return word


@njit(cache=True)
def classify(data, first, second):
    """Kind of a block: its descrambled payload and its header bits."""
    if first == second:
        return Kind.BAD_HEADER
    if second:
        return Kind.DATA
    kind = data & np.uint64(0xFF)
    if kind == IDLE:
        return Kind.IDLE
    if kind == PAD:
        return Kind.PAD
    if kind in (TRAIN, TAIL):
        return Kind.CONTROL
    lane = data >> np.uint64(8)
    if kind == MARKER and (lane ^ lane >> np.uint64(8)) & np.uint64(0xFF) == 0xFF:
        return Kind.MARKER
    return Kind.BAD_TYPE


@njit(cache=True)
def _read(bits, start, given, kind, data, wrong):
    """Fill `kind`, `data`, and which markers have a wrong parity."""
    before, bip, known = np.uint64(0), 0, False
    for i in range(start.size):
        first, second = bits[start[i]], bits[start[i] + 1]
        sent = payload_of(bits, start[i])
        data[i] = descrambled(sent, before)
        before = sent
        kind[i] = classify(data[i], first, second) if given[i] else Kind.UNLOCKED
        wrong[i] = False
        if kind[i] == Kind.UNLOCKED:
            known = False
        elif kind[i] == Kind.MARKER:
            wrong[i] = known and np.int64(data[i] >> np.uint64(48) & np.uint64(0xFF)) != bip
            bip, known = 0, True
        # Each header bit adds to its own bit of the parity, whatever the header.
        bip ^= parity(sent, True) ^ 0x08 ^ first << 3 ^ second << 4


def lane_entries(bits: np.ndarray) -> Entries:
    """Entries of a lane without FEC.

    Parameters
    ----------
    bits : uint8[n]
        Line bits in order, at any phase; the first candidate block starts at bit 0. A slip
        drops one bit after the block whose header was bad.
    """
    bits = np.ascontiguousarray(bits, np.uint8)
    most = bits.size // BLOCK_BITS
    start, given = np.empty(most, np.int64), np.empty(most, bool)
    count = lock(bits, start, given)
    start, given = start[:count], given[:count]
    entries = Entries(start, np.empty(count, np.uint8), np.empty(count, np.uint64),
                      np.empty(count, bool))
    _read(bits, start, given, entries.kind, entries.data, entries.bip)
    return entries


def receive_lane(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`data` uint64[m] and `kind` uint8[m] of the blocks given, without FEC.

    The first block given is the one after the 64th good header; see :func:`lane_entries`.
    """
    entries = lane_entries(bits)
    given = entries.kind != Kind.UNLOCKED
    return entries.data[given], entries.kind[given]
