"""One cycle of one crossbar."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import EVERYTHING, NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import entry, prefetch, step_function
from lightloom.sim.flits import NO_FLIT, dst_of
from lightloom.sim.wires import look_credit, look_flit, take_credit

from .down import discarding
from .give import give_back
from .match import match
from .places import (
    inlet_at,
    inlet_more_at,
    input_at,
    outlet_at,
    outlet_more_at,
    output_at,
    output_more_at,
    vc_at,
    vc_more_at,
)
from .state import DOWN
from .write import in_use, route_and_write


@entry
def xbar_step(state, wires, node, cycle):
    """Step crossbar `node` of :class:`.state.XbarState`; the number of flits matched."""
    return step_with(state, wires, node, cycle, EVERYTHING, EVERYTHING)


@step_function
def step_with(state, wires, node, cycle, flits, credits):
    """The same; there is nothing on the wires of inputs not in `flits`, and of outputs not in
    `credits`."""
    if state.statistics:
        observe(state, node)
    count = 0
    # Matching sees what was queued before this cycle: it goes first.
    if state.whole[node].waiting or state.stages == 2 or state.fails and state.ever[DOWN]:
        count = match(state, wires, node, cycle)
    inputs = state.whole[node].arrived
    if state.stages == 2:
        inputs |= state.whole_more[node].routed
    while inputs:
        route_and_write(state, wires, node, lowest(inputs), cycle)
        inputs = without_lowest(inputs)
    restless = NOTHING
    if state.stages == 2:
        restless = state.whole_more[node].routed | state.whole_more[node].granted
        for v in range(state.vcs):
            vc_more_at(state, node, v).lingering = vc_at(state, node, v).matched
            restless |= vc_at(state, node, v).matched
    for v in range(state.vcs):
        if vc_at(state, node, v).dropped | vc_at(state, node, v).owing:
            return_credits(state, wires, node, v, cycle)
            restless |= vc_at(state, node, v).owing
        vc_at(state, node, v).matched = NOTHING
    state.whole[node].restless = restless
    receive(state, wires, node, cycle, flits, credits)
    tick(state, node)
    return count


@step_function
def tick(state, node):
    """Count the cycles."""
    phase, turn = state.whole[node].phase + 1, state.whole[node].turn + 1
    slot = state.whole[node].slot + 1
    state.whole[node].phase = phase if phase < state.vcs else 0
    state.whole[node].turn = turn if turn < state.turns else 0
    state.whole[node].slot = slot if slot < 4 * state.vcs else 0


@step_function
def return_credits(state, wires, node, v, cycle):
    """Pulse the credits of VC v that are owed, or are of flits that were dropped.

    An input of which a flit left has had its pulse.
    """
    matched, dropped = vc_at(state, node, v).matched, vc_at(state, node, v).dropped
    inputs = dropped | vc_at(state, node, v).owing
    while inputs:
        i = lowest(inputs)
        inputs = without_lowest(inputs)
        if matched & bit(i):
            inlet_at(state, node, i, v).owed += dropped & bit(i) != 0
        else:
            give_back(state, wires, node, i, v, cycle)
            inlet_at(state, node, i, v).owed -= dropped & bit(i) == 0
        if inlet_at(state, node, i, v).owed:
            vc_at(state, node, v).owing |= bit(i)
        else:
            vc_at(state, node, v).owing &= ~bit(i)
    vc_at(state, node, v).dropped = NOTHING


@step_function
def receive(state, wires, node, cycle, inputs, outputs):
    """What is on the wires: flits, to be written in the next cycle, and credits."""
    arrived = NOTHING
    inputs &= EVERYTHING >> np.uint64(64 - state.ins)
    while inputs:
        i = lowest(inputs)
        inputs = without_lowest(inputs)
        flit = look_flit(wires, input_at(state, node, i).wire, cycle)
        if flit != NO_FLIT:
            arrived |= bit(i)
            prefetch(state.kind, input_at(state, node, i).table, dst_of(flit))
            prefetch(state.ports, input_at(state, node, i).table, dst_of(flit))
            prefetch(wires.credit, input_at(state, node, i).back, 0)
    outputs &= EVERYTHING >> np.uint64(64 - state.outs)
    while outputs:
        j = lowest(outputs)
        outputs = without_lowest(outputs)
        wire = output_at(state, node, j).wire
        if look_credit(wires, wire, cycle):
            pulses = take_credit(wires, wire, cycle)
            for v in range(state.vcs):
                outlet_at(state, node, j, v).credits += pulses >> v & 1
    state.whole[node].arrived = arrived


@step_function
def observe(state, node):
    """Statistics of what is visible in a cycle, before it is stepped."""
    for i in range(state.ins):
        for v in range(state.vcs):
            peak = np.int64(inlet_more_at(state, node, i, v).peak)
            inlet_more_at(state, node, i, v).peak = max(peak, in_use(state, node, i, v))
    outputs = state.whole[node].waiting
    while outputs:
        j = lowest(outputs)
        outputs = without_lowest(outputs)
        for v in range(state.vcs):
            owe = output_more_at(state, node, j).owe & bit(v)
            if outlet_at(state, node, j, v).credits == 0 and owe == NOTHING:
                eligible = outlet_at(state, node, j, v).queued & outlet_at(state, node, j, v).lock
                if state.sets:
                    wants = outlet_more_at(state, node, j, v).want
                    eligible |= wants & outlet_more_at(state, node, j, v).set_lock
                if eligible and not discarding(state, node, j, v):
                    outlet_more_at(state, node, j, v).stalls += 1


@step_function
def clear_statistics(state, node):
    """Before the step of the cycle in which `clear` pulses."""
    for v in range(state.vcs):
        for i in range(state.ins):
            inlet_more_at(state, node, i, v).flits = inlet_more_at(state, node, i, v).peak = 0
        for j in range(state.outs):
            outlet_more_at(state, node, j, v).flits = outlet_more_at(state, node, j, v).stalls = 0
