"""Random numbers of the endpoints and routers: a stream of SplitMix64 for each."""

from __future__ import annotations

import numpy as np

from lightloom.sim import random
from lightloom.sim.compiled import step_function

_GAMMA = np.uint64(random.GAMMA)


def make_streams(seed: int, count: int) -> np.ndarray:
    """uint64[count]: state of independent streams."""
    return np.array([random.mix_of(seed, which) for which in range(count)], np.uint64)


@step_function
def _word(streams, which):
    streams[which] += _GAMMA
    return random.mix(streams[which])


@step_function
def below(streams, which, limit):
    """Uniform in 0..limit - 1."""
    return random.below(_word(streams, which), limit)


@step_function
def gap(streams, which, gaps):
    """Cycles up to the next success; `gaps` is of :func:`lightloom.sim.random.gap_table`.
    """
    return random.gap_of(gaps, _word(streams, which))
