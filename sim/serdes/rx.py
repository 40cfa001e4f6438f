"""The receive adapter of a port: lanes, alignment, rows back to beats."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from lightloom.config import STAGES

from .align import (
    WRONG_MARKERS,
    first_entry,
    hunt,
    judge_markers,
    members_take,
    rows_waiting,
)
from .fec import fec_entries
from .lane import Kind, lane_entries

_ARRIVAL = STAGES.crossing + 1
"""A block's last word -> its entry is readable by the core."""
_DRAIN = 64
"""Cycles run past the last arrival: more than the rows that are still held need."""


class Beats(NamedTuple):
    """Beats out of the receive adapter, in order.

    `cycle` int64[m] is the one in which `valid` is 1; `data` uint64[m, W], `ctrl` and `error`
    bool[m, W] are the blocks.
    """

    cycle: np.ndarray
    data: np.ndarray
    ctrl: np.ndarray
    error: np.ndarray


class Received(NamedTuple):
    """Beats, and the state of the port at the end.

    `live`: set of the lanes of the last alignment (0: none so far), `aligned` whether it holds.
    `realigns`: times that the port became aligned, after the first. `broken_beats`: beats
    completed and not given, as their begin was lost. Of each wire, int64[L]: `bad_headers` and
    `bad_types` among the blocks given, and `bip_errors`, markers whose parity is wrong.
    """

    beats: Beats
    aligned: bool
    live: int
    realigns: int
    broken_beats: int
    bad_headers: np.ndarray
    bad_types: np.ndarray
    bip_errors: np.ndarray


def receive(cfg, words: np.ndarray) -> Beats:
    """The beats of :func:`receive_all`."""
    return receive_all(cfg, words).beats


def receive_all(cfg, words: np.ndarray) -> Received:
    """Run the receive adapter, one clock for all, on words in any order, phase and skew.

    Parameters
    ----------
    cfg : lightloom.config.Config
    words : uint8[cycles, lanes, word_bits]
        Bits of the words, one word a wire a cycle; cycle 0 is the first after reset. `rx_signal`
        is taken to be there.

    Returns
    -------
    Received
        Beats from alignment on. Their cycles are the contract's without FEC and may lie past the
        last word. With FEC they are in order, and each a constant after its blocks' arrival.

    Raises
    ------
    ValueError
        `serdes.slip` is "request": the model has no transceiver that slips.
    """
    serdes, blocks = cfg.serdes, cfg.derived.blocks
    if serdes.slip != "gearbox":
        raise ValueError(f'serdes.slip = "{serdes.slip}": the model slips in the "gearbox" alone')
    begin = STAGES.lane_start
    entries_of = lane_entries if serdes.fec == "none" else partial(fec_entries, serdes.fec)
    lanes = [entries_of(words[begin:, lane].reshape(-1), serdes.word_bits)
             for lane in range(serdes.lanes)]
    most = max(lane.word.size for lane in lanes) + 1
    arrive = np.full((serdes.lanes, most), np.iinfo(np.int64).max)
    kind = np.zeros((serdes.lanes, most), np.uint8)
    data = np.zeros((serdes.lanes, most), np.uint64)
    for wire, lane in enumerate(lanes):
        own = slice(lane.word.size)
        arrive[wire, own] = begin + _ARRIVAL + lane.word
        kind[wire, own], data[wire, own] = lane.kind, lane.data
    room = sum(lane.word.size for lane in lanes) // blocks + 1
    beats = Beats(np.empty(room, np.int64), np.empty((room, blocks), np.uint64),
                  np.empty((room, blocks), bool), np.empty((room, blocks), bool))
    last = max((int(lane.word[-1]) for lane in lanes if lane.word.size), default=0)
    state = _receive(arrive, kind, data, begin + _ARRIVAL + last + _DRAIN,
                     cfg.derived.deskew_depth, serdes.marker_period, beats)
    count, aligned, live, alignments, broken = state
    return Received(
        Beats(*(field[:count] for field in beats)), bool(aligned), live, max(0, alignments - 1),
        broken, *(np.array([(lane.kind == kind).sum() for lane in lanes])
                  for kind in (Kind.BAD_HEADER, Kind.BAD_TYPE)),
        np.array([lane.bip.sum() for lane in lanes]))


@njit(cache=True)
def _receive(arrive, kind, data, cycles, depth, period, beats):
    """Fill `beats`; their number, `aligned`, `live`, alignments, beats not given."""
    lanes, blocks = arrive.shape[0], beats.data.shape[1]
    seen, head, tail = np.zeros((3, lanes), np.int64)
    fresh = np.zeros(lanes, np.bool_)
    order, candidate = np.zeros(16, np.int64), np.zeros(16, np.int64)
    reading = aligned = False
    match = live = n = row = wrong = 0
    # Row register: how many blocks it holds, 0 if none; or a marker row's `phase`.
    reg, reg_kind, reg_data = 0, np.zeros(16, np.uint8), np.zeros(16, np.uint64)
    reg_marks, phase, first = False, 0, False
    # Blocks of a begun beat.
    held, held_kind, b, skip = np.zeros(32, np.uint64), np.zeros(32, np.uint8), 0, False
    count = alignments = broken = 0

    for cycle in range(cycles):
        # --- beats
        free = not (reg or reg_marks) or b < blocks
        complete = b >= blocks
        if not complete and reg_marks:
            reg_marks = False
            if first or phase != b:
                b, skip = phase, phase != 0
        elif not complete and reg:
            fill = 0
            while fill < reg and reg_kind[fill] != Kind.PAD:
                held[b + fill], held_kind[b + fill] = reg_data[fill], reg_kind[fill]
                fill += 1
            b += fill
            complete = b >= blocks
            if fill < reg:
                b -= b % blocks
            reg = 0
        if complete:
            if skip:
                broken += 1
            else:
                beats.cycle[count] = cycle + 1
                for i in range(blocks):
                    beats.data[count, i] = held[i]
                    beats.ctrl[count, i] = held_kind[i] == Kind.CONTROL
                    beats.error[count, i] = held_kind[i] > Kind.CONTROL
                count += 1
            skip = False
            b -= blocks
            for i in range(b):
                held[i], held_kind[i] = held[blocks + i], held_kind[blocks + i]

        # --- entries of this cycle
        for wire in range(lanes):
            fresh[wire] = arrive[wire, seen[wire]] == cycle
        if not reading:
            found, dropped = hunt(kind, data, fresh, seen, head, tail, depth, candidate)
            if dropped:
                match = 0
            elif match:
                # Found one cycle ago: the first row is read in the next.
                reading, live, match, row, wrong, n = True, match, 0, 0, 0, 0
                for lane in range(16):
                    n += live >> lane & 1
            elif found:
                match = found
                order[:] = candidate
        else:
            over = members_take(kind, fresh, seen, head, tail, depth, order, n)
            waiting = rows_waiting(head, tail, order, n)
            if free and waiting:
                if row % (period + 1) == 0:
                    right, other = judge_markers(kind, data, head, order, n, live)
                    wrong = 0 if right else wrong + 1
                    if aligned:
                        over = over or wrong == WRONG_MARKERS or other
                    elif row:
                        over = over or not right
                        aligned = not over
                        alignments += aligned
                    if aligned and right:
                        # The one that aligned the port is the second.
                        reg_marks, first = True, row == period + 1
                        phase = (np.int64(data[order[0], head[order[0]]] >> np.uint64(40))
                                 & 0xFF) % blocks
                else:
                    # Before alignment rows are thrown away, two at once where there are two.
                    if not aligned and waiting > 1 and (row + 1) % (period + 1):
                        for place in range(n):
                            head[order[place]] += 1
                        row += 1
                    given = aligned
                    for place in range(n):
                        wire = order[place]
                        reg_kind[place] = kind[wire, head[wire]]
                        reg_data[place] = data[wire, head[wire]]
                        given = given and reg_kind[place] != Kind.IDLE
                    reg = n if given else 0
                for place in range(n):
                    head[order[place]] += 1
                row += 1
            if over:
                reading = aligned = False
                for wire in range(lanes):
                    head[wire] = tail[wire] = seen[wire]
                    if fresh[wire]:
                        first_entry(kind, head, tail, wire, seen[wire])
        for wire in range(lanes):
            seen[wire] += fresh[wire]
    return count, aligned, live, alignments, broken
