"""Matching: accept, and what a match does (docs/crossbar.md)."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import (
    EVERYTHING,
    NOTHING,
    bit,
    first_from,
    first_of_two,
    lowest,
    without_lowest,
)
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NONE, end_of

from .down import discard, discarding
from .give import give, give_back
from .places import (
    at_turn,
    inlet_more_at,
    input_at,
    input_more_at,
    outlet_at,
    outlet_more_at,
    output_at,
    vc_at,
)
from .queues import dequeue, send_to
from .state import DOWN


@step_function
def _turn(state, node, i, turn, candidate, more):
    """Move the pointers of input i: it stays with a packet that goes on."""
    turns, vcs = state.turns, state.vcs
    if more:
        state.accept_from[at_turn(state, node, i, turn)] = candidate
        if state.stages == 2 and turns != vcs:
            # S = 2, V odd: lcm(V, S) is 2V.
            other = turn + vcs if turn < vcs else turn - vcs
            state.accept_from[at_turn(state, node, i, other)] = candidate
    else:
        after = candidate + 1 if candidate + 1 < state.candidates else 0
        for u in range(turns):
            if u == turn or state.accept_from[at_turn(state, node, i, u)] == candidate:
                state.accept_from[at_turn(state, node, i, u)] = after


@step_function
def accept(state, wires, node, i, turn, cycle, moves):
    """Match input i with a candidate; the outputs that it sends to.

    `turn`: u of the grants; `moves`: whether the pointers do.
    """
    start = np.int64(state.accept_from[at_turn(state, node, i, turn)])
    if state.sets:
        candidate = first_of_two(
            input_at(state, node, i).grants, input_more_at(state, node, i).set_vcs,
            state.set_candidate, start)
    else:
        # Past the outputs are candidates that never come.
        candidate = first_from(input_at(state, node, i).grants,
                               start if start < state.set_candidate else 0)
    if not state.sets or candidate < state.set_candidate:
        v, outputs = np.int64(output_at(state, node, candidate).offered_vc), bit(candidate)
        q, lock, set_lock = i, bit(i), NOTHING
        flit = dequeue(state, node, i, v, candidate)
    else:
        v = candidate - state.set_candidate
        outputs = inlet_more_at(state, node, i, v).set_grants
        q, lock, set_lock = i + state.set_requester, NOTHING, bit(i)
        flit = send_to(state, node, i, v, outputs)
    if vc_at(state, node, v).matched & bit(i):
        # It has left: its credit goes back.
        give_back(state, wires, node, i, v, cycle)
    more = end_of(flit) == NONE
    if moves:
        _turn(state, node, i, turn, candidate, more)
    rest = outputs
    while rest:
        j = lowest(rest)
        rest = without_lowest(rest)
        _take(state, wires, node, j, v, flit, cycle)
        outlet_at(state, node, j, v).lock = lock if more else EVERYTHING
        if state.sets:
            outlet_more_at(state, node, j, v).set_lock = set_lock if more else EVERYTHING
        if moves:
            behind = q + 1 if q + 1 < state.requesters else 0
            if state.stages == 2 and cycle & 1 == 0:
                outlet_at(state, node, j, v).grant_from_odd = behind
            else:
                outlet_at(state, node, j, v).grant_from = behind
    input_at(state, node, i).grants = NOTHING
    if state.sets:
        vcs = input_more_at(state, node, i).set_vcs
        while vcs:
            inlet_more_at(state, node, i, lowest(vcs)).set_grants = NOTHING
            vcs = without_lowest(vcs)
        input_more_at(state, node, i).set_vcs = NOTHING
    return outputs


@step_function
def _take(state, wires, node, j, v, flit, cycle):
    """Output j takes a flit, or loses it."""
    if state.fails and state.ever[DOWN] and discarding(state, node, j, v):
        discard(state, node, j, v, end_of(flit) == NONE)
    else:
        outlet_at(state, node, j, v).credits -= 1
        give(state, wires, node, j, cycle, flit)
        if state.statistics:
            outlet_more_at(state, node, j, v).flits += 1
