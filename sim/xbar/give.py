"""What an output sends."""

from __future__ import annotations

from lightloom.sim.compiled import step_function
from lightloom.sim.wires import put_flit

from .places import output_at


@step_function
def give(state, wires, node, j, cycle, flit):
    """Put a flit that output j takes in `cycle` on the wire ahead."""
    out = output_at(state, node, j)
    put_flit(wires, out.ahead, cycle + 1 + state.stages + out.flight, flit)
