"""One link end, one cycle."""

from __future__ import annotations

from numba import njit

from ..flits import NO_FLIT
from ..wires import take_credit, take_flit
from .receive import accept, deliver, grant, next_tail
from .state import (
    COUNT,
    DELIVERED,
    DIRTY,
    EMPTY,
    EXPECTED,
    HAVE,
    KEEPALIVE,
    STAGE_A,
    STAGE_B,
    TX,
    WR,
)
from .transmit import admissible, admit, queue, send


@njit(cache=True)
def link_step(state, wires, end, cycle):
    """Step `end` from the wires as of `cycle`; ends may be stepped in any order within a cycle.

    Returns
    -------
    int
        1 if the end put a flit on its output wire (valid in `cycle` + 1), else 0.
    """
    flit = take_flit(wires, state.inputs[end], cycle)
    pulses = take_credit(wires, state.outputs[end], cycle)
    if (cycle < state.wake[end] and flit == NO_FLIT and pulses == 0
            and cycle & state.rules.keepalive_cycles - 1):
        return 0
    return _step(state, wires, end, cycle, flit, pulses)


@njit(cache=True)
def _step(state, wires, end, cycle, flit, pulses):
    """Everything as visible in `cycle` first, what its end writes last."""
    reg = state.reg[end]
    if cycle & state.rules.keepalive_cycles - 1 == 0 and cycle > 0:
        reg[KEEPALIVE] = 1
    if next_tail(state, end) == cycle:
        accept(state, end)
    moved = deliver(state, wires, end, cycle)
    send(state, end, cycle)
    admit(state, wires, end, cycle)
    if flit != NO_FLIT:
        queue(state, end, flit)
    if pulses:
        grant(state, end, pulses)
    # With nothing in A, no frame open and nothing to tell, no keepalive is pending either.
    if (reg[STAGE_A] != EMPTY or reg[STAGE_B] != EMPTY or reg[HAVE] or reg[TX] != reg[WR]
            or reg[COUNT] or reg[DIRTY] or reg[DELIVERED] != reg[EXPECTED]
            or admissible(state, end) >= 0):
        state.wake[end] = cycle + 1
    else:
        state.wake[end] = next_tail(state, end)
    return moved
