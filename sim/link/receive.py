"""The receiver of a link end without errors: every frame is accepted (docs/link.md)."""

from __future__ import annotations

from numba import njit

from ..wires import put_flit
from .state import (
    ACK,
    ACKED,
    DELIVERED,
    DIRTY,
    EXPECTED,
    FLITS,
    GRANTED,
    GRANTS,
    JUDGED,
    LIMIT,
    NEVER,
    TAKEN,
    VISIBLE,
)


@njit(cache=True, inline="always")
def next_tail(state, end):
    """The cycle in which the next tail under way becomes visible, or NEVER."""
    peer, judged = state.peers[end], state.reg[end, JUDGED]
    if state.reg[peer, TAKEN] == judged:
        return NEVER
    return state.tails[peer, judged & state.tails.shape[1] - 1, VISIBLE]


@njit(cache=True, inline="always")
def accept(state, end):
    """A tail becomes visible: its `ack` and `limit`, and its frame's flits as `expected`."""
    reg = state.reg[end]
    tail = state.tails[state.peers[end], reg[JUDGED] & state.tails.shape[1] - 1]
    reg[JUDGED] += 1
    reg[ACKED] = tail[ACK]
    for vc in range(state.rules.vcs):
        state.vc[end, vc, LIMIT] = tail[GRANTS + vc]
    if tail[FLITS]:
        reg[EXPECTED] += tail[FLITS]
        reg[DIRTY] = 1


@njit(cache=True, inline="always")
def deliver(state, wires, end, cycle):
    """The next accepted flit to `o`, valid in the next cycle; how many, 0 or 1."""
    reg = state.reg[end]
    if reg[DELIVERED] == reg[EXPECTED]:
        return 0
    flit = state.ring[state.peers[end], reg[DELIVERED] & state.ring.shape[1] - 1]
    put_flit(wires, state.outputs[end], cycle + 1, flit)
    reg[DELIVERED] += 1
    return 1


@njit(cache=True, inline="always")
def grant(state, end, pulses):
    """Credit pulses of the consumer, counted from the next cycle on."""
    for vc in range(state.rules.vcs):
        state.vc[end, vc, GRANTED] += pulses >> vc & 1
    state.reg[end, DIRTY] = 1
