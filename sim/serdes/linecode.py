"""64b/66b line code: sync headers, scrambler, blocks that the adapter makes itself."""

from __future__ import annotations

import numpy as np
from numba import njit

IDLE, MARKER, TRAIN, TAIL = 0x1E, 0x4B, 0x55, 0x78
"""Types of control blocks, bits 7:0 (docs/units.md)."""

BLOCK_BITS = 66
STATE_BITS = 58


def marker(lane: int) -> int:
    """The `MARKER` block of a lane."""
    return MARKER | lane << 8 | (~lane & 0xFF) << 16


def known_type(data: np.ndarray) -> np.ndarray:
    """Which control blocks, uint64[...], have a type of docs/units.md."""
    return np.isin(data & np.uint64(0xFF), (IDLE, MARKER, TRAIN, TAIL))


# In these two the last 64 scrambled bits are held as a word, the latest in bit 63, so that a tap
# on the bit sent t bits ago is a shift: t = 39 and 58 are `>> 25` and `>> 6` of the word before,
# `<< 39` and `<< 58` of the word itself.

@njit(cache=True)
def _scramble(data, before):
    out = np.empty_like(data)
    for i in range(data.size):
        low = data[i] ^ (before >> np.uint64(25)) ^ (before >> np.uint64(6))
        before = low ^ (low << np.uint64(39)) ^ (low << np.uint64(58))
        out[i] = before
    return out


def _word(state: int) -> int:
    """The register as a word: bit i of the state, sent i+1 bits ago, is bit 63-i."""
    return int(f"{state:064b}"[::-1], 2)


def scramble(data: np.ndarray, *, state: int) -> tuple[np.ndarray, int]:
    """Scramble payloads by x^58 + x^39 + 1 (IEEE 802.3 cl. 49.2.6), bit 0 first.

    Parameters
    ----------
    data : uint64[n]
    state : int
        58 bits; bit i is the bit sent i+1 bits ago.

    Returns
    -------
    (uint64[n], int)
        The scrambled payloads and the state after them.
    """
    data = np.ascontiguousarray(data, np.uint64)
    out = _scramble(data, np.uint64(_word(state)))
    return out, _after(out, state)


def descramble(data: np.ndarray, *, state: int) -> tuple[np.ndarray, int]:
    """Undo :func:`scramble`; right from the 59th bit on, whatever the state."""
    data = np.ascontiguousarray(data, np.uint64)
    before = np.concatenate([np.array([_word(state)], np.uint64), data])[:-1]
    low = data ^ (before >> np.uint64(25)) ^ (before >> np.uint64(6))
    return low ^ (data << np.uint64(39)) ^ (data << np.uint64(58)), _after(data, state)


def _after(sent: np.ndarray, state: int) -> int:
    return _word(int(sent[-1])) % 2**STATE_BITS if sent.size else state


def encode(data: np.ndarray, ctrl: np.ndarray, *, state: int) -> tuple[np.ndarray, int]:
    """Blocks of one lane to bits on the wire (cl. 49.2.4.3, 49.2.6).

    Parameters
    ----------
    data : uint64[n]
    ctrl : bool[n]
    state : int
        Scrambler state, 58 bits.

    Returns
    -------
    (uint8[66 n], int)
        Bits in order of transmission, and the state after them.
    """
    sent, state = scramble(data, state=state)
    bits = np.empty((sent.size, BLOCK_BITS), np.uint8)
    bits[:, 0] = ctrl
    bits[:, 1] = ~np.asarray(ctrl, bool)
    octets = sent.astype("<u8").view(np.uint8)
    bits[:, 2:] = np.unpackbits(octets, bitorder="little").reshape(-1, 64)
    return bits.reshape(-1), state
