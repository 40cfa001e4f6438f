"""Matching: request and grant (docs/crossbar.md)."""

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
from lightloom.sim.compiled import prefetch, step_function
from lightloom.sim.flits import NONE, end_of

from .accept import accept
from .down import aborting, open_for, send_aborts
from .places import (
    at_queue,
    at_slot,
    at_time,
    inlet_more_at,
    input_at,
    input_more_at,
    outlet_at,
    outlet_more_at,
    output_at,
    output_more_at,
    queue_at,
)
from .queues import first_flit
from .state import DOWN, SCHEDULED

NOBODY = -1


@step_function
def match(state, wires, node, cycle):
    """Match inputs and outputs in one cycle; the number of flits that outputs take."""
    count, ending, outputs, free = 0, NOTHING, state.whole[node].waiting, EVERYTHING
    if state.fails and state.ever[DOWN]:
        ending = aborting(state, node)
    two, recalled, busy = state.stages == 2, NOTHING, ending
    if two:
        # The grants of the cycle before, with what is visible before any accept of this one.
        recalled, busy = _recall(state, node, ending), NOTHING
    turn = np.int64(state.whole[node].turn)
    if two:
        turn = turn - 1 if turn else np.int64(state.turns - 1)
    for number in range(state.rounds):
        inputs = _grant(state, node, outputs & ~busy, free, cycle) | recalled
        if inputs == NOTHING:
            break
        free &= ~inputs
        _fetch(state, node, inputs)
        while inputs:
            taken = accept(state, wires, node, lowest(inputs), turn, cycle, number == 0)
            inputs = without_lowest(inputs)
            busy |= taken
            count += count_of(taken)
    if ending:
        send_aborts(state, wires, node, ending, cycle)
    return count


@step_function
def _fetch(state, node, inputs):
    """Begin to read the flits that inputs may send."""
    while inputs:
        i = lowest(inputs)
        inputs = without_lowest(inputs)
        outputs = input_at(state, node, i).grants
        while outputs:
            j = lowest(outputs)
            outputs = without_lowest(outputs)
            v = np.int64(output_at(state, node, j).offered_vc)
            head = np.int64(queue_at(state, node, i, v, j).head)
            prefetch(state.slots, 0, at_slot(state, node, i, v, head))


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
                output_more_at(state, node, j).granted_vc = v
                output_more_at(state, node, j).granted_by = q
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
        v = np.int64(output_more_at(state, node, j).granted_vc)
        q = np.int64(output_more_at(state, node, j).granted_by)
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
    if end_of(first_flit(state, node, i, v, j if own else state.queue_count - 1)) != NONE:
        lock = other = EVERYTHING
    state.whole_more[node].foreseen |= bit(j)
    output_more_at(state, node, j).next_lock = lock if own else other
    output_more_at(state, node, j).next_set_lock = other if own else lock


@step_function
def _choose(state, node, j, free, cycle):
    """(VC, requester) that output j grants; the latter may be NOBODY."""
    vcs = state.vcs
    strict, begin, v = NOTHING, 0, np.int64(state.whole[node].phase)
    if state.ever[SCHEDULED]:
        strict = output_more_at(state, node, j).strict
        v = np.int64(state.schedule[at_time(state, node, j, state.whole[node].slot)])
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
    lock, set_lock, many = outlet_at(state, node, j, v).lock, NOTHING, NOTHING
    if state.sets:
        set_lock = outlet_more_at(state, node, j, v).set_lock
    if (state.stages == 2 and state.whole_more[node].foreseen & bit(j)
            and output_at(state, node, j).offered_vc == v):
        lock = output_more_at(state, node, j).next_lock
        set_lock = output_more_at(state, node, j).next_set_lock
    if state.sets:
        many = outlet_more_at(state, node, j, v).want & set_lock
    return outlet_at(state, node, j, v).queued & lock, many


@step_function
def _of_vc(state, node, j, v, free, cycle):
    """The requester that output j picks on VC v, or NOBODY."""
    one, many = _requesters(state, node, j, v)
    one, many = one & free, many & free
    if (one | many) == NOTHING or not open_for(state, node, j, v):
        return NOBODY
    start = np.int64(outlet_at(state, node, j, v).grant_from)
    if cycle & state.stages - 1:
        start = np.int64(outlet_at(state, node, j, v).grant_from_odd)
    if not state.sets:
        # Past the inputs are requesters that never come.
        return first_from(one, start if start < state.set_requester else 0)
    if many == NOTHING and start < state.set_requester:
        return first_from(one, start)
    return first_of_two(one, many, state.set_requester, start)


@step_function
def _offer(state, node, j, v, q):
    """Tell an input of a grant; the set of that input."""
    output_at(state, node, j).offered_vc = v
    if not state.sets or q < state.set_requester:
        input_at(state, node, q).grants |= bit(j)
        prefetch(state.queues, 0, at_queue(state, node, q, v, j))
        return bit(q)
    i = q - state.set_requester
    inlet_more_at(state, node, i, v).set_grants |= bit(j)
    input_more_at(state, node, i).set_vcs |= bit(v)
    return bit(i)
