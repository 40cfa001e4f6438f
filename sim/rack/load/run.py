"""A load run from reset to its statistics."""

from __future__ import annotations

from time import perf_counter, process_time

import numpy as np

from lightloom.config import ConfigError

from ..activity import make_activity
from ..deadlock import waiting_cycle
from ..fabric import is_plain, make_fabric, with_payload
from ..stops import check_cycles, next_stop
from ..topology import UGAL
from . import state as at
from .audit import check_credits, check_flits, check_little
from .kernel import run_cycles, run_plain_cycles
from .result import LoadResult
from .state import extended, make_load
from .statistics import (
    DEFICIT,
    TREND_GROWTH,
    TREND_P,
    grouped,
    interval,
    mser,
    percentile,
    surplus_p,
)
from .stream import make_stream

BATCHES = 200
MOST_BINS = 1 << 20
CHUNK = 500
"""Cycles between two calls of `progress`."""
STALL = 10_000
FEWEST = 20
"""Packets of a window that says anything."""


class DeadlockError(RuntimeError):
    """Nothing moves any more."""


def stall_cycles(cfg, faulty: bool) -> int:
    """Cycles without a movement that are longer than any wait of a rack that works."""
    longest = max(STALL, 4 * cfg.derived.round_trip)
    return longest + faulty * (cfg.xbar.hold_cycles + cfg.derived.bringup_cycles)


def run_load(model, traffic, seed, cycles, warmup, progress) -> LoadResult:
    """See :meth:`lightloom.sim.rack.RackModel.load`."""
    cfg, topology = model.cfg, model.topology
    _check(seed, cycles, warmup)
    stream = make_stream(traffic, cfg, seed)
    fabric = make_fabric(cfg, topology)
    activity = make_activity(topology, fabric)
    batch = cycles // BATCHES
    cycles = batch * BATCHES
    load = make_load(stream, topology, BATCHES, batch, min(cycles + 1, MOST_BINS))
    fabric = with_payload(fabric, load.born.size)
    timeline, routes = model.timeline(), topology.routes
    stall = stall_cycles(cfg, timeline is not None)
    # UGAL looks into a switch, and what fails may join nodes: then all are in the same cycle.
    lead = activity.lead if timeline is None and routes.mode != UGAL else 1
    run = run_plain_cycles if is_plain(fabric, routes, timeline) else run_cycles
    run(fabric, activity, load, stream, routes, stall, lead, 0, 0)      # compiles
    cycle, end, wall, cpu = 0, 0, 0.0, 0.0
    while cycle < cycles:
        if cycle == end:
            end = min(cycles, cycle - cycle % CHUNK + CHUNK)
            end = next_stop(timeline, fabric, cycle, end)
        # What a timeline changed is not known to be at rest.
        activity.every[0] = 1
        begin, begin_cpu = perf_counter(), process_time()
        cycle = run(fabric, activity, load, stream, routes, stall, lead, cycle, end)
        wall, cpu = wall + perf_counter() - begin, cpu + process_time() - begin_cpu
        if cycle < end:
            if cycle > load.count[at.MOVED] + stall:
                raise DeadlockError(_deadlock(fabric, topology, cycle, stall))
            load = extended(load)
            fabric = with_payload(fabric, load.born.size)
        elif progress is not None and (cycle % CHUNK == 0 or cycle == cycles):
            progress(cycle)
    lost = check_flits(fabric, load, timeline is not None)
    if timeline is None:
        check_credits(cfg, topology, fabric)
    return _result(model, traffic, seed, load, cycles, warmup, lost, wall, cpu)


def _check(seed, cycles, warmup) -> None:
    for name, value, least in (("seed", seed, 0), ("cycles", cycles, BATCHES)):
        if isinstance(value, bool) or int(value) != value or value < least:
            raise ConfigError(f"{name} = {value!r}: must be an integer of at least {least}")
    check_cycles(cycles)
    if warmup is not None and not 0 <= warmup <= cycles // 2:
        raise ConfigError(f"warmup = {warmup!r}: must be 0 to half of the {cycles} cycles")


def _deadlock(fabric, topology, cycle, stall) -> str:
    found = waiting_cycle(fabric, topology)
    return (f"cycle {cycle}: no flit has moved for {stall} cycles; " + (
        "channels that wait for one another: " + ", ".join(found) if found
        else "no channels wait for one another in a circle"))


def _warmup(rows, batch: int, asked) -> int:
    """Batches before the window."""
    if asked is not None:
        return -(-asked // batch)
    known = np.flatnonzero(rows[:, at.PACKETS])
    if known.size == 0:
        return len(rows) // 2
    packets = np.maximum(rows[:, at.PACKETS], 1)
    mean = np.where(rows[:, at.PACKETS] > 0, rows[:, at.LATENCY] / packets,
                    rows[:, at.LATENCY].sum() / rows[:, at.PACKETS].sum())
    first = min(int(known[0]), len(rows) // 2)
    return max(first, min(first + mser(mean[first:]), len(rows) // 2),
               mser(rows[:, at.SYSTEM]))


def _judge(rows, mean_flits: float, batch: int) -> str:
    """Why the window is not one of a stable run, or ""."""
    total = rows.sum(axis=0)
    if total[at.PACKETS] < FEWEST:
        return (f"{total[at.PACKETS]} packets delivered in the window: too few for an average; "
                "give more cycles")
    offered, delivered = int(total[at.OFFERED]), int(total[at.DELIVERED])
    present = total[at.SYSTEM] / (len(rows) * batch) * mean_flits
    groups = grouped(rows)
    chance = surplus_p(groups[:, at.OFFERED] - groups[:, at.DELIVERED])
    gain = (offered - delivered) / present
    if (offered - delivered > DEFICIT * offered or chance < TREND_P and gain > TREND_GROWTH):
        return (f"overload: of {offered} flits made in the window {delivered} were delivered "
                f"({100 * delivered / offered:.1f} %), what waits has grown by "
                f"{100 * gain:.0f} % of its mean")
    return ""


def _result(model, traffic, seed, load, cycles, warmup, lost, wall, cpu) -> LoadResult:
    topology, rack = model.topology, model.cfg.rack
    first = _warmup(load.batches, load.batch, warmup)
    check_little(load, first)
    rows, window = load.batches[first:], cycles - first * load.batch
    total = rows.sum(axis=0)
    scale = window * rack.endpoints * rack.planes
    offered, accepted = total[at.OFFERED] / scale, total[at.DELIVERED] / scale
    why = _judge(rows, traffic.mean_flits, load.batch)
    packets, nan = int(total[at.PACKETS]), float("nan")
    histogram = load.histogram[first:].sum(axis=0)
    longest = int(rows[:, at.LONGEST].max())
    latency = {"mean": nan, "ci": nan, "std": nan, "p50": nan, "p99": nan, "max": nan}
    if not why:
        mean = total[at.LATENCY] / packets
        groups = grouped(rows)
        groups = groups[groups[:, at.PACKETS] > 0]
        latency = {
            "mean": mean, "ci": interval(groups[:, at.LATENCY] / groups[:, at.PACKETS]),
            "std": max(total[at.SQUARES] / packets - mean ** 2, 0) ** 0.5,
            "p50": percentile(histogram, 0.5), "p99": percentile(histogram, 0.99),
            "max": float(longest)}
    ends = load.link_flits[first:].sum(axis=0, dtype=np.int64)
    delivered, hops = int(total[at.DELIVERED]), load.hops.tolist()
    passed = hops[1] - (load.batches[first - 1, at.SWITCH_HOPS] if first else 0)
    return LoadResult(
        pattern=traffic.pattern, load=traffic.load, packet_flits=traffic.mean_flits, seed=seed,
        offered=float(offered), accepted=float(accepted),
        **{f"latency_{name}": float(value) for name, value in latency.items()},
        stable=not why, why=why, warmup=first * load.batch, cycles=cycles, packets=packets,
        in_system=float(total[at.SYSTEM] / window),
        hops_mean=float(passed / delivered) if delivered else nan,
        flit_hops=sum(hops), switch_hops=hops[1], lost=lost,
        seconds=wall, cpu_seconds=cpu,
        histogram=histogram[:longest + 1].astype(np.int64), link_use=ends / window,
        link_names=topology.link_names,
        sent_by=load.sent[first:].sum(axis=0, dtype=np.int64),
        received_by=load.received[first:].sum(axis=0, dtype=np.int64))
