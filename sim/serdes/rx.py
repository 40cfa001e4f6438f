"""The receive adapter of a port: alignment over its lanes, rows back to beats."""

from __future__ import annotations

from collections import deque
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from lightloom.config import STAGES

from .lane import lock_blocks
from .linecode import BLOCK_BITS, IDLE, MARKER, marker

WRONG_MARKERS = 4
"""Wrong marker rows running that end the alignment."""
_NUMBERED = np.uint64(0xFFFFFF)
"""Type, lane number and its complement: what makes a marker the right one."""


class Beats(NamedTuple):
    """Beats out of the receive adapter, in order.

    `cycle` int64[m] is the one in which `valid` is 1; `data` uint64[m, W], `ctrl` and `error`
    bool[m, W] are the blocks.
    """

    cycle: np.ndarray
    data: np.ndarray
    ctrl: np.ndarray
    error: np.ndarray


class _Alignment:
    """Counts rows off between marker rows."""

    def __init__(self, period: int):
        self.period = period
        self.restart()

    def restart(self):
        self.row = self.wrong = 0     # row 0 is the place of a marker row
        self.seen = self.aligned = False

    def take(self, right_marker: bool) -> tuple[bool, bool]:
        """One row: whether it is payload to be given, and whether all must start over."""
        place, self.row = self.row, (self.row + 1) % (self.period + 1)
        if place:
            return self.aligned, False
        self.wrong = 0 if right_marker else self.wrong + 1
        if self.aligned:
            return False, self.wrong == WRONG_MARKERS
        self.aligned, self.seen = self.seen and right_marker, True
        return False, not right_marker


def receive(cfg, words: np.ndarray) -> Beats:
    """Run the receive adapter on words at any phase and skew (docs/serdes.md).

    Parameters
    ----------
    cfg : lightloom.config.Config
    words : uint8[cycles, lanes, word_bits]
        Bits of the words, one word a lane a cycle; cycle 0 is the first after reset.

    Returns
    -------
    Beats
        From alignment on; idle beats are not given. Their cycles may lie past the last word.
    """
    serdes, derived = cfg.serdes, cfg.derived
    lanes = [lock_blocks(words[:, lane].reshape(-1)) for lane in range(serdes.lanes)]
    size, per_beat = derived.blocks, derived.rows_per_beat
    out, group = [], []
    for last, place, *row in _payload_rows(cfg, lanes):
        if per_beat == 1:
            out += [(last + j, *(field[j * size:(j + 1) * size] for field in row))
                    for j in range(derived.beats_per_row)]
            continue
        if place % per_beat == 0:
            group = []     # what a restart left of a group is no beat
        group.append(row)
        if place % per_beat == per_beat - 1:
            out.append((last, *(np.concatenate(field) for field in zip(*group, strict=True))))
    out = [beat for beat in out if not _idle(*beat[1:])]
    cycle, *fields = zip(*out, strict=True) if out else ((), (), (), ())
    return Beats(
        np.array(cycle, np.int64) + STAGES.adapter_rx,
        *(np.array(field, kind).reshape(-1, size)
          for field, kind in zip(fields, (np.uint64, bool, bool), strict=True)),
    )


def _idle(data, ctrl, error) -> bool:
    return bool(ctrl.all() and not error.any() and (data & np.uint64(0xFF) == IDLE).all())


def _payload_rows(cfg, lanes):
    """Aligned payload rows: `(cycle of the last lane's word, place after the marker row, data,
    ctrl, error)`."""
    numbers = np.array([marker(lane) for lane in range(len(lanes))], np.uint64)
    marks = [ctrl & ~error & (data & np.uint64(0xFF) == MARKER)
             for _, data, ctrl, error, _ in lanes]
    alignment = _Alignment(cfg.serdes.marker_period)
    fifos = [deque() for _ in lanes]

    def start_over():
        alignment.restart()
        for fifo in fifos:
            fifo.clear()

    for cycle, arrivals in groupby(_arrivals(lanes, cfg.serdes.word_bits), itemgetter(0)):
        arrived = [(lane, block) for _, lane, block in arrivals]
        if any(len(fifos[lane]) == cfg.serdes.deskew_blocks
               or (alignment.aligned and lanes[lane][4][block]) for lane, block in arrived):
            start_over()
        for lane, block in arrived:
            if fifos[lane] or alignment.seen or marks[lane][block]:
                fifos[lane].append(block)
        if not all(fifos):
            continue
        picks = [fifo.popleft() for fifo in fifos]
        data, ctrl, error = (
            np.array([lane[field][pick] for lane, pick in zip(lanes, picks, strict=True)])
            for field in (1, 2, 3))
        is_right = ctrl.all() and not error.any() and (data & _NUMBERED == numbers).all()
        place = alignment.row
        give, wrong = alignment.take(bool(is_right))
        if give:
            yield cycle, place - 1, data, ctrl, error
        if wrong:
            start_over()


def _arrivals(lanes, width):
    """`(cycle, lane, block)` of every block in order; the cycle is that of its last bit's word."""
    return sorted(
        (int(cycle), lane, block)
        for lane, (start, *_) in enumerate(lanes)
        for block, cycle in enumerate((start + BLOCK_BITS - 1) // width)
    )
