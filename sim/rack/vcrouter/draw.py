"""Random numbers inside a compiled loop: SplitMix64, a stream for each user.

Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
"""

from __future__ import annotations

import math

import numpy as np

from lightloom.sim.compiled import step_function

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_30, _27, _31, _11, _32 = (np.uint64(n) for n in (30, 27, 31, 11, 32))


def make_streams(seed: int, count: int) -> np.ndarray:
    """uint64[count]: state of independent streams."""
    return np.random.SeedSequence(seed).generate_state(count, np.uint64)


@step_function
def _word(streams, which):
    streams[which] += _STEP
    z = streams[which]
    z = (z ^ z >> _30) * _MIX[0]
    z = (z ^ z >> _27) * _MIX[1]
    return z ^ z >> _31


@step_function
def below(streams, which, limit):
    """Uniform in 0..limit - 1; `limit` is far below 2^32, so that the bias is none to see."""
    return np.int64((_word(streams, which) >> _32) * np.uint64(limit) >> _32)


@step_function
def trials(streams, which, rate):
    """Bernoulli trials up to and with the first success, of probability `rate` > 0."""
    uniform = (np.float64(_word(streams, which) >> _11) + 1.0) * 2.0**-53      # in (0, 1]
    return 1 + np.int64(math.log(uniform) / math.log1p(-rate)) if rate < 1.0 else 1
