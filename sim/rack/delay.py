"""Ideal links: wires that take a flit a cycle and nothing but time (docs/rack.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NO_FLIT
from lightloom.sim.link import LEAD
from lightloom.sim.wires import put_credits, put_flit, take_credit, take_flit


class DelayState(NamedTuple):
    """Link ends 0..ends-1, each with its peer among them.

    What an end took from its input in cycle c is in slot c mod D until its peer gives it, and the
    same of the credits that its peer took. D is a power of two, at least the longest flight and
    what an end may be ahead of its peer. What was given is cleared.
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
    depth = 1 << int(max(flight, default=1) + LEAD - 1).bit_length()
    return DelayState(inputs, outputs, peers, flight,
                      np.full((depth, peers.size), NO_FLIT),
                      np.zeros((depth, peers.size), np.uint8))


@step_function
def delay_step(state, wires, end, cycle):
    """Step what is at one end alone: what it sends and what comes there, so that ends may be ahead
    of one another, by less than a flight. What flies for a cycle is put down at the peer at once.

    Returns
    -------
    int, bool, bool
        1 if it put a flit on its output wire, else 0; whether a flit, and whether a credit, is now
        on its way to the peer.
    """
    mask = state.flits.shape[0] - 1
    now, peer, out = cycle & mask, state.peers[end], state.outputs[end]
    flit, pulses = take_flit(wires, state.inputs[end], cycle), take_credit(wires, out, cycle)
    if flit != NO_FLIT:
        if state.flight[end] == 1:
            put_flit(wires, state.outputs[peer], cycle + 1, flit)
        else:
            state.flits[now, end] = flit
    if pulses:
        if state.flight[peer] == 1:
            put_credits(wires, state.inputs[peer], cycle + 1, pulses)
        else:
            state.credits[now, peer] = pulses
    back, then = cycle + 1 - state.flight[end] & mask, cycle + 1 - state.flight[peer] & mask
    if state.credits[back, end]:
        put_credits(wires, state.inputs[end], cycle + 1, state.credits[back, end])
        state.credits[back, end] = 0
    came = state.flits[then, peer]
    if came == NO_FLIT:
        return 0, flit != NO_FLIT, pulses != 0
    state.flits[then, peer] = NO_FLIT
    put_flit(wires, out, cycle + 1, came)
    return 1, flit != NO_FLIT, pulses != 0
