"""What goes on the wires: flits of outputs, and credits of inputs."""

from __future__ import annotations

from lightloom.sim.compiled import step_function
from lightloom.sim.wires import put_credit, put_flit

from .places import input_at, output_at


@step_function
def give(state, wires, node, j, cycle, flit):
    """Put a flit that output j takes in `cycle` on the wire ahead."""
    out = output_at(state, node, j)
    put_flit(wires, out.ahead, cycle + 1 + state.stages + out.flight, flit)


@step_function
def give_back(state, wires, node, i, v, cycle):
    """Pulse the credit for a slot of (i, v) that is free from `cycle` on."""
    each = input_at(state, node, i)
    put_credit(wires, each.back, cycle + 1 + each.flight, v)
