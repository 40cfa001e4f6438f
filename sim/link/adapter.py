"""The SerDes adapters between two link ends as a schedule (docs/serdes.md)."""

from __future__ import annotations

from numba import njit

from lightloom.config import STAGES

from ..serdes.linecode import BLOCK_BITS
from .state import (
    CYCLE,
    GATHERED,
    NEXT_ROW,
    PULLED,
    ROW,
    SHOWN,
)

_WORD = STAGES.adapter_tx
_OUT = STAGES.adapter_rx
_SHOWN = STAGES.link_rx - 1


@njit(cache=True)
def set_clock(rules, clock, cycle):
    """Bring the shared clock to `cycle`."""
    bits, period = rules.word_bits, rules.marker_period + 1
    row = (bits * cycle + BLOCK_BITS - 1) // BLOCK_BITS     # the first that is not pulled before
    pulled = BLOCK_BITS * row // bits == cycle
    place = row % period
    if place == 0:
        row, place, pulled = row + 1, 1, False
    late = (place - 1) % rules.rows_per_beat
    if late:
        # Row `row` belongs to a group that has begun. Nobody is ready, so the rest of the clock
        # is not looked at.
        pulled = False
    last = row + rules.rows_per_beat - 1
    clock[CYCLE], clock[NEXT_ROW], clock[PULLED] = cycle, row, pulled
    clock[SHOWN] = (_WORD + (BLOCK_BITS * last + BLOCK_BITS - 1) // bits + rules.fibre_cycles
                    + _OUT + _SHOWN)


@njit(cache=True, inline="always")
def gathered(state, end, cycle):
    """Beats that wait in `cycle` for the next payload row."""
    reg, clock = state.reg[end], state.clock
    if clock[CYCLE] != cycle:
        set_clock(state.rules, clock, cycle)
    if reg[ROW] != clock[NEXT_ROW]:
        # Kept by row number, so that an end with nothing to do need not see the row pulled.
        reg[ROW], reg[GATHERED] = clock[NEXT_ROW], 0
    return reg[GATHERED]
