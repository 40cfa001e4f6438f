"""Queues of an input: to one output each, and to sets (docs/crossbar.md, Queues)."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NONE, end_of, first_of

from .places import (
    at_pair,
    at_slot,
    inlet_at,
    input_more_at,
    outlet_at,
    outlet_more_at,
    queue_at,
    slot_at,
    vc_at,
    vc_more_at,
)
from .state import TO_SET


@step_function
def enqueue(state, node, i, v, way, members, flit):
    """Put a flit behind the queue of its way; `members` is the set of TO_SET."""
    queue, to_set = way, way == TO_SET
    if to_set:
        queue = np.int64(state.queue_count - 1)
        empty = vc_more_at(state, node, v).set_queued & bit(i) == NOTHING
    else:
        empty = outlet_at(state, node, way, v).queued & bit(i) == NOTHING
    slot = np.int64(inlet_at(state, node, i, v).spare)
    inlet_at(state, node, i, v).spare = slot + 1 + slot_at(state, node, i, v, slot).following
    inlet_at(state, node, i, v).used += 1
    slot_at(state, node, i, v, slot).flit = flit
    if empty:
        queue_at(state, node, i, v, queue).head = slot
    else:
        slot_at(state, node, i, v, queue_at(state, node, i, v, queue).tail).following = slot
    queue_at(state, node, i, v, queue).tail = slot
    if to_set:
        state.members[at_slot(state, node, i, v, slot)] = members
        if empty:
            vc_more_at(state, node, v).set_queued |= bit(i)
            _show(state, node, i, v)
    else:
        outlet_at(state, node, way, v).queued |= bit(i)
        state.whole[node].waiting |= bit(way)
        if state.counting:
            state.held[at_pair(state, node, i, v, way)] += 1


@step_function
def first_flit(state, node, i, v, queue):
    """The first flit of a queue that is not empty."""
    return slot_at(state, node, i, v, queue_at(state, node, i, v, queue).head).flit


@step_function
def dequeue(state, node, i, v, j):
    """Take the first flit of queue (i, v, j)."""
    slot, last = _pop(state, node, i, v, j)
    if last:
        outlet_at(state, node, j, v).queued &= ~bit(i)
        _forget(state, node, j)
    if state.counting:
        state.held[at_pair(state, node, i, v, j)] -= 1
        input_more_at(state, node, i).left_for = j
    return slot_at(state, node, i, v, slot).flit


@step_function
def send_to(state, node, i, v, outputs):
    """Send the first flit of the set queue (i, v) to `outputs`; it leaves with the last of them."""
    place = state.queue_count - 1
    slot = queue_at(state, node, i, v, place).head
    _hide(state, node, i, v)
    state.members[at_slot(state, node, i, v, slot)] &= ~outputs
    more = True
    if state.members[at_slot(state, node, i, v, slot)] == NOTHING:
        slot, last = _pop(state, node, i, v, place)
        input_more_at(state, node, i).left_for = TO_SET
        more = not last
    if more:
        _show(state, node, i, v)
    else:
        vc_more_at(state, node, v).set_queued &= ~bit(i)
    return slot_at(state, node, i, v, slot).flit


@step_function
def _pop(state, node, i, v, queue):
    """The slot of the first flit, which leaves, and whether it was the last."""
    slot = np.int64(queue_at(state, node, i, v, queue).head)
    last = slot == queue_at(state, node, i, v, queue).tail
    if not last:
        queue_at(state, node, i, v, queue).head = slot_at(state, node, i, v, slot).following
    # The slot is taken next, so that few are touched.
    slot_at(state, node, i, v, slot).following = inlet_at(state, node, i, v).spare - slot - 1
    inlet_at(state, node, i, v).spare = slot
    inlet_at(state, node, i, v).used -= 1
    vc_at(state, node, v).matched |= bit(i)
    return slot, last


@step_function
def _forget(state, node, j):
    """Output j is not waited for when no queue has a flit for it."""
    others = NOTHING
    for w in range(state.vcs):
        others |= outlet_at(state, node, j, w).queued
        if state.sets:
            others |= outlet_more_at(state, node, j, w).want
    if others == NOTHING:
        state.whole[node].waiting &= ~bit(j)


@step_function
def _wanted(state, node, i, v):
    """`want` of the set queue (i, v)."""
    slot = queue_at(state, node, i, v, state.queue_count - 1).head
    flit = slot_at(state, node, i, v, slot).flit
    left = state.members[at_slot(state, node, i, v, slot)]
    if first_of(flit) and end_of(flit) == NONE:
        # One output after another, ascending.
        left &= ~without_lowest(left)
    return left


@step_function
def _show(state, node, i, v):
    """Let the outputs see what the set queue (i, v) wants."""
    left = _wanted(state, node, i, v)
    state.whole[node].waiting |= left
    while left:
        outlet_more_at(state, node, lowest(left), v).want |= bit(i)
        left = without_lowest(left)


@step_function
def _hide(state, node, i, v):
    """Undo :func:`_show`."""
    left = _wanted(state, node, i, v)
    while left:
        j = lowest(left)
        left = without_lowest(left)
        outlet_more_at(state, node, j, v).want &= ~bit(i)
        _forget(state, node, j)
