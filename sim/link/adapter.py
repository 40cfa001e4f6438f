"""The SerDes adapters between two link ends as a schedule (docs/serdes.md)."""

from __future__ import annotations

from lightloom.config import STAGES

from ..serdes.linecode import BLOCK_BITS
from .compiled import part, step

_SENT = STAGES.adapter_tx
_RECEIVED = STAGES.adapter_rx
_JUDGED = STAGES.link_rx - 1


@step
def set_clock(rules, clock, cycle):
    """Bring the shared clock to `cycle`; once a cycle, so that no end divides."""
    bits, period = rules.word_bits, rules.marker_period + 1
    row = (bits * cycle + BLOCK_BITS - 1) // BLOCK_BITS     # the first that is not pulled before
    pulled = BLOCK_BITS * row // bits == cycle
    if row % period == 0:
        row, pulled = row + 1, False
    if (row % period - 1) % rules.rows_per_beat:
        pulled = False     # in the midst of a beat; nobody is ready, and `visible` is not used
    last = row + rules.rows_per_beat - 1
    clock.cycle, clock.row, clock.pulled = cycle, row, pulled
    clock.visible = (_SENT + (BLOCK_BITS * last + BLOCK_BITS - 1) // bits + rules.fibre_cycles
                     + _RECEIVED + _JUDGED)


@part
def gathered(state, end, cycle):
    """Beats of `end` that wait in `cycle` for the next payload row."""
    own, clock = state.ends[end], state.clock[0]
    if clock.cycle != cycle:
        set_clock(state.rules, clock, cycle)
    if own.row != clock.row:
        # Kept by row number, so that an end with nothing to do need not see the row pulled.
        own.row, own.gathered = clock.row, 0
    return own.gathered
