"""Measure all of the study, and write its page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import track

from ...sim.copper import claims
from ..errors import writable
from ..page import write
from . import measure
from .verdicts import judge

FOLDER = Path("build/study")
SEEDS = (1, 2)


def run(page: Path = Path("docs/study.md"), folder: Path = FOLDER, *, profile: str = "tera",
        cycles: int = 3000, fault_cycles: int = 6000, **changes) -> dict[str, pd.DataFrame]:
    """Measure, write each table as CSV into `folder`, and the page.

    Parameters
    ----------
    cycles, fault_cycles : int
        Core cycles of each run against load, and of each with a fault.
    changes
        Fields of the profile that are other, as ``rack__endpoints=64``.

    Raises
    ------
    FlowError
        When something cannot be written.
    """
    writable(folder)
    cfg = measure.rack_config(profile, **changes)
    console = Console(stderr=True)

    def progress(items, what):
        return track(list(items), what, console=console)

    copper = measure.copper_runs(cfg)
    load, runs = measure.latency_against_load(cfg, copper, cycles, SEEDS, progress)
    tables = {
        "fabric": claims.one_fabric(cfg), "hops": claims.multi_hop(cfg), "load": load,
        "completion": measure.completion(cfg, progress), "power": measure.power(cfg, runs, copper),
        "faults": measure.faults(cfg, fault_cycles, progress), "reach": claims.distance(cfg)}
    verdicts = judge(tables["fabric"], tables["hops"], load, tables["completion"],
                     tables["power"], tables["reach"])
    tables["claims"] = pd.DataFrame(verdicts)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv")
    write(Path(__file__).parent / "page.md.j2", page, {"n": _number, "size": _size}, cfg=cfg,
          m=measure, line=measure.line_gbps(cfg), cycles=cycles, fault_cycles=fault_cycles,
          seeds=len(SEEDS), verdicts=verdicts, **tables)
    console.print(f"written: {page}, {folder}/*.csv", soft_wrap=True)
    return tables


def _number(value, digits: int = 0) -> str:
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


def _size(nbytes: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if nbytes >= 1 << shift:
            return f"{nbytes >> shift} {unit}"
    return f"{nbytes} B"
