"""Where the registers of an input, an output, one of their VCs, ... are in a state.

Arrays are flat and places in them unsigned: a step then needs the address of each array and no
more, where a shape and strides of each would fill the registers of the processor. Arguments are
int64.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, inline="always")
def at_input(state, node, i):
    """Place of an input."""
    return np.uint64(node * state.ins + i)


@njit(cache=True, inline="always")
def at_output(state, node, j):
    """Place of an output."""
    return np.uint64(node * state.outs + j)


@njit(cache=True, inline="always")
def at_slot(state, node, i, v, slot):
    """Place of a slot of (i, v)."""
    return np.uint64(((node * state.ins + i) * state.vcs + v) * state.depth + slot)


@njit(cache=True, inline="always")
def at_pair(state, node, i, v, j):
    """Place of queue (i, v, j)."""
    return np.uint64(((node * state.ins + i) * state.vcs + v) * state.outs + j)


@njit(cache=True, inline="always")
def at_turn(state, node, i, u):
    """Place of a[i][u]."""
    return np.uint64((node * state.ins + i) * state.turns + u)


@njit(cache=True, inline="always")
def at_time(state, node, j, slot):
    """Place of a slot of the schedule of j."""
    return np.uint64((node * state.outs + j) * 4 * state.vcs + slot)


@njit(cache=True, inline="always")
def at_inlet(state, node, i, v):
    """Place of a VC of an input."""
    return np.uint64((node * state.ins + i) * state.vcs + v)


@njit(cache=True, inline="always")
def at_outlet(state, node, j, v):
    """Place of a VC of an output."""
    return np.uint64((node * state.outs + j) * state.vcs + v)


@njit(cache=True, inline="always")
def at_vc(state, node, v):
    """Place of a VC of a crossbar."""
    return np.uint64(node * state.vcs + v)


@njit(cache=True, inline="always")
def at_queue(state, node, i, v, queue):
    """Place of a queue; that of a set is the last."""
    return np.uint64(((node * state.ins + i) * state.vcs + v) * state.queue_count + queue)


@njit(cache=True, inline="always")
def input_at(state, node, i):
    """INPUT."""
    return state.input[at_input(state, node, i)]


@njit(cache=True, inline="always")
def input_more_at(state, node, i):
    """INPUT_MORE."""
    return state.input_more[at_input(state, node, i)]


@njit(cache=True, inline="always")
def output_at(state, node, j):
    """OUTPUT."""
    return state.output[at_output(state, node, j)]


@njit(cache=True, inline="always")
def output_more_at(state, node, j):
    """OUTPUT_MORE."""
    return state.output_more[at_output(state, node, j)]


@njit(cache=True, inline="always")
def inlet_at(state, node, i, v):
    """INLET."""
    return state.inlet[at_inlet(state, node, i, v)]


@njit(cache=True, inline="always")
def inlet_more_at(state, node, i, v):
    """INLET_MORE."""
    return state.inlet_more[at_inlet(state, node, i, v)]


@njit(cache=True, inline="always")
def outlet_at(state, node, j, v):
    """OUTLET."""
    return state.outlet[at_outlet(state, node, j, v)]


@njit(cache=True, inline="always")
def outlet_more_at(state, node, j, v):
    """OUTLET_MORE."""
    return state.outlet_more[at_outlet(state, node, j, v)]


@njit(cache=True, inline="always")
def vc_at(state, node, v):
    """VC."""
    return state.vc[at_vc(state, node, v)]


@njit(cache=True, inline="always")
def vc_more_at(state, node, v):
    """VC_MORE."""
    return state.vc_more[at_vc(state, node, v)]


@njit(cache=True, inline="always")
def slot_at(state, node, i, v, slot):
    """SLOT."""
    return state.slots[at_slot(state, node, i, v, slot)]


@njit(cache=True, inline="always")
def queue_at(state, node, i, v, queue):
    """QUEUE."""
    return state.queues[at_queue(state, node, i, v, queue)]
