"""What a load run leaves (docs/load.md, Result)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .statistics import interval


@dataclass(frozen=True)
class LoadResult:
    """Rates are in flits per cycle, endpoint and plane, latencies in cycles.

    Latencies are NaN where the run is not `stable`.
    """

    pattern: str
    load: float              # asked for
    packet_flits: float      # mean
    seed: int
    offered: float           # made in the window
    accepted: float          # delivered in the window
    latency_mean: float
    latency_ci: float        # half width of the 95 % interval
    latency_std: float
    latency_p50: float
    latency_p99: float
    latency_max: float
    stable: bool
    why: str                 # it is not
    warmup: int              # cycles before the window
    cycles: int              # of the run
    packets: int             # delivered in the window
    in_system: float         # packets, mean over the window's cycles
    hops_mean: float         # switches that a flit passes
    flit_hops: int           # flits through crossbars, whole run
    switch_hops: int         # through switches
    lost: int                # flits, to faults
    seconds: float           # wall time of the compiled loop, without compilation
    cpu_seconds: float       # its processor time
    histogram: np.ndarray    # int64[cycles]: packets by latency, up to the longest
    link_use: np.ndarray     # float[link ends]: flits per cycle
    link_names: list[str]
    sent_by: np.ndarray      # int64[endpoints]: flits accepted in the window
    received_by: np.ndarray  # int64[endpoints]: flits delivered in the window

    def row(self) -> dict:
        """The scalars, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)
                if field.name not in _ARRAYS}


_ARRAYS = ("histogram", "link_use", "link_names", "sent_by", "received_by")
_MEANS = ("offered", "accepted", "latency_mean", "latency_p50", "latency_p99", "hops_mean")


@dataclass(frozen=True)
class Combined:
    """Means over runs that differ in their seed, with half widths of the 95 % intervals (`_ci`,
    NaN of a single run).
    """

    seeds: tuple[int, ...]
    load: float
    offered: float
    offered_ci: float
    accepted: float
    accepted_ci: float
    latency_mean: float
    latency_mean_ci: float
    latency_p50: float
    latency_p50_ci: float
    latency_p99: float
    latency_p99_ci: float
    hops_mean: float
    hops_mean_ci: float
    latency_max: float       # of all runs
    stable: bool             # all of them
    why: str                 # of the first that is not

    def row(self) -> dict:
        """All fields, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def combine(results) -> Combined:
    """Mean and interval over runs of one traffic with different seeds.

    Raises
    ------
    ValueError
        No runs, or runs of different traffic, or of one seed.
    """
    results = list(results)
    if not results:
        raise ValueError("results: must be at least one run")
    for name in ("pattern", "load", "packet_flits"):
        values = {getattr(result, name) for result in results}
        if len(values) > 1:
            raise ValueError(f"results: differ in {name}: {sorted(values)}")
    seeds = tuple(result.seed for result in results)
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"results: two runs have one seed: {seeds}")
    means = {}
    for name in _MEANS:
        values = np.array([getattr(result, name) for result in results])
        means[name], means[f"{name}_ci"] = float(values.mean()), interval(values)
    return Combined(
        seeds=seeds, load=results[0].load, **means,
        latency_max=float(np.max([result.latency_max for result in results])),
        stable=all(result.stable for result in results),
        why=next((result.why for result in results if not result.stable), ""))
