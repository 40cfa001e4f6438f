"""One cycle of one crossbar."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NO_FLIT
from lightloom.sim.wires import SLOTS, put_credit, take_credit, take_flit

from .down import discarding
from .match import match
from .state import DOWN
from .write import in_use, route_and_write


@step_function
def xbar_step(state, wires, node, cycle):
    """Step crossbar `node` of :class:`.state.XbarState`; the number of flits matched."""
    if state.statistics:
        observe(state, node)
    count = 0
    # Matching sees what was queued before this cycle: it goes first.
    if state.whole[node].waiting or state.stages == 2 or state.ever[DOWN]:
        count = match(state, wires, node, cycle)
    inputs = state.whole[node].arrived
    if state.stages == 2:
        inputs |= state.whole_more[node].routed
    while inputs:
        route_and_write(state, node, lowest(inputs))
        inputs = without_lowest(inputs)
    if state.stages == 2:
        for v in range(state.vc.shape[1]):
            state.vc_more[node, v].lingering = state.vc[node, v].matched
    for v in range(state.vc.shape[1]):
        if state.vc[node, v].dropped | state.vc[node, v].owing:
            return_credits(state, wires, node, v, cycle)
        state.vc[node, v].matched = NOTHING
    receive(state, wires, node, cycle)
    return count


@step_function
def return_credits(state, wires, node, v, cycle):
    """Pulse the credits of VC v that are owed, or are of flits that were dropped.

    An input of which a flit left has had its pulse.
    """
    matched, dropped = state.vc[node, v].matched, state.vc[node, v].dropped
    inputs = dropped | state.vc[node, v].owing
    while inputs:
        i = lowest(inputs)
        inputs = without_lowest(inputs)
        if matched & bit(i):
            state.inlet[node, i, v].owed += dropped & bit(i) != 0
        else:
            put_credit(wires, state.inputs[node, i], cycle + 1, v)
            state.inlet[node, i, v].owed -= dropped & bit(i) == 0
        if state.inlet[node, i, v].owed:
            state.vc[node, v].owing |= bit(i)
        else:
            state.vc[node, v].owing &= ~bit(i)
    state.vc[node, v].dropped = NOTHING


@step_function
def receive(state, wires, node, cycle):
    """Registers that hold what is on the wires: flits to be written, credits to be spent."""
    arrived, slot = NOTHING, cycle & SLOTS - 1
    for i in range(state.inputs.shape[1]):
        wire = state.inputs[node, i]
        if wires.flit[slot, wire] != NO_FLIT:
            state.input[node, i].register = take_flit(wires, wire, cycle)
            arrived |= bit(i)
    for j in range(state.outputs.shape[1]):
        wire = state.outputs[node, j]
        if wires.credit[slot, wire]:
            pulses = take_credit(wires, wire, cycle)
            for v in range(state.vc.shape[1]):
                state.outlet[node, j, v].credits += pulses >> v & 1
    state.whole[node].arrived = arrived


@step_function
def observe(state, node):
    """Statistics of what is visible in a cycle, before it is stepped."""
    for i in range(state.inputs.shape[1]):
        for v in range(state.vc.shape[1]):
            state.inlet_more[node, i, v].peak = max(np.int64(state.inlet_more[node, i, v].peak),
                                         in_use(state, node, i, v))
    outputs = state.whole[node].waiting
    while outputs:
        j = lowest(outputs)
        outputs = without_lowest(outputs)
        for v in range(state.vc.shape[1]):
            owe = state.output[node, j].owe & bit(v)
            if state.outlet[node, j, v].credits == 0 and owe == NOTHING:
                eligible = state.outlet[node, j, v].queued & state.outlet[node, j, v].lock
                if state.sets:
                    wants = state.outlet_more[node, j, v].want
                    eligible |= wants & state.outlet_more[node, j, v].set_lock
                if eligible and not discarding(state, node, j, v):
                    state.outlet_more[node, j, v].stalls += 1


@step_function
def clear_statistics(state, node):
    """Before the step of the cycle in which `clear` pulses."""
    for v in range(state.vc.shape[1]):
        for i in range(state.inputs.shape[1]):
            state.inlet_more[node, i, v].flits = state.inlet_more[node, i, v].peak = 0
        for j in range(state.outputs.shape[1]):
            state.outlet_more[node, j, v].flits = state.outlet_more[node, j, v].stalls = 0
