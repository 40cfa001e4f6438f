"""One cycle of one crossbar."""

from __future__ import annotations

from lightloom.sim.bits import NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NO_FLIT
from lightloom.sim.wires import SLOTS, put_credit, put_flit, take_credit, take_flit

from .match import accept, grant
from .write import write

OUTPUT = 2
"""Cycles from a match to `valid` at the output."""


@step_function
def xbar_step(state, wires, node, cycle):
    """Step crossbar `node` of :class:`.state.XbarState`; the number of flits matched."""
    count = 0
    # Matching sees what was queued before this cycle: it goes first.
    if state.waiting[node]:
        phase = cycle % state.owing.shape[1]
        inputs = grant(state, node, phase)
        while inputs:
            i = lowest(inputs)
            inputs = without_lowest(inputs)
            j, flit = accept(state, node, i, phase)
            put_flit(wires, state.outputs[node, j], cycle + OUTPUT, flit)
            count += 1
    inputs = state.arrived[node]
    while inputs:
        write(state, node, lowest(inputs))
        inputs = without_lowest(inputs)
    for v in range(state.owing.shape[1]):
        if state.matched[node, v] | state.dropped[node, v] | state.owing[node, v]:
            return_credits(state, wires, node, v, cycle)
    receive(state, wires, node, cycle)
    return count


@step_function
def return_credits(state, wires, node, v, cycle):
    """Pulse a credit of VC v to each input that is owed one."""
    matched, dropped = state.matched[node, v], state.dropped[node, v]
    inputs = matched | dropped | state.owing[node, v]
    while inputs:
        i = lowest(inputs)
        inputs = without_lowest(inputs)
        put_credit(wires, state.inputs[node, i], cycle + 1, v)
        state.owed[node, i, v] += (matched & bit(i) != 0) + (dropped & bit(i) != 0) - 1
        if state.owed[node, i, v]:
            state.owing[node, v] |= bit(i)
        else:
            state.owing[node, v] &= ~bit(i)
    state.matched[node, v] = state.dropped[node, v] = NOTHING


@step_function
def receive(state, wires, node, cycle):
    """Registers that hold what is on the wires: flits to be written, credits to be spent."""
    arrived, slot = NOTHING, cycle & SLOTS - 1
    for port in range(state.inputs.shape[1]):
        wire = state.inputs[node, port]
        if wires.flit[slot, wire] != NO_FLIT:
            state.register[node, port] = take_flit(wires, wire, cycle)
            arrived |= bit(port)
        wire = state.outputs[node, port]
        if wires.credit[slot, wire]:
            pulses = take_credit(wires, wire, cycle)
            for v in range(state.owing.shape[1]):
                state.credits[node, port, v] += pulses >> v & 1
    state.arrived[node] = arrived
