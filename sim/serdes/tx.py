"""The transmit adapter of a port: which beat is taken when, and the words of each lane."""

from __future__ import annotations

import numpy as np

from lightloom.config import STAGES, scrambler_seed

from .linecode import BLOCK_BITS, IDLE, encode, marker


def transmit(cfg, offers, cycles: int) -> tuple[np.ndarray, np.ndarray]:
    """Run the transmit adapter from reset for `cycles` cycles (docs/serdes.md).

    Parameters
    ----------
    cfg : lightloom.config.Config
    offers : sequence of (int, uint64[W], bool[W])
        Beats in order: the first cycle in which the beat may be offered, its blocks, their sync
        bits. `valid` is held until the beat is taken; the next is offered a cycle later at the
        earliest. Cycle 0 is the first after reset.
    cycles : int

    Returns
    -------
    accepted : int64[len(offers)]
        Cycle in which each beat was taken, -1 if it was not.
    words : uint8[cycles, lanes, word_bits]
        Zero before the first bit of row 0.
    """
    accepted, rows, ctrl = _schedule(cfg, offers, cycles)
    serdes = cfg.serdes
    words = np.zeros((cycles, serdes.lanes, serdes.word_bits), np.uint8)
    first = STAGES.adapter_tx
    room = max(0, cycles - first) * serdes.word_bits
    for lane in range(serdes.lanes):
        bits, _ = encode(rows[:, lane], ctrl[:, lane], state=scrambler_seed(lane))
        words[first:, lane] = bits[:room].reshape(-1, serdes.word_bits)
    return accepted, words


def _schedule(cfg, offers, cycles):
    """Rows pulled in `cycles` cycles, as uint64 and bool [rows, lanes], and `accepted`."""
    serdes, derived = cfg.serdes, cfg.derived
    lanes, blocks = serdes.lanes, derived.blocks
    per_row, per_beat = derived.beats_per_row, derived.rows_per_beat
    accepted = np.full(len(offers), -1, np.int64)
    count = -(-cycles * serdes.word_bits // BLOCK_BITS)
    data = np.full((count, lanes), IDLE, np.uint64)
    ctrl = np.ones((count, lanes), bool)

    following = 0      # the first beat not taken yet
    gathered = []      # beats that wait for a payload row
    payload = 0        # payload rows so far
    group = None       # the beat whose rows are being sent
    row = 0
    for cycle in range(cycles):
        pull = row < count and row * BLOCK_BITS // serdes.word_bits == cycle
        marks = row % (serdes.marker_period + 1) == 0
        takes = pull and not marks and payload % per_beat == 0
        ready = takes or len(gathered) < per_row - 1
        if ready and following < len(offers) and offers[following][0] <= cycle:
            gathered.append(offers[following][1:])
            accepted[following] = cycle
            following += 1
        if not pull:
            continue
        if marks:
            data[row] = [marker(lane) for lane in range(lanes)]
        elif per_beat > 1:
            if takes:
                group = gathered.pop() if gathered else None
            if group is not None:
                part = slice(payload % per_beat * lanes, (payload % per_beat + 1) * lanes)
                data[row], ctrl[row] = group[0][part], group[1][part]
        else:
            for place, beat in enumerate(gathered):
                lane = slice(place * blocks, (place + 1) * blocks)
                data[row, lane], ctrl[row, lane] = beat
            gathered.clear()
        payload += not marks
        row += 1
    return accepted, data, ctrl
