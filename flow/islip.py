"""iSLIP in plain NumPy: what the crossbar's waits are held to; shares no code with the model.

McKeown, *The iSLIP scheduling algorithm for input-queued switches*, IEEE/ACM ToN 7(2), 1999:
slots, queue counts, round-robin pointers, one iteration.
"""

from __future__ import annotations

import numpy as np


def _first_from(asked: np.ndarray, pointer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Along the last axis, the first set place from `pointer` upwards, cyclically; is there any."""
    n = asked.shape[-1]
    distance = np.where(asked, (np.arange(n) - pointer[..., None]) % n, n)
    place = distance.argmin(axis=-1)
    return place, np.take_along_axis(distance, place[..., None], -1)[..., 0] < n


def mean_wait(n: int, load: float, *, slots: int, switches: int = 8, settle: int = 2000,
              seed: int = 1) -> float:
    """Mean slots from arrival to match, uniform Bernoulli traffic at `load`.

    A cell that is matched in the slot of its arrival has waited 0. By Little's law it is the mean
    number that is left behind in a slot, over the mean number that arrives.

    Parameters
    ----------
    slots : int
        Slots to measure, after `settle`, of each of `switches` independent n x n switches.
    """
    rng = np.random.default_rng(seed)
    queued = np.zeros((switches, n, n), np.int64)               # input, output
    grant_from = np.zeros((switches, n), np.int64)              # of outputs
    accept_from = np.zeros((switches, n), np.int64)             # of inputs
    left = arrived = 0
    for slot in range(settle + slots):
        new = rng.random((switches, n)) < load
        s, i = np.nonzero(new)
        queued[s, i, rng.integers(n, size=len(s))] += 1
        place, any_ = _first_from((queued > 0).transpose(0, 2, 1), grant_from)
        granted = np.zeros((switches, n, n), bool)              # input, output
        s, j = np.nonzero(any_)
        granted[s, place[s, j], j] = True
        output, matched = _first_from(granted, accept_from)
        s, i = np.nonzero(matched)
        j = output[s, i]
        queued[s, i, j] -= 1
        grant_from[s, j] = (i + 1) % n
        accept_from[s, i] = (j + 1) % n
        if slot >= settle:
            left += queued.sum()
            arrived += new.sum()
    return left / arrived


KAROL = {2: 0.75, 4: 0.6553, 8: 0.6184, 16: 0.6013}
"""Saturation of one FIFO an input (Karol, Hluchyj, Morgan, *Input versus output queueing on a
space-division packet switch*, IEEE Trans. Communications 35(12), 1987)."""
