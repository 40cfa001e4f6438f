"""The transmit adapter's rows, cycle by cycle: row former, crossing, schedule (docs/serdes.md)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lightloom.config import CROSSING_DEPTH, STAGES

from .linecode import BLOCK_BITS, IDLE, PAD

_CROSSING, _START = STAGES.crossing, STAGES.lane_start
_IDLE, _PAD = np.uint64(IDLE), np.uint64(PAD)

_HELD = 32
"""Room for the blocks held and those of a beat: fewer than L and at most W."""
_PAST = 8
"""Cycles of the counters' history; a power of two."""


@njit(cache=True)
def form_rows(offered, data, ctrl, bad, asked_at, asked, shape, accepted, out):
    """Run the row former and the schedule from reset.

    Parameters
    ----------
    offered : int64[n]
        First cycle in which each beat may be offered.
    data, ctrl, bad : uint64[n, W], bool[n, W], bool[n]
        The beats, and which of them hold a block of the adapter's own.
    asked_at, asked : int64[m]
        Changes of `lanes_off`, as the set of lanes asked for, and the cycles they are visible from.
    shape : (cycles, lanes, word_bits, marker_period, payload and parity blocks of a codeword)
    accepted : int64[n]
        Filled with the cycle in which each beat was taken; -1 before.
    out : (uint64[rows, L], bool[rows, L], int64[rows], int64[rows])
        Filled: blocks, sync bits; `live` and `phase` of marker rows, `live` -1 in other rows.

    Returns
    -------
    int
        Block rows pulled.
    """
    cycles, lanes, width, period, coded, extra = shape
    blocks = data.shape[1]
    everything = (1 << lanes) - 1
    held, held_ctrl, a = np.zeros(_HELD, np.uint64), np.zeros(_HELD, np.bool_), 0
    live, want, change, following = everything, everything, 0, 0
    # Rows in the crossing: blocks, set, blocks of beats in it, cycle written.
    ring = np.zeros((CROSSING_DEPTH, lanes), np.uint64)
    ring_ctrl = np.zeros((CROSSING_DEPTH, lanes), np.bool_)
    ring_live, ring_fill = np.zeros(CROSSING_DEPTH, np.int64), np.zeros(CROSSING_DEPTH, np.int64)
    ring_at = np.zeros(CROSSING_DEPTH, np.int64)
    written = read = 0
    wrote, took = np.zeros(_PAST, np.int64), np.zeros(_PAST, np.int64)   # by the end of a cycle
    line = row = phase = 0
    line_live = everything
    rows, rows_ctrl, rows_live, rows_phase = out

    for cycle in range(cycles):
        # --- row former
        while change < asked.size and asked_at[change] <= cycle:
            want = asked[change]
            change += 1
        due = want != 0 and want != live
        n = 0
        for lane in range(lanes):
            n += live >> lane & 1
        room = written - took[cycle - _CROSSING & _PAST - 1] < CROSSING_DEPTH
        level = wrote[cycle - 2 & _PAST - 1] - took[cycle - 5 & _PAST - 1]
        taken = False
        if (not due and a < n and (room or a + blocks < n) and following < offered.size
                and offered[following] <= cycle):
            accepted[following] = cycle
            if not bad[following]:
                taken = True
                held[a:a + blocks] = data[following]
                held_ctrl[a:a + blocks] = ctrl[following]
            following += 1
        total = a + blocks if taken else a
        a = total
        if room and due and total == 0:
            live = want
            slot = written & CROSSING_DEPTH - 1
            ring[slot], ring_ctrl[slot], ring_fill[slot] = _IDLE, True, 0
            ring_live[slot], ring_at[slot] = live, cycle
            written += 1
        elif room and (total >= n or (total > 0 and not taken and (level < 2 or due))):
            slot = written & CROSSING_DEPTH - 1
            j = 0
            for lane in range(lanes):
                if not live >> lane & 1:
                    ring[slot, lane], ring_ctrl[slot, lane] = _IDLE, True
                    continue
                if j < total:
                    ring[slot, lane], ring_ctrl[slot, lane] = held[j], held_ctrl[j]
                else:
                    ring[slot, lane], ring_ctrl[slot, lane] = _PAD, True
                j += 1
            ring_fill[slot] = min(total, n)
            ring_live[slot], ring_at[slot] = live, cycle
            written += 1
            a = max(total - n, 0)
            for j in range(a):
                held[j], held_ctrl[j] = held[n + j], held_ctrl[n + j]

        # --- schedule
        if _START + BLOCK_BITS * line // width == cycle:
            if line % (coded + extra) < coded:
                slot = read & CROSSING_DEPTH - 1
                readable = read < written and ring_at[slot] <= cycle - _CROSSING
                if row % (period + 1) == 0:
                    if readable:
                        line_live = ring_live[slot]
                    rows_live[row], rows_phase[row] = line_live, phase
                else:
                    rows_live[row] = -1
                    if readable and ring_live[slot] == line_live:
                        rows[row], rows_ctrl[row] = ring[slot], ring_ctrl[slot]
                        phase = (phase + ring_fill[slot]) % blocks
                        read += 1
                    else:
                        rows[row], rows_ctrl[row] = _IDLE, True
                row += 1
            line += 1
        wrote[cycle & _PAST - 1], took[cycle & _PAST - 1] = written, read
    return row
