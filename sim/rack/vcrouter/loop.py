"""The compiled loop of the VC router model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from .endpoint import first_arrivals, receive, send
from .step import router_step


class Window(NamedTuple):
    """Cycles that are measured: `begin` up to `end`."""

    begin: int
    end: int


class Traffic(NamedTuple):
    """`gaps`: of the chance that an endpoint creates a packet in a cycle; `targets` int64[E]:
    destination of each endpoint's packets, or empty: all alike."""

    gaps: np.ndarray        # uint64: of sim.random.gap_table
    packet_flits: int
    targets: np.ndarray


class Tally(NamedTuple):
    """int64[1] each, but for `latency` int64[2] (sum, greatest) and `histogram` int64[cycles].

    `sent`, `received` and `flit_hops` count flits of the whole run; the others the window.
    """

    sent: np.ndarray
    received: np.ndarray
    flit_hops: np.ndarray
    accepted: np.ndarray        # flits that arrive in the window
    created: np.ndarray         # packets created in it and begun
    packets: np.ndarray         # of them, arrived
    hops: np.ndarray            # routers that they passed
    latency: np.ndarray
    histogram: np.ndarray       # the last place is for all that are longer


def make_tally(longest: int) -> Tally:
    """Zeros, for latencies up to `longest` cycles."""
    return Tally(*(np.zeros(1, np.int64) for _ in range(7)), np.zeros(2, np.int64),
                 np.zeros(longest + 2, np.int64))


@njit(cache=True)
def start(state, traffic):
    """Before cycle 0."""
    first_arrivals(state, traffic.gaps)


@njit(cache=True)
def run_cycles(state, traffic, window, tally, begin, end):
    """Run cycles `begin` up to `end`."""
    for cycle in range(begin, end):
        for router in range(state.wiring.routers):
            tally.flit_hops[0] += router_step(state, router, cycle, window, tally)
        for each in range(state.wiring.endpoints):
            receive(state, each, cycle, window, tally)
            send(state, each, cycle, window, tally, traffic)
