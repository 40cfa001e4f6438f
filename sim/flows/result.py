"""What a run of the flow model leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit


def link_table(names, flits, busy, cycles) -> pd.DataFrame:
    """Columns `link`, `flits` and `use`, the part of the time in which it is busy."""
    return pd.DataFrame({"link": names, "flits": flits, "use": busy / max(cycles, 1e-300)})


@dataclass(frozen=True)
class FlowResult:
    """A task graph, message by message.

    Attributes
    ----------
    task_done : float64[tasks]
        Core cycle.
    cycles, ns : float
        End of the last task.
    links : DataFrame
        `link`, `flits`, `use`.
    collectives : DataFrame
        `name`, `messages`, `nbytes`, `end` (cycles), `end_ns`: of each communication.
    seconds : float
        Wall time, compilation included.
    """

    task_done: np.ndarray
    cycles: float
    ns: float
    links: pd.DataFrame
    collectives: pd.DataFrame
    seconds: float


@dataclass(frozen=True)
class CollectiveResult:
    """One collective on an idle rack.

    Attributes
    ----------
    cycles, ns : float
        From the entry of all ranks to the end of the last message.
    bound_cycles : float
        What the busiest link alone takes: no schedule of these messages is faster.
    busbw : float
        Bytes of one rank's input by the time, Gb/s.
    links : DataFrame
        `link`, `flits`, `use`.
    """

    name: str
    algorithm: str
    ranks: int
    nbytes: int
    cycles: float
    ns: float
    bound_cycles: float
    busbw: float
    links: pd.DataFrame


@dataclass(frozen=True)
class TraceResult:
    """A trace, communication by communication.

    Attributes
    ----------
    cycles, ns : float
        End of the last rank.
    steps : DataFrame
        A row for each communication of the trace: `name`, `what`, `algorithm`, `nbytes`,
        `groups`, `ranks` (of a group), `begin_ns` of the first group, `end_ns` of the last,
        `alone_ns` (the longest group's time on an idle rack), `slowdown` (the worst group's time
        relative to its own alone).
    ranks : DataFrame
        A row for each rank: `computing_ns`, `communicating_ns`, `overlapped_ns` (both at once),
        `exposed_ns` (communicating and not computing), `idle_ns`.
    links : DataFrame
        `link`, `flits`, `use`.
    seconds : float
        Wall time, compilation included.
    """

    cycles: float
    ns: float
    steps: pd.DataFrame
    ranks: pd.DataFrame
    links: pd.DataFrame
    seconds: float


def rank_table(ranks: int, computing, communicating, total: float, ns: float) -> pd.DataFrame:
    """Time of each rank; intervals are (rank, begin, end) arrays in cycles, `ns` of a cycle."""
    both = [np.concatenate(pair) for pair in zip(computing, communicating, strict=True)]
    compute, communicate, either = (
        covered(ranks, *intervals) * ns for intervals in (computing, communicating, both))
    overlapped = compute + communicate - either
    return pd.DataFrame({
        "computing_ns": compute, "communicating_ns": communicate, "overlapped_ns": overlapped,
        "exposed_ns": communicate - overlapped, "idle_ns": total * ns - either})


def covered(ranks: int, rank, begin, end) -> np.ndarray:
    """Time that each rank's intervals cover together, float64[ranks]."""
    order = np.lexsort((begin, rank))
    return _covered(ranks, rank[order], begin[order], end[order])


@njit(cache=True)
def _covered(ranks, rank, begin, end):
    total, until = np.zeros(ranks), np.full(ranks, -np.inf)
    for k in range(rank.size):
        r = rank[k]
        total[r] += max(0.0, end[k] - max(begin[k], until[r]))
        until[r] = max(until[r], end[k])
    return total
