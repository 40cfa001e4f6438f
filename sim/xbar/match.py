"""One round of request, grant, accept (docs/crossbar.md, Matching)."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import EVERYTHING, NOTHING, bit, first_from, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NONE, end_of


@step_function
def grant(state, node, phase):
    """Let each output pick a VC, and an input that is eligible on it.

    The inputs that were picked; their outputs are in `grants`, the outputs' VCs in `granted_vc`.
    """
    granted, outputs, vcs = NOTHING, state.waiting[node], state.owing.shape[1]
    while outputs:
        j = lowest(outputs)
        outputs = without_lowest(outputs)
        v = phase
        for _ in range(vcs):
            eligible = state.queued[node, j, v] & state.lock[node, j, v]
            if eligible and state.credits[node, j, v] > 0:
                i = first_from(eligible, state.grant_from[node, j, v])
                state.grants[node, i] |= bit(j)
                state.granted_vc[node, j] = v
                granted |= bit(i)
                break
            v = v + 1 if v + 1 < vcs else 0
    return granted


@step_function
def dequeue(state, node, i, v, j):
    """Take the first flit of queue (i, v, j)."""
    slot = state.head[node, i, v, j]
    if slot == state.tail[node, i, v, j]:
        state.queued[node, j, v] &= ~bit(i)
        others = NOTHING
        for w in range(state.owing.shape[1]):
            others |= state.queued[node, j, w]
        if not others:
            state.waiting[node] &= ~bit(j)
    else:
        state.head[node, i, v, j] = state.following[node, i, v, slot]
    state.used[node, i, v] -= 1
    state.free[node, i, v, state.free.shape[3] - 1 - state.used[node, i, v]] = slot
    return state.slots[node, i, v, slot]


@step_function
def accept(state, node, i, phase):
    """Match input i with one of the outputs that grant it; the output and the flit that leaves."""
    ports = state.inputs.shape[1]
    j = first_from(state.grants[node, i], state.accept_from[node, i, phase])
    state.grants[node, i] = NOTHING
    v = np.int64(state.granted_vc[node, j])
    flit = dequeue(state, node, i, v, j)
    state.grant_from[node, j, v] = i + 1 if i + 1 < ports else 0
    state.accept_from[node, i, phase] = j + 1 if j + 1 < ports else 0
    state.credits[node, j, v] -= 1
    state.lock[node, j, v] = bit(i) if end_of(flit) == NONE else EVERYTHING
    state.matched[node, v] |= bit(i)
    return j, flit
