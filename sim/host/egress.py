"""Host egress: flits become beats for a host that always accepts (docs/chiplet.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import NOTHING, bit, first_from
from lightloom.sim.compiled import entry
from lightloom.sim.flits import NO_FLIT, NONE, end_of, vc_of
from lightloom.sim.wires import put_credit, take_flit

BETWEEN = -1
"""Value of `sending` between packets."""


class EgressState(NamedTuple):
    """A group of host outputs, with FIFOs of K flits for each of V VCs."""

    inputs: np.ndarray     # int64[ports]: wires from crossbar outputs
    fifo: np.ndarray       # int64[ports, V, K]: flits, a ring
    head: np.ndarray       # int16[ports, V]: place of the first
    fill: np.ndarray       # int16[ports, V]
    filled: np.ndarray     # uint64[ports]: VCs whose FIFO holds a flit
    shown: np.ndarray      # int64[ports]: the output register
    sending: np.ndarray    # int16[ports]: VC whose packet is being sent, or BETWEEN
    next_vc: np.ndarray    # int16[ports]: ep


def make_egress(inputs, vcs: int, depth: int) -> EgressState:
    """Host outputs after reset, with `depth` slots for each of `vcs` VCs."""
    inputs = np.ascontiguousarray(inputs, np.int64)
    ports = len(inputs)
    return EgressState(
        inputs=inputs, fifo=np.zeros((ports, vcs, depth), np.int64),
        head=np.zeros((ports, vcs), np.int16), fill=np.zeros((ports, vcs), np.int16),
        filled=np.zeros(ports, np.uint64), shown=np.full(ports, NO_FLIT),
        sending=np.full(ports, BETWEEN, np.int16), next_vc=np.zeros(ports, np.int16))


@entry
def egress_step(state, wires, port, cycle):
    """Step host output `port`; the flit of the beat that `tvalid` shows in this cycle, or NO_FLIT.
    """
    shown, depth = state.shown[port], state.fifo.shape[2]
    moved = NO_FLIT
    v = np.int64(state.sending[port])
    if v == BETWEEN and state.filled[port]:
        v = first_from(state.filled[port], state.next_vc[port])
        state.next_vc[port] = v + 1 if v + 1 < state.fifo.shape[1] else 0
    if v != BETWEEN and state.filled[port] & bit(v) != NOTHING:
        place = state.head[port, v]
        moved = state.fifo[port, v, place]
        state.head[port, v] = place + 1 if place + 1 < depth else 0
        state.fill[port, v] -= 1
        if state.fill[port, v] == 0:
            state.filled[port] &= ~bit(v)
        state.sending[port] = v if end_of(moved) == NONE else BETWEEN
        put_credit(wires, state.inputs[port], cycle + 1, v)
    state.shown[port] = moved
    flit = take_flit(wires, state.inputs[port], cycle)
    if flit != NO_FLIT:
        v = vc_of(flit)
        place = state.head[port, v] + state.fill[port, v]
        state.fifo[port, v, place if place < depth else place - depth] = flit
        state.fill[port, v] += 1
        state.filled[port] |= bit(v)
    return shown
