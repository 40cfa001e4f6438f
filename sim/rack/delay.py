"""Ideal links: wires that take a flit a cycle and nothing but time (docs/rack.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NO_FLIT
from lightloom.sim.wires import put_credit, put_flit, take_credit, take_flit


class DelayState(NamedTuple):
    """Link ends 0..ends-1, each with its peer among them.

    What an end took from its input in cycle c is in slot c mod D until its peer gives it, and the
    same of the credits that its peer took. D is a power of two, at least the longest flight.
    """

    inputs: np.ndarray     # int64[ends]: wires
    outputs: np.ndarray    # int64[ends]: wires
    peers: np.ndarray      # int64[ends]
    flight: np.ndarray     # int64[ends]: cycles from the input to the peer's output, at least 1
    flits: np.ndarray      # int64[D, ends]
    credits: np.ndarray    # uint8[D, ends]: pulses for the end's input


def make_delays(inputs, outputs, peers, flight) -> DelayState:
    """Ideal links on which nothing is under way.

    Parameters
    ----------
    inputs, outputs : int64[ends]
        Wires: flits to send come in; flits that have come go out.
    peers : int64[ends]
    flight : int64[ends]
        Cycles of what each end sends, of flits and of credits.
    """
    inputs, outputs, peers, flight = (np.ascontiguousarray(values, np.int64)
                                      for values in (inputs, outputs, peers, flight))
    depth = 1 << int(max(flight, default=1) - 1).bit_length()
    return DelayState(inputs, outputs, peers, flight,
                      np.full((depth, peers.size), NO_FLIT),
                      np.zeros((depth, peers.size), np.uint8))


@step_function
def delay_step(state, wires, end, cycle):
    """Move what `end` sends by a cycle, and the credits for it; 1 if its peer put a flit on its
    output wire (valid in `cycle` + 1), else 0."""
    mask, now = state.flits.shape[0] - 1, cycle & state.flits.shape[0] - 1
    out = state.outputs[state.peers[end]]
    state.flits[now, end] = take_flit(wires, state.inputs[end], cycle)
    state.credits[now, end] = take_credit(wires, out, cycle)
    then = cycle + 1 - state.flight[end] & mask
    pulses, flit = state.credits[then, end], state.flits[then, end]
    vc = 0
    while pulses >> vc:
        if pulses >> vc & 1:
            put_credit(wires, state.inputs[end], cycle + 1, vc)
        vc += 1
    if flit == NO_FLIT:
        return 0
    put_flit(wires, out, cycle + 1, flit)
    return 1
