"""Host ingress: beats that the host offers become flits (docs/chiplet.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.compiled import entry
from lightloom.sim.flits import NO_FLIT, vc_of
from lightloom.sim.wires import put_flit, take_credit


class IngressState(NamedTuple):
    """A group of host inputs.

    `outputs` int64[ports]: wires to crossbar inputs; `credits` int16[ports, V].
    """

    outputs: np.ndarray
    credits: np.ndarray


def make_ingress(outputs, vcs: int, depth: int) -> IngressState:
    """Host inputs after reset, each with `depth` credits of each of `vcs` VCs."""
    outputs = np.ascontiguousarray(outputs, np.int64)
    return IngressState(outputs, np.full((len(outputs), vcs), depth, np.int16))


@entry
def ingress_step(state, wires, port, cycle, flit):
    """Step host input `port`; whether the beat offered is accepted (`tready`).

    `flit` is what the beat offered in this cycle becomes, a word of :mod:`lightloom.sim.flits`,
    or NO_FLIT without `tvalid`. Beats must be well formed: no breach is modelled.
    """
    ready = flit != NO_FLIT
    if ready:
        for v in range(state.credits.shape[1]):
            ready &= state.credits[port, v] > 0
        if ready:
            put_flit(wires, state.outputs[port], cycle + 1, flit)
            state.credits[port, vc_of(flit)] -= 1
    pulses = take_credit(wires, state.outputs[port], cycle)
    if pulses:
        for v in range(state.credits.shape[1]):
            state.credits[port, v] += pulses >> v & 1
    return ready
