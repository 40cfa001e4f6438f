"""One link end, one cycle."""

from __future__ import annotations

from lightloom.sim.compiled import entry, step_function

from ..flits import NO_FLIT
from ..wires import take_credit, take_flit
from .lossy import lossy_step
from .receive import accept, deliver, grant
from .records import EMPTY
from .transmit import admissible, admit, queue, send


@entry
def link_step(state, wires, end, cycle):
    """Step `end` from the wires as of `cycle`; ends may be stepped in any order within a cycle.

    Returns
    -------
    int
        1 if the end put a flit on its output wire (valid in `cycle` + 1), else 0.
    """
    own = state.ends[end]
    flit = take_flit(wires, own.input, cycle)
    pulses = take_credit(wires, own.output, cycle)
    if (cycle < own.wake and flit == NO_FLIT and pulses == 0
            and cycle & state.rules.keepalive_cycles - 1):
        return 0
    return _step(state, wires, end, cycle, flit, pulses)


@step_function
def _step(state, wires, end, cycle, flit, pulses):
    """What becomes visible in `cycle` first, what is written at its end last."""
    own = state.ends[end]
    if state.errors and own.lossy:
        return lossy_step(state, wires, end, cycle, flit, pulses)
    if cycle & state.rules.keepalive_cycles - 1 == 0 and cycle > 0:
        own.keepalive = 1
    if own.due == cycle:
        accept(state, end)
    moved = deliver(state, wires, end, cycle)
    send(state, end, cycle)
    admit(state, wires, end, cycle)
    if flit != NO_FLIT:
        queue(state, end, flit)
    if pulses:
        grant(state, end, pulses)
    # With A empty and no frame open, a pending keepalive has just been loaded.
    if (own.a != EMPTY or own.b != EMPTY or own.held or own.have or own.tx != own.wr or own.count
            or own.dirty or own.delivered != own.expected or admissible(state, end) >= 0):
        own.wake = cycle + 1
    else:
        own.wake = own.due
    return moved
