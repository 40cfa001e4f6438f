"""The receiver of one lane: block lock on a raw bit stream, then blocks."""

from __future__ import annotations

import numpy as np
from numba import njit

from .linecode import BLOCK_BITS, descramble, known_type

WINDOW = 64
"""Headers in a window: all good to lock (IEEE 802.3 fig. 49-12)."""
BAD_LIMIT = 16
"""Bad headers within a window that end the lock."""
SLIP_BLOCKS = 4
"""Blocks ignored after a slip, so that a pipeline may take its time to slip."""


@njit(cache=True)
def _lock(bits, starts, given, lost):
    """Walk the blocks; fill each one's first bit, if it is given, and if it ends a lock."""
    at = count = tested = bad = ignore = 0
    locked = False
    while at + BLOCK_BITS <= bits.size:
        starts[count], given[count], lost[count] = at, locked, False
        good = bits[at] != bits[at + 1]
        at += BLOCK_BITS
        if ignore:
            ignore -= 1
        else:
            tested += 1
            bad += not good
            if bad == BAD_LIMIT or (bad and not locked):
                lost[count], locked = locked, False
                at += 1
                ignore = SLIP_BLOCKS
                tested = bad = 0
            elif tested == WINDOW:
                locked = locked or bad == 0
                tested = bad = 0
        count += 1
    return count


def lock_blocks(bits: np.ndarray):
    """Blocks of a lane that are received under block lock.

    Parameters
    ----------
    bits : uint8[n]
        Line bits in order, at any phase; the first candidate block starts at bit 0. A slip
        drops one bit after the block whose header was bad.

    Returns
    -------
    start : int64[m]
        Index of each block's first header bit.
    data : uint64[m]
        Descrambled payloads.
    ctrl, error : bool[m]
        `error`: header 00 or 11 (then `ctrl` is False), or a control block of unknown type.
    lost : bool[m]
        The block's header is the one that ended a lock.
    """
    bits = np.ascontiguousarray(bits, np.uint8)
    most = bits.size // BLOCK_BITS
    starts, given, lost = np.empty(most, np.int64), np.empty(most, bool), np.empty(most, bool)
    count = _lock(bits, starts, given, lost)
    starts, given, lost = starts[:count], given[:count], lost[:count]
    payload = bits[starts[:, None] + np.arange(2, BLOCK_BITS)]
    sent = np.packbits(payload, axis=1, bitorder="little").view("<u8").reshape(-1)
    data, _ = descramble(sent, state=0)
    first, second = bits[starts].astype(bool), bits[starts + 1].astype(bool)
    ctrl = first & ~second
    error = (first == second) | (ctrl & ~known_type(data))
    return starts[given], data[given], ctrl[given], error[given], lost[given]


def receive_lane(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`data` uint64[m], `ctrl` bool[m], `error` bool[m] of the blocks after block lock.

    The first block given is the one after the 64th good header; see :func:`lock_blocks`.
    """
    _, data, ctrl, error, _ = lock_blocks(bits)
    return data, ctrl, error
