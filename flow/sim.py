"""The main job: a trace on the rack model, then one chiplet's flits in RTL, held equal."""

from __future__ import annotations

import contextlib
import multiprocessing
import re
import signal
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..sim.rack import RackModel
from ..sim.workload import DEFAULT_SKIP, DEFAULT_TRACE, TraceError, load
from . import replay
from .errors import FlowError, writable
from .report import PACKAGES
from .result import Result

BUCKETS = 100
"""Points of the plots over time."""
LINKS_SHOWN = 12
"""Links of each kind in the report."""
STEADY = 2000
"""Cycles over which the use of a link is an efficiency: many frames, some marker rows."""


def run(cfg, trace: Path | None, *, window: int, skip: int | None = None,
        endpoint: int | None = None, seed: int = 1, out: Path = Path("build/report"),
        waves: bool = False, simulator: str = "icarus") -> Result:
    """Simulate a window of a trace on the rack, then replay one chiplet's flits in RTL.

    Parameters
    ----------
    cfg : lightloom.config.Config
    trace : Path, optional
        Chakra execution trace; by default the one that ships.
    window : int
        Core cycles, from the first communication that is not skipped.
    skip : int, optional
        Communications of the trace to take as done; the window begins with the one after them.
        By default none, and for the shipped trace as many as bring the window to where its two
        kinds of parallelism meet.
    endpoint : int, optional
        The GPU whose chiplet is replayed; by default the one that carries most bytes.
    seed : int
        Of the payload.
    out : Path
        Folder for the report and the RTL run.
    simulator : {"icarus", "verilator"}
        Of the RTL; waveforms need Icarus.

    Raises
    ------
    TraceError, FlowError, SimulationError
    """
    name = "gpt (shipped)" if trace is None else str(trace)
    if skip is None:
        skip = DEFAULT_SKIP if trace is None else 0
    if not cfg.derived.common_clock:
        raise FlowError(f"serdes.lane_gbps = {cfg.serdes.lane_gbps:g}: the rack model steps all in "
                        "one clock: must be word_bits x core clock = "
                        f"{cfg.serdes.word_bits * cfg.chiplet.core_mhz / 1000:g} Gb/s")
    if cfg.serdes.fec != "none":
        raise FlowError(f"serdes.fec = {cfg.serdes.fec!r}: must be 'none' for the rack model")
    if waves and simulator != "icarus":
        raise FlowError(f"simulator = {simulator!r}: must be 'icarus' for a waveform")
    writable(out / "rtl")
    graph = load(trace or DEFAULT_TRACE, cfg, skip=skip)
    if endpoint is not None and endpoint >= cfg.rack.endpoints:
        raise FlowError(f"GPU = {endpoint}: must be 0..{cfg.rack.endpoints - 1}")
    bucket = max(1, window // BUCKETS)
    progress = Progress(
        TextColumn("{task.description:30}"), BarColumn(), TextColumn("{task.fields[at]}"),
        TimeElapsedColumn(), console=Console(stderr=True))
    # The rack's model takes one core; on another what does not wait for its answer goes on.
    ahead = multiprocessing.get_context("spawn").Process(
        target=_ahead, args=(cfg,), daemon=True)
    ahead.start()
    with progress:
        rack = _run_rack(cfg, graph, window, bucket, progress)
        if not (rack.accepted >= 0).any():
            raise TraceError(f"trace {name}: no packet is sent in the first {window} cycles of "
                             f"the window: choose a longer one, or another --skip than {skip}")
        if endpoint is None:
            endpoint = replay.busiest_endpoint(rack, cfg.rack.endpoints)
        ahead.join()
        rtl = _run_rtl(cfg, rack, endpoint, seed, out, waves, simulator, progress)
    return _result(cfg, name, window, bucket, seed, rack, rtl, endpoint, waves)


def _ahead(cfg):
    signal.signal(signal.SIGINT, signal.SIG_IGN)    # It is the parent that is interrupted.
    # What fails here fails again where it is used, and is reported there.
    with contextlib.suppress(Exception):
        replay.prepare(cfg)


def _run_rack(cfg, graph, window, bucket, progress):
    task = progress.add_task(
        f"rack model, {cfg.rack.endpoints:,} GPUs", total=window, at="compiling")

    def show(cycle):
        progress.update(task, completed=cycle, at=f"{cycle:,} of {window:,} cycles")

    rack = RackModel(cfg).run(graph, window, bucket=bucket, progress=show)
    show(window)
    return rack


def _run_rtl(cfg, rack, endpoint, seed, out, waves, simulator, progress):
    task = progress.add_task(f"RTL, chiplet of GPU {endpoint}", total=None, at="building")

    def show(done, total):
        progress.update(task, completed=done, total=total, at=f"{done:,} of {total:,} cycles")

    cfg = replay.modelled(cfg)
    start = cfg.derived.bringup_cycles
    packets = replay.chiplet_packets(cfg, rack, endpoint, start, np.random.default_rng(seed))
    done = replay.replay(cfg, packets, replay.pair_routes(cfg, endpoint), start=start,
                         folder=out / "rtl", seed=seed, waves=waves, simulator=simulator,
                         on_cycle=show)
    show(done.cycles, done.cycles)
    return done


def _result(cfg, name, window, bucket, seed, rack, rtl, endpoint, waves) -> Result:
    d, serdes = cfg.derived, cfg.serdes
    done = rack.delivered >= 0
    shown = _shown_links(rack)
    spans = np.full(len(rack.link_flits), bucket)
    spans[-1] = window - bucket * (len(spans) - 1)
    use = rack.link_flits / spans[:, None]
    return Result(
        profile=cfg.name, trace=name, gpus=cfg.rack.endpoints, window_cycles=window,
        flits=rtl.flits, rtl_cycles=rtl.cycles, mismatches=len(rtl.mismatches),
        payload_efficiency=(_busiest(rack.link_flits, bucket, window) * d.flit_bits
                            / (serdes.lanes * d.lane_bits)),
        latency_cycles=rack.delivered[done] - rack.accepted[done], core_mhz=cfg.chiplet.core_mhz,
        model_cycles_per_s=window / rack.seconds, rtl_cycles_per_s=rtl.cycles / rtl.seconds,
        flit_hops_per_s=rack.flit_hops / rack.seconds, link_use=use[:, shown],
        bucket_cycles=bucket, seed=seed, link_names=[rack.link_names[k] for k in shown],
        vc_flits=rack.vc_flits.tolist(), delivered=rack.delivered_flits, endpoint=endpoint,
        waveform=rtl.run.folder / "waves.fst" if waves else None, mismatch_list=rtl.mismatches,
        config=cfg.model_dump(), versions={name: version(name) for name in PACKAGES})


def _shown_links(rack) -> list[int]:
    """The busiest links of each kind (gpu to leaf, leaf to spine, ...), of those in use."""
    flits, kinds = rack.link_flits.sum(axis=0), {}
    for link in np.argsort(-flits, kind="stable").tolist():
        if flits[link]:
            kinds.setdefault(re.sub(r"\d+", "", rack.link_names[link]), []).append(link)
    return [link for links in kinds.values() for link in links[:LINKS_SHOWN]]


def _busiest(link_flits, bucket: int, window: int) -> float:
    """Flits a cycle of the busiest link, over its best STEADY cycles."""
    span = max(1, min(STEADY, window) // bucket)
    total = np.cumsum(np.pad(link_flits, ((1, 0), (0, 0))), axis=0)
    return float((total[span:] - total[:-span]).max() / min(span * bucket, window))
