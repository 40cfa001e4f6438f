"""One cycle of all crossbars of a group: those that have something to do."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import EVERYTHING
from lightloom.sim.compiled import unit_function
from lightloom.sim.wires import window

from .places import at_input, at_output
from .state import DOWN
from .step import step_with


@unit_function
def xbars_step(state, wires, cycle, every):
    """Step each crossbar that is not at rest, or `every` one; the number of flits matched.

    The inputs of a crossbar have wires one after another, and its outputs as well. Crossbars were
    made for cycle 0 and are stepped by this function alone. One at rest has no flit, owes no
    credit, and would only count the cycle; a step makes up for that.
    """
    hops = 0
    every |= state.statistics
    inputs, outputs = (EVERYTHING >> np.uint64(64 - state.ins),
                       EVERYTHING >> np.uint64(64 - state.outs))
    phase, turn, slot = cycle % state.vcs, cycle % state.turns, cycle % (4 * state.vcs)
    for node in range(state.nodes):
        flits = window(wires.flits, cycle, state.inputs[at_input(state, node, 0)]) & inputs
        credits = window(wires.credits, cycle, state.outputs[at_output(state, node, 0)]) & outputs
        whole = state.whole[node]
        moves = flits | credits | whole.arrived | whole.waiting | whole.restless
        if state.ever[DOWN]:
            moves |= state.whole_more[node].disturbed
        if every or moves:
            whole.phase, whole.turn, whole.slot = phase, turn, slot
            hops += step_with(state, wires, node, cycle, flits, credits)
    return hops
