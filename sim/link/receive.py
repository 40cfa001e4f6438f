"""The receiver of a link end without errors: every frame is accepted (docs/link.md)."""

from __future__ import annotations

from lightloom.sim.compiled import step_function

from ..wires import put_flit
from .state import NEVER


@step_function
def next_tail(state, end):
    """Take the tail that is visible; `due` is that of the next one, or NEVER."""
    own = state.ends[end]
    own.judged += 1
    own.due = NEVER
    if state.ends[own.peer].launched != own.judged:
        own.due = state.tails[own.peer, own.judged & state.tails.shape[1] - 1].visible


@step_function
def accept(state, end):
    """A tail becomes visible: its `ack` and `limit`, and its frame's flits as `expected`."""
    own = state.ends[end]
    at = own.judged & state.tails.shape[1] - 1
    tail = state.tails[own.peer, at]
    next_tail(state, end)
    own.acked = tail.ack
    for vc in range(state.rules.vcs):
        state.channels[end, vc].limit = state.limits[own.peer, at, vc]
    if tail.flits:
        own.expected += tail.flits
        own.dirty = 1


@step_function
def deliver(state, wires, end, cycle):
    """The next accepted flit to `o`, valid in the next cycle; how many, 0 or 1."""
    own = state.ends[end]
    if own.delivered == own.expected:
        return 0
    flit = state.ring[own.peer, own.delivered & state.ring.shape[1] - 1]
    put_flit(wires, own.output, cycle + 1, flit)
    own.delivered += 1
    return 1


@step_function
def grant(state, end, pulses):
    """Credit pulses of the consumer, counted from the next cycle on."""
    for vc in range(state.rules.vcs):
        state.channels[end, vc].granted += pulses >> vc & 1
    state.ends[end].dirty = 1
