"""The transmitter of a link end, cycle by cycle (docs/link.md)."""

from __future__ import annotations

from numba import njit

from ..flits import first_of, vc_of
from ..wires import put_credit
from .adapter import gathered
from .state import (
    ACK,
    ACKED,
    COUNT,
    DIRTY,
    EMPTY,
    EXPECTED,
    FILL,
    FLIT,
    FLITS,
    GATHERED,
    GRANTED,
    GRANTS,
    HAVE,
    HEAD,
    HEADS,
    KEEPALIVE,
    LIMIT,
    LOADED,
    NEXT_VC,
    PULLED,
    QUEUED,
    SAME,
    SENT,
    SHOWN,
    STAGE_A,
    STAGE_B,
    TAIL,
    TAKEN,
    TX,
    VISIBLE,
    WR,
)


@njit(cache=True, inline="always")
def send(state, end, cycle):
    """Stage B to the adapter, A to B, the framer's choice to A, then the ring's read port."""
    reg = state.reg[end]
    if reg[STAGE_B] != EMPTY:
        place = gathered(state, end, cycle)
        if state.clock[PULLED] or place < state.rules.beats_per_row - 1:
            reg[GATHERED] = place + 1
            if reg[STAGE_B] == TAIL:
                _launch(state, end, state.clock[SHOWN] + place)
            reg[STAGE_B] = EMPTY
    if reg[STAGE_B] == EMPTY:
        reg[STAGE_B] = reg[STAGE_A]
        reg[STAGE_A] = EMPTY
    if reg[STAGE_A] == EMPTY:
        _frame(state, end)
    reg[HAVE] = reg[TX] != reg[WR]


@njit(cache=True, inline="always")
def _launch(state, end, visible):
    """A tail leaves; `visible` is always a later cycle, so the far end's step order is free."""
    reg, peer = state.reg[end], state.peers[end]
    state.tails[end, reg[TAKEN] & state.tails.shape[1] - 1, VISIBLE] = visible
    reg[TAKEN] += 1
    if visible < state.wake[peer]:
        state.wake[peer] = visible


@njit(cache=True, inline="always")
def _frame(state, end):
    """Framer rules 3 to 6: load stage A."""
    reg, rules = state.reg[end], state.rules
    if reg[HAVE] and reg[COUNT] < rules.frame_flits:
        first = first_of(state.ring[end, reg[TX] & state.ring.shape[1] - 1])
        if not first or reg[HEADS] < rules.frame_heads:
            reg[STAGE_A] = FLIT
            reg[TX] += 1
            reg[COUNT] += 1
            reg[HEADS] += first
            return
    if reg[COUNT] or reg[DIRTY]:
        tail = state.tails[end, reg[LOADED] & state.tails.shape[1] - 1]
        tail[FLITS], tail[ACK] = reg[COUNT], reg[EXPECTED]
        for vc in range(rules.vcs):
            tail[GRANTS + vc] = state.vc[end, vc, GRANTED]
        reg[LOADED] += 1
        reg[STAGE_A] = TAIL
        reg[COUNT] = reg[HEADS] = reg[DIRTY] = reg[KEEPALIVE] = 0
    elif reg[KEEPALIVE]:
        reg[STAGE_A] = SAME
        reg[KEEPALIVE] = 0


@njit(cache=True, inline="always")
def admissible(state, end):
    """The VC whose flit is admitted next, or -1."""
    reg, rules = state.reg[end], state.rules
    if reg[QUEUED] == 0 or reg[WR] - reg[ACKED] >= rules.replay_flits:
        return -1
    vc = reg[NEXT_VC]
    for _ in range(rules.vcs):
        if reg[QUEUED] >> vc & 1 and state.vc[end, vc, SENT] != state.vc[end, vc, LIMIT]:
            return vc
        vc += 1
        if vc == rules.vcs:
            vc = 0
    return -1


@njit(cache=True, inline="always")
def admit(state, wires, end, cycle):
    """One flit from the FIFOs to the ring, its credit back."""
    vc = admissible(state, end)
    if vc < 0:
        return
    reg, own = state.reg[end], state.vc[end, vc]
    state.ring[end, reg[WR] & state.ring.shape[1] - 1] = state.fifo[end, vc, own[HEAD]]
    reg[WR] += 1
    own[SENT] += 1
    own[HEAD] = own[HEAD] + 1 & state.fifo.shape[2] - 1
    own[FILL] -= 1
    if own[FILL] == 0:
        reg[QUEUED] &= ~(1 << vc)
    reg[NEXT_VC] = vc + 1 if vc + 1 < state.rules.vcs else 0
    put_credit(wires, state.inputs[end], cycle + 1, vc)


@njit(cache=True, inline="always")
def queue(state, end, flit):
    """A flit from the wire into its FIFO, visible in the next cycle."""
    vc = vc_of(flit)
    own = state.vc[end, vc]
    state.fifo[end, vc, own[HEAD] + own[FILL] & state.fifo.shape[2] - 1] = flit
    own[FILL] += 1
    state.reg[end, QUEUED] |= 1 << vc
