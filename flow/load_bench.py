"""Speed of the rack model under synthetic traffic, on one core (docs/load.md, Speed)."""

from __future__ import annotations

import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import process_time

from rich.table import Table

from .. import config
from ..sim.rack import RackModel
from ..sim.rack.load import Traffic
from .result import quantity

CYCLES, RUNS = 2000, 3
"""Of each measurement; the fastest run counts, as other work on the machine only slows one down."""

LOADS, SIZES = (0.1, 0.5, 0.8), (1, 4)

RACKS = {
    64: {"rack__radix": 16},
    256: {"rack__radix": 32},
    1024: {},
    # A clos2 of 64 ports a switch has at most 2,048: 16 x 16 switches, 16 endpoints on each.
    4096: {"rack__topology": "butterfly", "rack__switch_endpoints": 16, "rack__dims": (16, 16),
           "chiplet__endpoints": 4096},
}
"""Endpoints, and what makes a rack of so many out of `sim`."""


def measure(cfg) -> dict:
    """Rows by loads of the rack of `cfg`, with both kinds of links, and by sizes of racks.

    Times are of the processor; compilation is a row of its own.
    """
    begin = process_time()
    small = config.override(cfg, rack__endpoints=16, rack__radix=8)
    RackModel(small).load(Traffic(), cycles=200)
    rows = [{"links": links, **_run(config.override(cfg, rack__links=links), load, flits)}
            for links in ("optical", "ideal") for flits in SIZES for load in LOADS]
    return {"compile_s": process_time() - begin - sum(row["spent_s"] for row in rows),
            "loads": rows, "sizes": [_alone(cfg, count) for count in RACKS]}


def _run(cfg, load: float, flits: int) -> dict:
    begin = process_time()
    model, traffic = RackModel(cfg), Traffic(load=load, packet_flits=flits)
    runs = [model.load(traffic, cycles=CYCLES) for _ in range(RUNS)]
    best = min(runs, key=lambda run: run.cpu_seconds)
    return {
        "load": load, "packet_flits": flits, "accepted": best.accepted, "stable": best.stable,
        "cycles_per_s": best.cycles / best.cpu_seconds,
        "switch_hops_per_s": best.switch_hops / best.cpu_seconds,
        "flit_hops_per_s": best.flit_hops / best.cpu_seconds, "spent_s": process_time() - begin}


def _alone(cfg, count: int) -> dict:
    """A rack of so many endpoints, in a process whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_size, cfg, count).result()


def _size(cfg, count: int) -> dict:
    row = _run(config.override(cfg, rack__endpoints=count, **RACKS[count]), 0.5, 1)
    return {"endpoints": count, "ns_per_hop": 1e9 / row["flit_hops_per_s"], **row,
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def tables(result: dict) -> list[Table]:
    """What :func:`measure` returns, for people."""
    loads = Table("links", "packet", "load", "accepted", "cycles/s", "hops/s, switches",
                  "hops/s, all crossbars",
                  title=f"1,024 GPUs under load; compiled in {result['compile_s']:.0f} s")
    for row in result["loads"]:
        loads.add_row(row["links"], str(row["packet_flits"]), f"{row['load']:g}",
                      f"{row['accepted']:.3f}", quantity(row["cycles_per_s"]),
                      quantity(row["switch_hops_per_s"]), quantity(row["flit_hops_per_s"]))
    sizes = Table("endpoints", "cycles/s", "ns a flit-hop", "memory, MB",
                  title="Load 0.5, packets of 1 flit, optical links")
    for row in result["sizes"]:
        sizes.add_row(f"{row['endpoints']:,}", quantity(row["cycles_per_s"]),
                      f"{row['ns_per_hop']:.0f}", f"{row['memory_mb']:.0f}")
    return [loads, sizes]
