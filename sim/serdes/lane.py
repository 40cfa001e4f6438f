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

    `word` int64[m], rising: number of the word that brought the block's last bit, later by the
    FEC's delay; `kind` uint8[m]; `data` uint64[m]: descrambled payload (meaningless if
    `UNLOCKED`); `bip` bool[m]: a `MARKER` whose parity is not that of the blocks since the one
    before it; the first after lock is not checked.
    """

    word: np.ndarray
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
def payloads(bits, start):
    """The 64 bits behind each header at `start`, the first in bit 0: uint64[m]."""
    out = np.zeros(start.size, np.uint64)
    for k in range(start.size):
        for i in range(64):
            out[k] |= np.uint64(bits[start[k] + 2 + i]) << np.uint64(i)
    return out


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
def _read(sent, first, second, kind, data, wrong):
    """Fill `data` and which markers have a wrong parity; `kind` where it is `DATA`."""
    before, bip, known = np.uint64(0), 0, False
    for i in range(sent.size):
        data[i] = descrambled(sent[i], before)
        before = sent[i]
        if kind[i] == Kind.DATA:
            kind[i] = classify(data[i], first[i], second[i])
        wrong[i] = False
        if kind[i] == Kind.UNLOCKED:
            known = False
        elif kind[i] == Kind.MARKER:
            wrong[i] = known and np.int64(data[i] >> np.uint64(48) & np.uint64(0xFF)) != bip
            bip, known = 0, True
        # Each header bit adds to its own bit of the parity, whatever the header.
        bip ^= parity(sent[i], True) ^ 0x08 ^ first[i] << 3 ^ second[i] << 4


def make_entries(word, sent, first, second, kind) -> Entries:
    """Descramble and classify blocks in order.

    Parameters
    ----------
    word : int64[m]
    sent : uint64[m]
        Scrambled payloads.
    first, second : uint8[m]
        Header bits.
    kind : uint8[m]
        `DATA` for a block that is given; it becomes the block's own kind.
    """
    data, wrong = np.empty(sent.size, np.uint64), np.empty(sent.size, bool)
    _read(sent, first, second, kind, data, wrong)
    return Entries(word, kind, data, wrong)


def locked_blocks(bits: np.ndarray):
    """First bits int64[m] of the blocks of a raw stream uint8[n], and bool[m]: it was locked."""
    most = bits.size // BLOCK_BITS
    start, given = np.empty(most, np.int64), np.empty(most, bool)
    count = lock(bits, start, given)
    return start[:count], given[:count]


def lane_entries(bits: np.ndarray, width: int) -> Entries:
    """Entries of a lane without FEC.

    Parameters
    ----------
    bits : uint8[n]
        Line bits in order, at any phase; the first candidate block starts at bit 0. A slip
        drops one bit after the block whose header was bad.
    width : int
        Bits of a word.
    """
    bits = np.ascontiguousarray(bits, np.uint8)
    start, given = locked_blocks(bits)
    kind = np.where(given, Kind.DATA, Kind.UNLOCKED).astype(np.uint8)
    return make_entries((start + BLOCK_BITS - 1) // width, payloads(bits, start), bits[start],
                        bits[start + 1], kind)


def receive_lane(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`data` uint64[m] and `kind` uint8[m] of the blocks given, without FEC.

    The first block given is the one after the 64th good header; see :func:`lane_entries`.
    """
    entries = lane_entries(bits, BLOCK_BITS)
    given = entries.kind != Kind.UNLOCKED
    return entries.data[given], entries.kind[given]
