"""The transmitter of a link end, cycle by cycle (docs/link.md)."""

from __future__ import annotations

from lightloom.sim.compiled import step_function

from ..flits import first_of, vc_of
from ..wires import put_credit
from .adapter import form_row
from .records import EMPTY, FLIT, SAME, TAIL


@step_function
def send(state, end, cycle):
    """Stage B to the adapter, A to B, the framer's choice to A, then the ring's read port."""
    own = state.ends[end]
    move_stages(state, end, cycle)
    if own.a == EMPTY:
        own.a = _frame(state, end)
    own.have = own.tx != own.wr


@step_function
def move_stages(state, end, cycle):
    """Stage B to the adapter, A to B."""
    own = state.ends[end]
    if (own.b != EMPTY or own.held) and form_row(state, end, cycle):
        own.b = EMPTY
    if own.b == EMPTY:
        own.b, own.a = own.a, EMPTY


@step_function
def takes_flit(state, end):
    """Framer rule 3: whether the flit at the ring's read port goes into the frame."""
    own, rules = state.ends[end], state.rules
    if not own.have or own.count == rules.frame_flits:
        return False
    first = first_of(state.ring[end, own.tx & state.ring.shape[1] - 1])
    if first and own.heads == rules.frame_heads:
        return False
    own.tx += 1
    own.count += 1
    own.heads += first
    return True


@step_function
def _frame(state, end):
    """Framer rules 3 to 6: what stage A is loaded with."""
    own, rules = state.ends[end], state.rules
    if takes_flit(state, end):
        return FLIT
    if own.count or own.dirty:
        at = own.loaded & state.tails.shape[1] - 1
        tail = state.tails[end, at]
        tail.flits, tail.ack = own.count, own.expected
        for vc in range(rules.vcs):
            state.limits[end, at, vc] = state.channels[end, vc].granted
        own.loaded += 1
        own.count = own.heads = own.dirty = own.keepalive = 0
        return TAIL
    if own.keepalive:
        own.keepalive = 0
        return SAME
    return EMPTY


@step_function
def admissible(state, end):
    """The VC whose flit is admitted next, or -1."""
    own, rules = state.ends[end], state.rules
    if own.queued == 0 or own.wr - own.acked >= rules.replay_flits:
        return -1
    vc = own.next_vc
    for _ in range(rules.vcs):
        channel = state.channels[end, vc]
        if own.queued >> vc & 1 and channel.sent != channel.limit:
            return vc
        vc += 1
        if vc == rules.vcs:
            vc = 0
    return -1


@step_function
def admit(state, wires, end, cycle):
    """One flit from the FIFOs to the ring, and its credit back."""
    vc = admissible(state, end)
    if vc < 0:
        return
    own, channel = state.ends[end], state.channels[end, vc]
    state.ring[end, own.wr & state.ring.shape[1] - 1] = state.fifo[end, vc, channel.head]
    own.wr += 1
    own.next_vc = vc + 1 if vc + 1 < state.rules.vcs else 0
    channel.sent += 1
    channel.head = channel.head + 1 & state.fifo.shape[2] - 1
    channel.fill -= 1
    if channel.fill == 0:
        own.queued ^= 1 << vc
    put_credit(wires, own.input, cycle + 1, vc)


@step_function
def queue(state, end, flit):
    """A flit from the wire into its FIFO, visible in the next cycle."""
    vc = vc_of(flit)
    own, channel = state.ends[end], state.channels[end, vc]
    state.fifo[end, vc, channel.head + channel.fill & state.fifo.shape[2] - 1] = flit
    channel.fill += 1
    own.queued |= 1 << vc
