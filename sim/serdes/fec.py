"""FEC of a lane (docs/fec.md): blocks to codewords, and codeword sync by trial."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.config import FEC_BLOCKS, FEC_LATENCY

from .lane import Entries, Kind, locked_blocks, make_entries, payloads
from .linecode import BLOCK_BITS
from .reedsolomon import Code, correct_word, make_code, parity_symbols

LOCK_GOOD = 2
"""Correctable codewords running that lock."""
LOSE_BAD = 8
"""Uncorrectable codewords running that end the lock."""


class Fec(NamedTuple):
    """A code, and how blocks become its symbols."""

    code: Code
    bits: int          # of a symbol
    ctrl_bits: int     # the ctrl bit and zeros that are never sent
    data: int          # D, blocks
    parity: int        # P, blocks
    delay: int         # C, cycles


def fec_of(name: str) -> Fec:
    """`serdes.fec` other than "none"."""
    shape = *FEC_BLOCKS[name], FEC_LATENCY[name]
    if name == "rs152":
        return Fec(make_code(8, 0x11D, 152, 144, 3), 8, 8, *shape)
    return Fec(make_code(10, 0x409, 544, 514, 15), 10, 1, *shape)


def _bits(payload):
    """uint64[..., n] to uint8[..., n, 64], bit 0 first."""
    octets = np.ascontiguousarray(payload).astype("<u8").view(np.uint8)
    return np.unpackbits(octets, bitorder="little").reshape(*payload.shape, 64)


def _words(bits):
    """uint8[..., 64] to uint64[...]."""
    packed = np.packbits(bits, axis=-1, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64)[..., 0]


def _symbols(bits, width):
    """uint8[words, n] to int64[words, ceil(n / width)], a symbol's first bit the lowest."""
    bits = np.pad(bits, ((0, 0), (0, -bits.shape[1] % width)))
    bits = bits.reshape(len(bits), bits.shape[1] // width, width)
    return bits.astype(np.int64) @ (1 << np.arange(width))


def message_symbols(fec: Fec, payload, ctrl):
    """Message int64[words, k] of payloads uint64[words, D] and ctrl bits bool[words, D]."""
    bits = np.zeros((*payload.shape, fec.ctrl_bits + 64), np.uint8)
    bits[..., 0], bits[..., fec.ctrl_bits:] = ctrl, _bits(payload)
    return _symbols(bits.reshape(len(payload), fec.data * bits.shape[2]), fec.bits)


def _blocks(fec, symbols):
    """The inverse of :func:`message_symbols`: payloads and ctrl bits."""
    bits = (symbols[..., None] >> np.arange(fec.bits) & 1).astype(np.uint8)
    words, size = len(symbols), fec.ctrl_bits + 64
    bits = bits.reshape(words, symbols.shape[1] * fec.bits)[:, :fec.data * size]
    bits = bits.reshape(words, fec.data, size)
    return _words(bits[..., fec.ctrl_bits:]), bits[..., 0].astype(bool)


def _parity_blocks(fec, symbols):
    """Parity symbols int64[words, 2t] in payloads uint64[words, P]."""
    bits = (symbols[..., None] >> np.arange(fec.bits) & 1).astype(np.uint8)
    bits = bits.reshape(len(symbols), fec.parity, symbols.shape[1] * fec.bits // fec.parity)
    return _words(np.pad(bits, ((0, 0), (0, 0), (0, 64 - bits.shape[2]))))


def with_parity(name: str, sent: np.ndarray, ctrl: np.ndarray):
    """Block rows to line rows: scrambled payloads uint64[lanes, rows], sync bits bool[lanes, rows].

    The last codeword is filled up with zeros.
    """
    fec = fec_of(name)
    lanes, fill = sent.shape[0], -sent.shape[1] % fec.data
    sent = np.pad(sent, ((0, 0), (0, fill))).reshape(-1, fec.data)
    ctrl = np.pad(ctrl, ((0, 0), (0, fill))).reshape(-1, fec.data)
    parity = _parity_blocks(fec, parity_symbols(fec.code, message_symbols(fec, sent, ctrl)))
    payload = np.concatenate([sent, parity], axis=1)
    control = np.concatenate([ctrl, np.zeros(parity.shape, bool)], axis=1)
    count = payload.size // lanes
    return payload.reshape(lanes, count), control.reshape(lanes, count)


class Decoded(NamedTuple):
    """Blocks out of a decoder: `codeword` int64[words], the number of each one's first block;
    `bad` bool[words]; `payload` uint64[words, D] and `ctrl` bool[words, D]."""

    codeword: np.ndarray
    bad: np.ndarray
    payload: np.ndarray
    ctrl: np.ndarray


def decode_blocks(fec: Fec, payload: np.ndarray, ctrl: np.ndarray) -> Decoded:
    """Codeword sync and correction on the blocks of one lane under block lock.

    Parameters
    ----------
    payload : uint64[n]
        As received, parity blocks too.
    ctrl : bool[n]
        First header bits.
    """
    size, at, good, bad, given = fec.data + fec.parity, 0, 0, 0, []
    locked = False
    while at + size <= len(payload):
        own = slice(at, at + fec.data)
        symbols = np.concatenate([
            message_symbols(fec, payload[None, own], ctrl[None, own])[0],
            _symbols(_bits(payload[at + fec.data:at + size])
                     [:, :fec.bits * (fec.code.total - fec.code.message) // fec.parity]
                     .reshape(1, -1), fec.bits)[0]])
        fixed = correct_word(fec.code, symbols) >= 0
        good, bad = (good + 1, 0) if fixed else (0, bad + 1)
        if not locked:
            locked, bad = good == LOCK_GOOD, 0
        elif bad == LOSE_BAD:
            # One trial at this phase before it slips.
            locked, fixed = False, True
        if locked:
            given.append((at, not fixed, symbols[:fec.code.message]))
        # A trial that fails: the codeword under way loses a block and is not judged.
        at += size if locked or fixed else 2 * size + 1
    starts = np.array([start for start, *_ in given], np.int64)
    symbols = np.array([word for *_, word in given], np.int64).reshape(-1, fec.code.message)
    return Decoded(starts, np.array([bad for _, bad, _ in given], bool), *_blocks(fec, symbols))


def fec_entries(name: str, bits: np.ndarray, width: int) -> Entries:
    """Entries of a lane with FEC; see :func:`.lane.lane_entries`.

    Block i of a codeword is due C + `spacing` i cycles after the codeword's last block. While
    there is no sync each block received is an `UNLOCKED` entry. What block lock is lost before is
    dropped.
    """
    fec = fec_of(name)
    spacing, size = BLOCK_BITS // width, fec.data + fec.parity
    bits = np.ascontiguousarray(bits, np.uint8)
    start, given = locked_blocks(bits)
    word = (start + BLOCK_BITS - 1) // width
    sent, first = payloads(bits, start), bits[start]
    parts, free = [], np.ones(start.size, bool)
    edges = np.flatnonzero(np.diff(given.astype(np.int8), prepend=0, append=0))
    for begin, end in edges.reshape(-1, 2):
        got = decode_blocks(fec, sent[begin:end], first[begin:end] == 1)
        last = begin + got.codeword + size - 1
        due = word[last][:, None] + fec.delay + spacing * np.arange(fec.data)
        keep = due < (word[end] if end < word.size else np.iinfo(np.int64).max)
        kind = np.where(got.bad, Kind.UNCORRECTED, Kind.DATA)[:, None].repeat(fec.data, 1)
        parts.append([field[keep] for field in (due, got.payload, got.ctrl, kind)])
        for k, at in enumerate(last):
            # In sync from here until the next codeword is judged.
            after = last[k + 1] if k + 1 < last.size and last[k + 1] == at + size else at + size
            free[at:min(after, end)] = False
    parts.append([word[free], sent[free], first[free] == 1, np.full(free.sum(), Kind.UNLOCKED)])
    due, payload, ctrl, kind = (np.concatenate(field) for field in zip(*parts, strict=True))
    order = np.argsort(due, kind="stable")
    # One entry a cycle.
    number = np.arange(due.size)
    due = np.maximum.accumulate(due[order] - number) + number
    ctrl = ctrl[order].astype(np.uint8)
    return make_entries(due, payload[order], ctrl, 1 - ctrl, kind[order].astype(np.uint8))
