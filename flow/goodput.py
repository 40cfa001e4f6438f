"""Throughput of a link against the bit error rate of its lanes: RTL, closed form, and a plot."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .. import config
from ..sim.link.goodput import efficiency, goodput
from ..tb.link_harness import both_ends
from ..tb.saturation_harness import Phase, run_saturated
from . import plots
from .errors import CheckError, writable

FOLDER = Path("build/goodput")

PLAN = [(1e-9, 50_000), (1e-8, 50_000), (1e-7, 100_000), (1e-6, 400_000), (3e-6, 600_000),
        (1e-5, 1_000_000), (3e-5, 1_500_000), (1e-4, 4_000_000)]
"""Bit error rates and cycles: enough for a standard deviation of half a per cent."""


@dataclass(frozen=True)
class Point:
    """One measurement, both directions together.

    `asked` is the bit error rate asked for, `ber` the one that there was, `share` the flits
    accepted relative to a link without errors; `form` the closed form at `ber`, as the spread of
    `ber` would be most of the difference; `replays` how many it says there were, `spread` its
    relative standard deviation.
    """

    asked: float
    ber: float
    share: float
    form: float
    replays: float
    spread: float


def measure(cfg, plan, folder: Path, *, seed: int, simulator: str = "verilator") -> list[Point]:
    """Measure goodput at each (bit error rate, cycles) of `plan`, in one run."""
    settle = [cfg.derived.bringup_cycles + 500, *[1500] * (len(plan) - 1)]
    phases = [Phase(cycles, cfg.link.frame_flits, ber, wait)
              for (ber, cycles), wait in zip(plan, settle, strict=True)]
    line = cfg.serdes.lanes * cfg.derived.lane_bits
    most = efficiency(cfg) * line / cfg.derived.flit_bits
    counted = run_saturated(cfg, both_ends(cfg), phases, folder=folder, seed=seed,
                            simulator=simulator)
    points = []
    for phase, ends in zip(phases, counted, strict=True):
        if any(end.wrong for end in ends):
            raise CheckError(f"flits lost or altered at a bit error rate of {phase.ber:g}")
        ber = sum(end.errors for end in ends) / (2 * phase.cycles * line)
        share = sum(end.flits for end in ends) / sum(end.cycles for end in ends) / most
        form = goodput(cfg, ber or 1e-15)
        points.append(Point(phase.ber, ber, share, form.share, 2 * phase.cycles / form.period,
                            form.spread(2 * phase.cycles)))
    return points


def show(points: list[Point]) -> None:
    """Print a table."""
    table = Table("bit error rate", "in the run", "measured", "closed form", "difference",
                  "replays")
    for p in points:
        table.add_row(f"{p.asked:.0e}", f"{p.ber:.3g}", f"{p.share:.4f}", f"{p.form:.4f}",
                      f"{p.share / p.form - 1:+.2%}", f"{p.replays:,.0f}")
    Console().print(table)


def run(profile: str = "sim", *, seed: int = 1) -> None:
    """Measure, print, and write `points.json` and `goodput.html` to build/goodput."""
    cfg = config.load(profile)
    writable(FOLDER)
    points = measure(cfg, PLAN, FOLDER / "run", seed=seed)
    show(points)
    (FOLDER / "points.json").write_text(json.dumps([asdict(p) for p in points], indent=1) + "\n")
    plots.goodput(cfg, points).write_html(FOLDER / "goodput.html")
    print(f"written: {FOLDER}/goodput.html")
