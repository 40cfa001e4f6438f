"""One cycle of all link ends: those that have something to do."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import EVERYTHING, NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import unit_function

from .model import link_step
from .state import NEVER


def make_wheel(state):
    """uint64[cycles, words]: ends to be stepped in later cycles; no tail is longer under way."""
    return np.zeros((state.tails.shape[1], len(state.ends) // 64 + 1), np.uint64)


@unit_function
def links_step(state, wires, awake, wheel, cycle, every, link_flits):
    """Step each end that is not at rest, or `every` one.

    Parameters
    ----------
    awake : uint64[words]
        Ends that have something on a wire, or did not rest in the cycle before. Changed to
        those that do not rest in the next cycle.
    wheel : uint64[cycles, words]
        Of :func:`make_wheel`.
    link_flits : int32[ends]
        Flits that each end has delivered, added to.
    """
    count, row = state.ends.size, cycle & wheel.shape[0] - 1
    every |= cycle & state.rules.keepalive_cycles - 1 == 0
    for word in range(awake.size):
        ends = awake[word] | wheel[row, word]
        awake[word] = wheel[row, word] = NOTHING
        if every:
            left = count - 64 * word
            ends = NOTHING
            if left > 0:
                ends = EVERYTHING >> np.uint64(64 - left) if left < 64 else EVERYTHING
        while ends:
            end = 64 * word + lowest(ends)
            ends = without_lowest(ends)
            link_flits[end] += link_step(state, wires, end, cycle)
            own = state.ends[end]
            if own.wake <= cycle + 1:
                awake[word] |= bit(end & 63)
            elif own.wake != NEVER:
                wheel[own.wake & wheel.shape[0] - 1, word] |= bit(end & 63)
            # A tail may be on its way there.
            wake = state.ends[own.peer].wake
            if wake > cycle and wake != NEVER:
                wheel[wake & wheel.shape[0] - 1, own.peer >> 6] |= bit(own.peer & 63)
