"""The write cycle of an input: classify a flit and queue it (docs/crossbar.md, the rules)."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import bit
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import ABORT, NONE, dst_of, end_of, first_of, pack, src_of, tag_of, vc_of

from .state import CLOSED, OVERFLOWS, PROTOCOL_ERRORS, ROUTE_DROPS

_SATURATED = 65535


@step_function
def count(state, node, i, which):
    """One more on a saturating counter."""
    if state.counters[node, i, which] < _SATURATED:
        state.counters[node, i, which] += 1


@step_function
def routed(state, node, src, dst):
    """Output of a packet, or CLOSED where there is none."""
    table = state.table[node]
    if dst >= state.routes.shape[1] or not state.routes[table, dst, 0]:
        return CLOSED
    output = np.int64(state.routes[table, dst, 1]) + (src & np.int64(state.routes[table, dst, 2]))
    return output if output < state.inputs.shape[1] else CLOSED


@step_function
def enqueue(state, node, i, v, j, flit):
    """Put a flit behind queue (i, v, j)."""
    slot = state.free[node, i, v, state.free.shape[3] - 1 - state.used[node, i, v]]
    state.used[node, i, v] += 1
    state.slots[node, i, v, slot] = flit
    if state.queued[node, j, v] & bit(i):
        state.following[node, i, v, state.tail[node, i, v, j]] = slot
    else:
        state.head[node, i, v, j] = slot
        state.queued[node, j, v] |= bit(i)
        state.waiting[node] |= bit(j)
    state.tail[node, i, v, j] = slot


@step_function
def write(state, node, i):
    """Classify the flit in input i's register, after the matching of the same cycle."""
    flit = state.register[node, i]
    v, first, end = vc_of(flit), first_of(flit), end_of(flit)
    vcs, depth = state.owing.shape[1], state.slots.shape[3]
    if v >= vcs:                                                            # 1
        count(state, node, i, PROTOCOL_ERRORS)
        return
    j = state.open[node, i, v]
    # A slot that this cycle's match frees is visible in the next one.
    held = state.used[node, i, v] + (state.matched[node, v] & bit(i) != 0)
    if held >= depth:                                                       # 2
        count(state, node, i, OVERFLOWS)
        if j != CLOSED:
            state.bad[node, i, v] = True
        elif first:
            state.dropping[node, i, v] = end == NONE
        elif end != NONE:
            state.dropping[node, i, v] = False
    elif j != CLOSED and (first or state.bad[node, i, v]):                  # 3
        enqueue(state, node, i, v, j, pack(v, 0, ABORT, 0, 0, tag_of(flit)))
        if first:
            count(state, node, i, PROTOCOL_ERRORS)
        state.open[node, i, v] = CLOSED
        state.bad[node, i, v] = False
        state.dropping[node, i, v] = end == NONE
    elif j != CLOSED:                                                       # 4
        enqueue(state, node, i, v, j, flit)
        if end != NONE:
            state.open[node, i, v] = CLOSED
    else:
        if first:
            j = routed(state, node, src_of(flit), dst_of(flit))
        if j != CLOSED:                                                     # 6
            enqueue(state, node, i, v, j, flit)
            state.open[node, i, v] = j if end == NONE else CLOSED
            state.dropping[node, i, v] = False
            state.bad[node, i, v] = False
        else:                                                               # 5, 7
            if first:
                count(state, node, i, ROUTE_DROPS)
            elif not state.dropping[node, i, v]:
                count(state, node, i, PROTOCOL_ERRORS)
            state.dropped[node, v] |= bit(i)
            state.dropping[node, i, v] = end == NONE
