"""All of docs/validation.md, measured: BookSim2's figures, and theory's."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ..sim.rack.vcrouter import VCRouterModel
from . import islip, yardsticks
from .booksim import LARGE, SMALL, clos
from .errors import CheckError, writable
from .result import quantity

SEEDS = 5
FIFO_CYCLES, ISLIP_CYCLES, WAIT_CYCLES, OQ_SLOTS = 200_000, 160_000, 200_000, 400_000


@dataclass(frozen=True)
class Row:
    """A figure and what it is held to.

    `within` is relative; None: `measured` must be at least `expected`, or at most when `most`.
    """

    what: str
    expected: float
    measured: float
    within: float | None = 0.0
    most: bool = False

    @property
    def deviation(self) -> float:
        """Relative."""
        return self.measured / self.expected - 1

    @property
    def holds(self) -> bool:
        """Whether it is as expected."""
        if self.within is None:
            return bool(self.measured <= self.expected if self.most
                        else self.measured >= self.expected)
        return bool(abs(self.deviation) <= self.within + 1e-12)


def run(seed: int = 1, out: Path = Path("build/validation")) -> list[Row]:
    """Measure, print a table, write `validation.json` to the folder `out`.

    Random figures are of `SEEDS` seeds, `seed` the first, or of `seed`.

    Raises
    ------
    CheckError
        When a figure is not as expected.
    FlowError
        When `out` cannot be written.
    """
    writable(out)
    console = Console(width=110)
    rows = []
    for title, measure in (("BookSim2, 1,024 endpoints", large), ("BookSim2, 16 endpoints", small),
                           ("theory, through the rack code", theory)):
        with console.status(title):
            part = measure(seed)
        show(console, title, part)
        rows += part
    (out / "validation.json").write_text(json.dumps(
        [asdict(row) | {"deviation": row.deviation, "holds": row.holds} for row in rows],
        indent=1) + "\n", encoding="utf-8")
    wrong = [row.what for row in rows if not row.holds]
    if wrong:
        raise CheckError(f"not as expected: {'; '.join(wrong)}")
    return rows


def show(console, title: str, rows: list[Row]) -> None:
    """Print a table."""
    table = Table("what", "expected", "measured", "deviation", "allowed", title=title)
    for row in rows:
        allowed = (("at most" if row.most else "at least") if row.within is None
                   else f"{100 * row.within:g} %")
        table.add_row(row.what, f"{row.expected:.5g}", f"{row.measured:.5g}",
                      f"{100 * row.deviation:+.2f} %",
                      allowed if row.holds else f"[bold red]{allowed}[/]")
    console.print(table)


def large(seed: int) -> list[Row]:
    """The six points of 1,024 endpoints, the mean of all seeds."""
    return _points(VCRouterModel(clos(32)), LARGE, seed, cycles=2000, warmup=1500)


def small(seed: int) -> list[Row]:
    """Those of 16."""
    return _points(VCRouterModel(clos(4)), SMALL, seed, cycles=40_000, warmup=3000)


def _points(model, points, seed: int, **window) -> list[Row]:
    rows = []
    for point in points:
        runs = [model.load(point.load, point.flits, seed=seed + k, **window)
                for k in range(SEEDS)]
        print(f"{point}: {quantity(np.mean([run.cycles_per_s for run in runs]))} cycles/s, "
              f"{quantity(np.mean([run.flit_hops_per_s for run in runs]))} flit-hops/s")
        if point.latency is not None:
            rows.append(Row(f"{point}: latency", point.latency,
                            float(np.mean([run.latency_mean for run in runs])), 0.02))
        rows.append(Row(f"{point}: accepted", point.accepted,
                        float(np.mean([run.accepted for run in runs])), 0.02))
    return rows


def theory(seed: int) -> list[Row]:
    """Closed forms."""
    rows = [Row(f"FIFO input queues, {n} ports: saturation", expected, yardsticks.saturation(
        n, seed=seed, cycles=FIFO_CYCLES, warmup=1000, xbar__queues="fifo"), 0.005)
        for n, expected in yardsticks.FIFO.items()]
    rows.append(Row("VOQs, 1 iteration, 16 ports, uniform: throughput", 0.99, yardsticks.saturation(
        16, seed=seed, cycles=ISLIP_CYCLES, warmup=40_000, xbar__vc_depth=8192), None))
    for load in (0.5, 0.8, 0.9):
        rows.append(Row(f"the same at {load:g}: mean wait, of iSLIP", islip.mean_wait(
            16, load, slots=40_000, seed=seed), yardsticks.mean_wait(
            16, load, seed=seed, cycles=WAIT_CYCLES), 0.05))
    for load in (0.5, 0.8, 0.9):
        rows.append(Row(f"output queues, 16 ports, load {load:g}: mean wait",
                        yardsticks.oq_form(16, load), float(np.mean([yardsticks.oq_wait(
                            16, load, seed=seed + k, slots=OQ_SLOTS)
                            for k in range(SEEDS)])), 0.01))
    rows += [Row(f"Clos of {cfg.rack.endpoints} endpoints: mean hops", *yardsticks.clos_hops(cfg))
             for cfg in (clos(4), clos(32))]
    for topology, radix, dst, switches in (("direct", 16, 15, 1), ("clos2", 8, 15, 3)):
        cfg = yardsticks.ideal(topology, rack__endpoints=16, rack__radix=radix)
        rows.append(Row(f"unloaded latency, {topology}, {switches} switches",
                        yardsticks.zero_load(cfg, switches), yardsticks.latency(cfg, dst)))
    for depth in (4, 13, 25, 26, 64):
        rows.append(Row(f"one flow, buffer {depth}, round trip 26: throughput",
                        *yardsticks.credit_limited(depth, 4.0)))
    for topology in ("mesh", "torus"):
        rows += grid(topology, 8, seed)
    return rows


def grid(topology: str, side: int, seed: int) -> list[Row]:
    """The uniform bound of a grid: by its busiest links, and by what it accepts."""
    bound, busiest, accepted = yardsticks.grid(topology, side, seed=seed)
    name = f"{topology} {side}x{side}, uniform"
    return [Row(f"{name}: bound by the flits of the busiest link", bound, busiest),
            Row(f"{name}: accepted at full load", bound, accepted, None, most=True)]
