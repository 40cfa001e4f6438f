"""The transmit adapter of a port: which beat is taken when, and the words of each lane."""

from __future__ import annotations

import numpy as np
from numba import njit

from lightloom.config import FEC_BLOCKS, STAGES, scrambler_seed

from .fec import with_parity
from .linecode import BLOCK_BITS, OWN_TYPES, line_bits, parity, scrambled, state_word
from .rows import form_rows

_LEAD = STAGES.lane_start + 2
"""Cycle of the first word: the first row is pulled at `lane_start`, scrambled, and then sent."""


def transmit(cfg, offers, cycles: int, off=()) -> tuple[np.ndarray, np.ndarray]:
    """Run the transmit adapter from reset for `cycles` cycles, one clock for all (docs/serdes.md).

    Parameters
    ----------
    cfg : lightloom.config.Config
    offers : sequence of (int, uint64[W], bool[W])
        Beats in order: the first cycle in which the beat may be offered, its blocks, their sync
        bits. `valid` is held until the beat is taken; the next is offered a cycle later at the
        earliest. Cycle 0 is the first after reset.
    cycles : int
    off : sequence of (int, int)
        Values of `lanes_off` (bit l: lane l is off) in order, each with the cycle from which it is
        visible; 0 before. While it names all lanes, no change is due.

    Returns
    -------
    accepted : int64[len(offers)]
        Cycle in which each beat was taken, -1 if it was not. One with a block of the adapter's own
        types is taken and dropped.
    words : uint8[cycles, lanes, word_bits]
        Zero before the first bit of row 0.

    Raises
    ------
    ValueError
        `lanes_off` names a lane that is not there.
    """
    serdes = cfg.serdes
    accepted, sent, ctrl = _sent(cfg, offers, cycles, off)
    if serdes.fec != "none":
        sent, ctrl = with_parity(serdes.fec, sent, ctrl)
    words = np.zeros((cycles, serdes.lanes, serdes.word_bits), np.uint8)
    room = max(0, cycles - _LEAD) * serdes.word_bits
    for lane in range(serdes.lanes):
        bits = line_bits(sent[lane], ctrl[lane]).reshape(-1)
        words[_LEAD:, lane] = bits[:room].reshape(-1, serdes.word_bits)
    return accepted, words


def _sent(cfg, offers, cycles, off):
    """`accepted`, and the block rows pulled: scrambled payloads and sync bits, [lanes, rows]."""
    serdes, blocks = cfg.serdes, cfg.derived.blocks
    full = (1 << serdes.lanes) - 1
    for _, lanes_off in off:
        if not 0 <= lanes_off <= full:
            raise ValueError(f"lanes_off = {lanes_off:#x}: the port has {serdes.lanes} lanes")
    changes = np.array([(cycle, full & ~lanes_off) for cycle, lanes_off in off],
                       np.int64).reshape(-1, 2)
    offered, *beats = zip(*offers, strict=True) if len(offers) else ((), (), ())
    data, ctrl = (np.array(field, kind).reshape(-1, blocks)
                  for field, kind in zip(beats, (np.uint64, bool), strict=True))
    bad = (ctrl & np.isin(data & np.uint64(0xFF), OWN_TYPES)).any(axis=1)
    most = cycles * serdes.word_bits // BLOCK_BITS + 1
    # As many block rows as line rows, and a codeword, so that the last one is whole.
    coded, extra = FEC_BLOCKS[serdes.fec]
    out = (np.empty((most, serdes.lanes), np.uint64), np.ones((most, serdes.lanes), bool),
           np.empty(most, np.int64), np.zeros(most, np.int64))
    accepted = np.full(len(offers), -1, np.int64)
    shape = cycles, serdes.lanes, serdes.word_bits, serdes.marker_period, coded, extra
    rows = form_rows(np.array(offered, np.int64), data, ctrl, bad,
                     np.ascontiguousarray(changes[:, 0]), np.ascontiguousarray(changes[:, 1]),
                     shape, accepted, out)
    payload, sync, live, phase = (field[:rows] for field in out)
    sync[live >= 0] = True
    seeds = np.array([state_word(scrambler_seed(lane)) for lane in range(serdes.lanes)], np.uint64)
    return accepted, _scramble_rows(payload, sync, live, phase, seeds), sync.T


@njit(cache=True)
def _scramble_rows(data, ctrl, live, phase, before):
    """Scrambled payloads [lanes, rows] of rows [rows, lanes]; markers are made here, as their
    `bip` follows from what was sent."""
    rows, lanes = data.shape
    out = np.empty((lanes, rows), np.uint64)
    for lane in range(lanes):
        last, bip = before[lane], 0
        for row in range(rows):
            block = data[row, lane]
            if live[row] >= 0:
                # linecode.marker, compiled
                block = np.uint64(0xFF | lane << 8 | (~lane & 0xFF) << 16)
                block |= np.uint64(live[row]) << np.uint64(24)
                block |= np.uint64(phase[row]) << np.uint64(40)
                block |= np.uint64(bip) << np.uint64(48)
                block |= np.uint64(~bip & 0xFF) << np.uint64(56)
                bip = 0
            last = out[lane, row] = scrambled(block, last)
            bip ^= parity(last, ctrl[row, lane])
    return out
