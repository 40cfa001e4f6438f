"""What one `make sim` found out, and its table on the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass
class Result:
    """Outcome of one run: the rack model over a window, and one chiplet of it in RTL.

    Arrays are over time buckets of `bucket_cycles` core cycles (the last may be cut short by
    the window), or over delivered flits.
    """

    profile: str
    trace: str                       # name of the trace
    gpus: int                        # endpoints of the rack model
    window_cycles: int               # core cycles of the window
    flits: int                       # flits compared between RTL and model
    rtl_cycles: int                  # core cycles that the RTL ran
    mismatches: int                  # flits that differ in port, cycle or content
    payload_efficiency: float        # payload bits / line bits of the busiest link, 0..1
    latency_cycles: np.ndarray       # of each packet in the window, core cycles
    core_mhz: float
    model_cycles_per_s: float        # speed of the rack model
    rtl_cycles_per_s: float          # speed of the RTL simulation
    flit_hops_per_s: float           # speed of the rack model, flits through a crossbar
    link_use: np.ndarray             # [buckets, links]: share of cycles with a flit, 0..1
    bucket_cycles: int
    seed: int = 0
    endpoint: int = 0                # the GPU whose chiplet ran in RTL
    link_names: list[str] = field(default_factory=list)    # one for each column of link_use
    vc_flits: list[int] = field(default_factory=list)      # delivered flits of each VC
    delivered: np.ndarray | None = None                    # [buckets]: flits delivered
    waveform: Path | None = None
    mismatch_list: list[str] = field(default_factory=list)  # flit, port, cycle, expected, seen
    config: dict = field(default_factory=dict)             # all fields, `Config.model_dump()`
    versions: dict[str, str] = field(default_factory=dict)

    def latency(self, percentile: float) -> float:
        """Percentile of the packet latency in core cycles; NaN when no packet was delivered."""
        if not len(self.latency_cycles):
            return float("nan")
        return float(np.percentile(self.latency_cycles, percentile, method="lower"))

    @property
    def latency_summary(self) -> str:
        """Minimum, median and 99th percentile, in cycles and nanoseconds."""
        if not len(self.latency_cycles):
            return "no packet was delivered in the window"
        cycles = [self.latency(p) for p in (0, 50, 99)]
        ns = [c * 1000 / self.core_mhz for c in cycles]
        return (" / ".join(f"{c:,.0f}" for c in cycles) + " cycles  ("
                + " / ".join(f"{n:,.0f}" for n in ns) + " ns)")


def rows(result: Result) -> list[tuple[str, str]]:
    """The headline figures, as name and text."""
    return [
        ("profile", result.profile),
        ("trace", result.trace),
        ("GPUs in the rack model", f"{result.gpus:,}"),
        ("window", f"{result.window_cycles:,} cycles "
                   f"({result.window_cycles / result.core_mhz:,.1f} µs)"),
        ("flits, RTL against model", f"{result.flits:,} of GPU {result.endpoint}"),
        ("RTL cycles", f"{result.rtl_cycles:,}"),
        ("mismatches", f"{result.mismatches:,}"),
        ("payload efficiency", f"{result.payload_efficiency:.1%}"),
        ("latency min / median / p99", result.latency_summary),
        ("model speed", f"{quantity(result.model_cycles_per_s)} cycles/s, "
                        f"{quantity(result.flit_hops_per_s)} flit-hops/s"),
        ("RTL speed", f"{quantity(result.rtl_cycles_per_s)} cycles/s"),
    ]


def quantity(value: float) -> str:
    """Three digits and a letter: 1234567 is 1.23M."""
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def print_table(result: Result) -> None:
    """Print the headline table, and the first mismatches when there are any."""
    console = Console()
    table = Table(show_header=False, title="RTL and model agree" if not result.mismatches
                  else f"RTL and model differ: {result.mismatches:,} mismatches")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in rows(result):
        bad = name == "mismatches" and result.mismatches
        table.add_row(name, Text(text, style="red" if bad else ""))
    console.print(table)
    for line in result.mismatch_list[:10]:
        console.print(f"mismatch: {line}", style="red", markup=False, soft_wrap=True)
    if len(result.mismatch_list) > 10:
        console.print(f"... and {len(result.mismatch_list) - 10:,} more in the report")
