"""The write cycle of an input: classify a flit and queue it (docs/crossbar.md, the rules)."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import NOTHING, bit
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import (
    ABORT,
    NO_FLIT,
    NONE,
    dst_of,
    end_of,
    first_of,
    pack,
    src_of,
    tag_of,
    vc_of,
)
from lightloom.sim.wires import take_flit

from .places import inlet_at, inlet_more_at, input_at, input_more_at, vc_at, vc_more_at
from .queues import enqueue
from .route import BREACH, PASSES, ROTATES, resolve
from .state import BREACHES, CLOSED, OVERFLOWS, PROTOCOL_ERRORS, TO_SET, UNKNOWN

_SATURATED = 65535
_BYTE = np.uint64(8)


@step_function
def count(counters, node, port, which):
    """One more on a saturating counter."""
    if counters[node, port, which] < _SATURATED:
        counters[node, port, which] += 1


@step_function
def in_use(state, node, i, v):
    """Slots of (i, v) in use as visible in this cycle, after its matching."""
    # A slot that this cycle's match frees is visible in the next one; S = 2: in the one after.
    left = vc_at(state, node, v).matched >> np.uint64(i) & np.uint64(1)
    held = np.int64(inlet_at(state, node, i, v).used) + np.int64(left)
    if state.stages == 2:
        held += np.int64(vc_more_at(state, node, v).lingering >> np.uint64(i) & np.uint64(1))
    return held


@step_function
def report(state, node, i, flit, breach):
    """Count and note a packet that is unknown, or a breach."""
    count(state.input_counters, node, i, BREACHES if breach else UNKNOWN)
    input_more_at(state, node, i).refused = True
    input_more_at(state, node, i).breach = breach
    input_more_at(state, node, i).refused_vc = vc_of(flit)
    input_more_at(state, node, i).refused_src = src_of(flit)
    input_more_at(state, node, i).refused_dst = dst_of(flit)


@step_function
def route_and_write(state, wires, node, i, cycle):
    """Route the flit that a wire brought in the cycle before, and classify it; S = 2: in the cycle
    after."""
    flit, fresh = np.int64(NO_FLIT), state.whole[node].arrived & bit(i) != NOTHING
    if fresh:
        flit = take_flit(wires, input_at(state, node, i).wire, cycle - 1)
    way, members, verdict = np.int64(CLOSED), NOTHING, np.int64(PASSES)
    # What is written in this cycle is not visible to the routing in it.
    if fresh and first_of(flit) and vc_of(flit) < state.vcs:
        way, members, verdict = resolve(state, node, i, vc_of(flit), flit)
    ready = fresh
    if state.stages == 2:
        ready = state.whole_more[node].routed & bit(i) != NOTHING
        flit, way, members, verdict = exchange(
            state, node, i, fresh, flit, way, members, verdict)
    if ready:
        write(state, node, i, flit, way, members, verdict)


@step_function
def exchange(state, node, i, fresh, flit, way, members, verdict):
    """S = 2: latch what was routed in this cycle; return what was in the one before."""
    before = (input_more_at(state, node, i).latch,
              np.int64(input_more_at(state, node, i).latch_way),
              input_more_at(state, node, i).latch_members,
              np.int64(input_more_at(state, node, i).latch_verdict))
    state.whole_more[node].routed &= ~bit(i)
    if fresh:
        state.whole_more[node].routed |= bit(i)
        input_more_at(state, node, i).latch = flit
        input_more_at(state, node, i).latch_way = way
        input_more_at(state, node, i).latch_members = members
        input_more_at(state, node, i).latch_verdict = verdict
    return before


@step_function
def write(state, node, i, flit, new_way, new_members, verdict):
    """Classify a flit, after the matching of the same cycle; the rest is of its route."""
    v, first, end = vc_of(flit), first_of(flit), end_of(flit)
    if v >= state.vcs:                                                      # 1
        count(state.input_counters, node, i, PROTOCOL_ERRORS)
        return
    more, bad = end == NONE, inlet_at(state, node, i, v).bad
    way, members = np.int64(inlet_at(state, node, i, v).open), NOTHING
    errors = dropped = False
    if way == TO_SET:
        members = inlet_more_at(state, node, i, v).open_members
    if in_use(state, node, i, v) >= state.depth:                            # 2
        count(state.input_counters, node, i, OVERFLOWS)
        if way != CLOSED:
            inlet_at(state, node, i, v).bad = True
        elif first:
            inlet_at(state, node, i, v).dropping = more
        elif not more:
            inlet_at(state, node, i, v).dropping = False
        return
    if way != CLOSED and (first or bad):                                    # 3
        flit = pack(v, 0, ABORT, 0, 0, tag_of(flit))
        errors = first != 0
        inlet_at(state, node, i, v).open = CLOSED
        inlet_at(state, node, i, v).bad = False
        inlet_at(state, node, i, v).dropping = more
    elif way != CLOSED:                                                     # 4
        if not more:
            inlet_at(state, node, i, v).open = CLOSED
    elif first:                                                             # 5, 6
        way, members, dropped = new_way, new_members, new_way == CLOSED
        if dropped or verdict == BREACH:
            report(state, node, i, flit, verdict == BREACH)
        if not dropped:
            begin(state, node, i, v, flit, way, members, verdict)
    else:                                                                   # 7
        errors, dropped = not inlet_at(state, node, i, v).dropping, True
    if errors:
        count(state.input_counters, node, i, PROTOCOL_ERRORS)
    if dropped:
        vc_at(state, node, v).dropped |= bit(i)
        inlet_at(state, node, i, v).dropping = more
    else:
        enqueue(state, node, i, v, way, members, flit)
        if state.statistics:
            inlet_more_at(state, node, i, v).flits += 1


@step_function
def begin(state, node, i, v, flit, way, members, verdict):
    """Rule 6: a packet begins on its way."""
    if verdict == ROTATES:
        payload = state.payload[tag_of(flit)]
        state.payload[tag_of(flit)] = payload >> _BYTE | payload << (np.uint64(64) - _BYTE)
    if end_of(flit) == NONE:
        inlet_at(state, node, i, v).open = way
        if way == TO_SET:
            inlet_more_at(state, node, i, v).open_members = members
    inlet_at(state, node, i, v).dropping = False
    inlet_at(state, node, i, v).bad = False
