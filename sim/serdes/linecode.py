"""64b/66b line code: sync headers, scrambler, parity, blocks that the adapter makes itself."""

from __future__ import annotations

import numpy as np
from numba import njit

IDLE, PAD, MARKER, TRAIN, TAIL = 0x1E, 0x87, 0xFF, 0x55, 0x78
"""Types of control blocks, bits 7:0 (docs/serdes.md, docs/units.md)."""

OWN_TYPES = (IDLE, PAD, MARKER)
"""Types of the adapter's own blocks, which no beat may hold."""

BLOCK_BITS = 66
STATE_BITS = 58


def marker(lane: int, *, live: int, phase: int = 0, bip: int = 0) -> int:
    """The `MARKER` block of a lane; `live` as a set of bits, `bip` 8 bits."""
    return (MARKER | lane << 8 | (~lane & 0xFF) << 16 | live << 24 | phase << 40
            | bip << 48 | (~bip & 0xFF) << 56)


# In these the last 64 scrambled bits are held as a word, the latest in bit 63, so that a tap
# on the bit sent t bits ago is a shift: t = 39 and 58 are `>> 25` and `>> 6` of the word before,
# `<< 39` and `<< 58` of the word itself.

@njit(cache=True)
def scrambled(data, before):
    """One payload, scrambled; `before` is the payload sent before it (uint64 both)."""
    low = data ^ (before >> np.uint64(25)) ^ (before >> np.uint64(6))
    return low ^ (low << np.uint64(39)) ^ (low << np.uint64(58))


@njit(cache=True)
def descrambled(sent, before):
    """One payload, descrambled; `before` is the payload received before it (uint64 both)."""
    low = sent ^ (before >> np.uint64(25)) ^ (before >> np.uint64(6))
    return low ^ (sent << np.uint64(39)) ^ (sent << np.uint64(58))


@njit(cache=True)
def parity(sent, ctrl):
    """What a block adds to `bip` (IEEE 802.3 cl. 82.2.8), as 8 bits of an int64.

    `sent` uint64: the scrambled payload; `ctrl` bool: header 10 in order of transmission.
    """
    for shift in (32, 16, 8):
        sent ^= sent >> np.uint64(shift)
    return np.int64(sent & np.uint64(0xFF)) ^ (0x08 if ctrl else 0x10)


@njit(cache=True)
def _scramble(data, before):
    out = np.empty_like(data)
    for i in range(data.size):
        before = out[i] = scrambled(data[i], before)
    return out


def state_word(state: int) -> int:
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
    out = _scramble(data, np.uint64(state_word(state)))
    return out, _after(out, state)


def descramble(data: np.ndarray, *, state: int) -> tuple[np.ndarray, int]:
    """Undo :func:`scramble`; right from the 59th bit on, whatever the state."""
    data = np.ascontiguousarray(data, np.uint64)
    before = np.concatenate([np.array([state_word(state)], np.uint64), data])[:-1]
    low = data ^ (before >> np.uint64(25)) ^ (before >> np.uint64(6))
    return low ^ (data << np.uint64(39)) ^ (data << np.uint64(58)), _after(data, state)


def _after(sent: np.ndarray, state: int) -> int:
    return state_word(int(sent[-1])) % 2**STATE_BITS if sent.size else state


def line_bits(sent: np.ndarray, ctrl: np.ndarray) -> np.ndarray:
    """Scrambled payloads uint64[...] and sync bits bool[...] as bits on the wire, uint8[..., 66].

    In order of transmission (cl. 49.2.4.3): header, then the payload from bit 0 up.
    """
    bits = np.empty((*sent.shape, BLOCK_BITS), np.uint8)
    bits[..., 0] = ctrl
    bits[..., 1] = ~np.asarray(ctrl, bool)
    octets = np.ascontiguousarray(sent).astype("<u8").view(np.uint8)
    bits[..., 2:] = np.unpackbits(octets, bitorder="little").reshape(*sent.shape, 64)
    return bits


def encode(data: np.ndarray, ctrl: np.ndarray, *, state: int) -> tuple[np.ndarray, int]:
    """Blocks of one lane to bits on the wire.

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
    return line_bits(sent, ctrl).reshape(-1), state
