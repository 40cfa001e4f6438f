"""Speed of the models, and of the RTL under Icarus and Verilator on the same packets."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from .. import config
from ..hdl.chiplet import Chiplet
from ..sim.rack import PairModel, RackModel
from ..sim.workload import DEFAULT_SKIP, DEFAULT_TRACE, load
from ..tb.pair_harness import HostPacket, run_pair
from . import cache, load_bench
from .errors import writable
from .replay import SETTLE, modelled, offers, pair_routes
from .result import quantity

RUNS = 3
"""Runs of each measurement; the median is kept."""
RACK_CYCLES, PAIR_PACKETS = 3000, 40
FOLDER = Path("build/bench")


def run(out: Path) -> dict:
    """Measure, print a table, write JSON to `out`; return what is written.

    Raises
    ------
    FlowError
        When `out` cannot be written.
    """
    writable(out.parent)
    cfg = config.load("sim")
    console = Console()
    with console.status("rack model"):
        rows = {"rack model, 1,024 GPUs, shipped trace": _rack(cfg)}
    with console.status("two chiplets: model, Icarus, Verilator"):
        rows |= _pair(cfg)
    slowest = rows["two chiplets, Icarus"]["cycles_per_s"]
    table = Table("what", "cycles/s", "flit-hops/s", "against Icarus")
    for name, row in rows.items():
        alike = name.startswith("two")
        row["against_icarus"] = row["cycles_per_s"] / slowest if alike else None
        table.add_row(name, quantity(row["cycles_per_s"]),
                      quantity(row["flit_hops_per_s"]) if "flit_hops_per_s" in row else "",
                      f"{row['against_icarus']:,.1f}x" if alike else "")
    console.print(table)
    with console.status("rack model under load"):
        under_load = load_bench.measure(cfg)
    for table in load_bench.tables(under_load):
        console.print(table)
    result = {"machine": {"processor": platform.processor() or platform.machine(),
                          "cores": os.cpu_count(), "python": platform.python_version()},
              "runs": RUNS, "profile": cfg.name, "results": rows, "load": under_load}
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    console.print(f"written: {out}", soft_wrap=True)
    return result


def _rack(cfg) -> dict:
    graph = load(DEFAULT_TRACE, cfg, skip=DEFAULT_SKIP)
    runs = [RackModel(cfg).run(graph, RACK_CYCLES) for _ in range(RUNS)]
    return {"cycles_per_s": median(RACK_CYCLES / run.seconds for run in runs),
            "flit_hops_per_s": median(run.flit_hops / run.seconds for run in runs)}


def _pair(cfg) -> dict:
    """The same packets, both ways at full load, through the model and the RTL."""
    cfg = modelled(cfg)
    start, routes = cfg.derived.bringup_cycles, pair_routes(cfg, 0)
    rng = np.random.default_rng(1)
    size = cfg.chiplet.flit_bytes * 8
    # Each host port is a flow of its own: from GPU 0 to another, or from another to GPU 0.
    packets = [[[HostPacket(start, *ends, vc=k % cfg.chiplet.vcs, data=rng.bytes(size))
                 for k in range(PAIR_PACKETS)]
                for host in range(cfg.chiplet.host_ports)
                for ends in [(0, host + 1) if end == 0 else (host + 1, 0)]]
               for end in range(2)]
    model, offered = PairModel(cfg, routes), offers(packets)
    cycles = model.run(offered).cycles + SETTLE
    times = {"two chiplets, model": [_seconds(lambda: model.run(offered)) for _ in range(RUNS)]}
    verilog = cache.to_verilog(Chiplet(cfg), name="chiplet")
    for simulator in ("icarus", "verilator"):
        times[f"two chiplets, {simulator.capitalize()}"] = [
            run_pair(cfg, verilog, packets, routes, cycles=cycles, start=start,
                     folder=FOLDER / simulator, simulator=simulator, seed=1,
                     on_cycle=lambda *_: None).seconds for _ in range(RUNS)]
    return {name: {"cycles_per_s": cycles / median(values)} for name, values in times.items()}


def _seconds(function) -> float:
    begin = perf_counter()
    function()
    return perf_counter() - begin
