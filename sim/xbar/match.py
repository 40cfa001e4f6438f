"""Matching: request, grant, accept (docs/crossbar.md)."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import (
    EVERYTHING,
    NOTHING,
    bit,
    count_of,
    first_from,
    first_of_two,
    lowest,
    without_lowest,
)
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NONE, end_of
from lightloom.sim.wires import put_credit, put_flit

from .down import aborting, discard, discarding, open_for, send_aborts
from .queues import dequeue, first_flit, send_to
from .state import DOWN, SCHEDULED

NOBODY = -1


@step_function
def match(state, wires, node, cycle):
    """Match inputs and outputs in one cycle; the number of flits that outputs take."""
    count, ending, outputs, free = 0, NOTHING, state.whole[node].waiting, EVERYTHING
    if state.ever[DOWN]:
        ending = aborting(state, node)
    two, recalled, busy = state.stages == 2, NOTHING, ending
    if two:
        # The grants of the cycle before, with what is visible before any accept of this one.
        recalled, busy = _recall(state, node, ending), NOTHING
    granted = cycle - 1 if two else cycle
    for turn in range(state.rounds):
        inputs = _grant(state, node, outputs & ~busy, free, cycle) | recalled
        if inputs == NOTHING:
            break
        free &= ~inputs
        while inputs:
            taken = _accept(state, wires, node, lowest(inputs), granted, cycle, turn == 0)
            inputs = without_lowest(inputs)
            busy |= taken
            count += count_of(taken)
    if ending:
        send_aborts(state, wires, node, ending, cycle)
    return count


@step_function
def _grant(state, node, outputs, free, cycle):
    """Let each output of a set grant to an input of `free`; the inputs that have a grant.

    S = 2: the grants wait for the next cycle.
    """
    granted, waiting = NOTHING, NOTHING
    while outputs:
        j = lowest(outputs)
        outputs = without_lowest(outputs)
        v, q = _choose(state, node, j, free, cycle)
        if q != NOBODY:
            if state.stages == 1:
                granted |= _offer(state, node, j, v, q)
            else:
                waiting |= bit(j)
                state.output[node, j].granted_vc = v
                state.output[node, j].granted_by = q
    if state.stages == 2:
        state.whole_more[node].granted = waiting
    return granted


@step_function
def _recall(state, node, busy):
    """S = 2: offer the grants of the cycle before that still hold; the inputs that have one."""
    state.whole_more[node].foreseen = NOTHING
    granted, outputs = NOTHING, state.whole_more[node].granted & ~busy
    while outputs:
        j = lowest(outputs)
        outputs = without_lowest(outputs)
        v = np.int64(state.output[node, j].granted_vc)
        q = np.int64(state.output[node, j].granted_by)
        if open_for(state, node, j, v):
            one, many = _requesters(state, node, j, v)
            if (one >> np.uint64(q) if q < state.set_requester
                    else many >> np.uint64(q - state.set_requester)) & np.uint64(1):
                inputs = _offer(state, node, j, v, q)
                granted |= inputs
                _foresee(state, node, j, v, q, inputs)
    return granted


@step_function
def _foresee(state, node, j, v, q, lock):
    """S = 2: the locks of (j, v) once requester q's flit is taken; `lock` is q's input."""
    i, own, other = lowest(lock), q < state.set_requester, NOTHING
    if end_of(first_flit(state, node, i, v, j if own else state.queues.shape[3] - 1)) != NONE:
        lock = other = EVERYTHING
    state.whole_more[node].foreseen |= bit(j)
    state.output[node, j].next_lock = lock if own else other
    state.output[node, j].next_set_lock = other if own else lock


@step_function
def _choose(state, node, j, free, cycle):
    """(VC, requester) that output j grants; the latter may be NOBODY."""
    vcs = state.vc.shape[1]
    strict, begin, v = NOTHING, 0, np.int64(cycle % vcs)
    if state.ever[SCHEDULED]:
        strict = state.output[node, j].strict
        v = np.int64(state.schedule[node, j, cycle % state.schedule.shape[2]])
        begin = -vcs if strict else 0
    for k in range(begin, vcs):
        # First the strict ones, ascending; then the others from v upwards.
        w = k + vcs if k < 0 else v + k if v + k < vcs else v + k - vcs
        if (strict & bit(w) != NOTHING) == (k < 0):
            q = _of_vc(state, node, j, w, free, cycle)
            if q != NOBODY:
                return w, q
    return v, NOBODY


@step_function
def _requesters(state, node, j, v):
    """Inputs whose queue, and those whose set queue, meets conditions 1 and 2."""
    lock, set_lock, many = state.outlet[node, j, v].lock, NOTHING, NOTHING
    if state.sets:
        set_lock = state.outlet_more[node, j, v].set_lock
    if (state.stages == 2 and state.whole_more[node].foreseen & bit(j)
            and state.offered_vc[node, j] == v):
        lock, set_lock = state.output[node, j].next_lock, state.output[node, j].next_set_lock
    if state.sets:
        many = state.outlet_more[node, j, v].want & set_lock
    return state.outlet[node, j, v].queued & lock, many


@step_function
def _of_vc(state, node, j, v, free, cycle):
    """The requester that output j picks on VC v, or NOBODY."""
    one, many = _requesters(state, node, j, v)
    one, many = one & free, many & free
    if (one | many) == NOTHING or not open_for(state, node, j, v):
        return NOBODY
    start = np.int64(state.outlet[node, j, v].grant_from)
    if cycle & state.stages - 1:
        start = np.int64(state.outlet[node, j, v].grant_from_odd)
    if many == NOTHING and start < state.set_requester:
        return first_from(one, start)
    return first_of_two(one, many, state.set_requester, start)


@step_function
def _offer(state, node, j, v, q):
    """Tell an input of a grant; the set of that input."""
    state.offered_vc[node, j] = v
    if q < state.set_requester:
        state.input[node, q].grants |= bit(j)
        return bit(q)
    i = q - state.set_requester
    state.inlet_more[node, i, v].set_grants |= bit(j)
    state.input_more[node, i].set_vcs |= bit(v)
    return bit(i)


@step_function
def _turn(state, node, i, phase, candidate, more):
    """Move the pointers of input i: it stays with a packet that goes on."""
    turns, vcs = state.accept_from.shape[2], state.vc.shape[1]
    if more:
        for u in range(phase % vcs, turns, vcs):
            state.accept_from[node, i, u] = candidate
    else:
        after = candidate + 1 if candidate + 1 < state.candidates else 0
        for u in range(turns):
            if u == phase or state.accept_from[node, i, u] == candidate:
                state.accept_from[node, i, u] = after


@step_function
def _accept(state, wires, node, i, granted, cycle, moves):
    """Match input i with a candidate of those of cycle `granted`; the outputs that it sends to.

    `moves`: whether the pointers do.
    """
    phase = granted % state.accept_from.shape[2]
    start = np.int64(state.accept_from[node, i, phase])
    if state.sets:
        candidate = first_of_two(state.input[node, i].grants, state.input_more[node, i].set_vcs,
                                 state.set_candidate, start)
    else:
        # Past the outputs are candidates that never come.
        candidate = first_from(state.input[node, i].grants,
                               start if start < state.set_candidate else 0)
    if candidate < state.set_candidate:
        v, outputs = np.int64(state.offered_vc[node, candidate]), bit(candidate)
        q, lock, set_lock = i, bit(i), NOTHING
        flit = dequeue(state, node, i, v, candidate)
    else:
        v = candidate - state.set_candidate
        outputs = state.inlet_more[node, i, v].set_grants
        q, lock, set_lock = i + state.set_requester, NOTHING, bit(i)
        flit = send_to(state, node, i, v, outputs)
    if state.vc[node, v].matched & bit(i):
        # It has left: its credit goes back.
        put_credit(wires, state.inputs[node, i], cycle + 1, v)
    more = end_of(flit) == NONE
    if moves:
        _turn(state, node, i, phase, candidate, more)
    rest = outputs
    while rest:
        j = lowest(rest)
        rest = without_lowest(rest)
        _take(state, wires, node, j, v, flit, cycle)
        state.outlet[node, j, v].lock = lock if more else EVERYTHING
        if state.sets:
            state.outlet_more[node, j, v].set_lock = set_lock if more else EVERYTHING
        if moves:
            behind = q + 1 if q + 1 < state.requesters else 0
            if granted & state.stages - 1:
                state.outlet[node, j, v].grant_from_odd = behind
            else:
                state.outlet[node, j, v].grant_from = behind
    state.input[node, i].grants = NOTHING
    if state.sets:
        vcs = state.input_more[node, i].set_vcs
        while vcs:
            state.inlet_more[node, i, lowest(vcs)].set_grants = NOTHING
            vcs = without_lowest(vcs)
        state.input_more[node, i].set_vcs = NOTHING
    return outputs


@step_function
def _take(state, wires, node, j, v, flit, cycle):
    """Output j takes a flit, or loses it."""
    if state.ever[DOWN] and discarding(state, node, j, v):
        discard(state, node, j, v, end_of(flit) == NONE)
    else:
        state.outlet[node, j, v].credits -= 1
        put_flit(wires, state.outputs[node, j], cycle + 1 + state.stages, flit)
        if state.statistics:
            state.outlet_more[node, j, v].flits += 1
