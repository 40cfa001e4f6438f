"""Outputs that are down: what is discarded, and the aborts behind it (docs/crossbar.md)."""

from __future__ import annotations

from lightloom.sim.bits import EVERYTHING, NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import ABORT, pack

from .give import give
from .places import outlet_at, outlet_more_at, output_more_at
from .state import ABORTS, DISCARDS, DOWN
from .write import count

NO_VC = -1


@step_function
def discarding(state, node, j, v):
    """Whether what is matched with (j, v) is lost."""
    draining = state.whole_more[node].draining & bit(j)
    return (draining | output_more_at(state, node, j).rest & bit(v)) != NOTHING


@step_function
def open_for(state, node, j, v):
    """Condition 3 of eligibility."""
    if state.fails and state.ever[DOWN] and state.whole_more[node].disturbed & bit(j):
        if discarding(state, node, j, v):
            return True
        if output_more_at(state, node, j).owe & bit(v):
            return False
    return outlet_at(state, node, j, v).credits > 0


@step_function
def discard(state, node, j, v, more):
    """A flit of (j, v) is lost; `more` of its packet follow. Before its lock is written."""
    count(state.output_counters, node, j, DISCARDS)
    begun = outlet_at(state, node, j, v).lock != EVERYTHING
    if state.sets:
        begun |= outlet_more_at(state, node, j, v).set_lock != EVERYTHING
    if begun and output_more_at(state, node, j).rest & bit(v) == NOTHING:
        output_more_at(state, node, j).owe |= bit(v)
    if more:
        output_more_at(state, node, j).rest |= bit(v)
    else:
        output_more_at(state, node, j).rest &= ~bit(v)
    note(state, node, j)


@step_function
def note(state, node, j):
    """Keep `disturbed`."""
    draining = state.whole_more[node].draining & bit(j)
    if draining | output_more_at(state, node, j).rest | output_more_at(state, node, j).owe:
        state.whole_more[node].disturbed |= bit(j)
    else:
        state.whole_more[node].disturbed &= ~bit(j)


@step_function
def abort_due(state, node, j):
    """VC on which output j ends a packet that was cut, or NO_VC."""
    owe = output_more_at(state, node, j).owe
    while owe:
        v = lowest(owe)
        owe = without_lowest(owe)
        if outlet_at(state, node, j, v).credits > 0:
            return v
    return NO_VC


@step_function
def aborting(state, node):
    """Outputs that end a packet that was cut, and so take no match in this cycle."""
    busy = NOTHING
    outputs = state.whole_more[node].disturbed & ~state.whole_more[node].draining
    while outputs:
        j = lowest(outputs)
        outputs = without_lowest(outputs)
        if abort_due(state, node, j) != NO_VC:
            busy |= bit(j)
    return busy


@step_function
def send_aborts(state, wires, node, outputs, cycle):
    """Let :func:`aborting` outputs do so, after all grants of the cycle."""
    while outputs:
        j = lowest(outputs)
        outputs = without_lowest(outputs)
        v = abort_due(state, node, j)
        give(state, wires, node, j, cycle, pack(v, 0, ABORT, 0, 0, 0))
        outlet_at(state, node, j, v).credits -= 1
        output_more_at(state, node, j).owe &= ~bit(v)
        count(state.output_counters, node, j, ABORTS)
        note(state, node, j)


@step_function
def watch(state, node, up):
    """After a step, with the set `up` of outputs that were up in its cycle: which ones drain."""
    state.ever[DOWN] = True
    for j in range(state.outs):
        if up & bit(j):
            output_more_at(state, node, j).down = 0
            state.whole_more[node].draining &= ~bit(j)
        elif output_more_at(state, node, j).down < state.hold_cycles:
            output_more_at(state, node, j).down += 1
            if output_more_at(state, node, j).down == state.hold_cycles:
                state.whole_more[node].draining |= bit(j)
        note(state, node, j)
