"""Throughput, fairness and waits of the crossbar: golden model, RTL, and an independent iSLIP.

Long runs are the model's. The RTL runs the beginning of each, which must be equal to the model in
every cycle.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ..hdl.xbar.layer import Crossbar
from ..tb import traffic
from ..tb.xbar_harness import crossbar_bench
from ..tb.xbar_scenario import Scenario, differences, golden, latency
from . import islip
from .cache import to_verilog
from .errors import CheckError, writable
from .switching_cases import PORTS, START, Case, fifos, packets, patterns, waits

FOLDER = Path("build/switching")

@dataclass(frozen=True)
class Figures:
    """What a run delivered after its first tenth.

    Attributes
    ----------
    flits : flits a cycle, all outputs together
    share : of the most that outputs of one flit a cycle could deliver of what was offered
    others : the same without output HOT
    fairness : Jain's index over the flows (input, output), of what was delivered of its demand
    mean_wait, worst_wait : cycles beyond the latency from the arrival at the source
    head_wait : longest such wait of a flow's flit since the one before it left
    differ : lines of difference between RTL and model; None where the RTL did not run
    """

    name: str
    load: float
    cycles: int
    flits: float
    share: float
    others: float
    fairness: float
    mean_wait: float
    worst_wait: int
    head_wait: int
    differ: int | None = None


def jain(x: np.ndarray) -> float:
    """(sum x)^2 / (n sum x^2): 1 where all are equal, 1/n where one has all."""
    return float(x.sum() ** 2 / (len(x) * (x**2).sum()))


def measure(case: Case, scenario: Scenario, delivered) -> Figures:
    """Figures of one run."""
    n, warm = scenario.outputs, START + (scenario.cycles - START) // 10
    tag, cycle, output = (delivered[name] for name in ("tag", "cycle", "output"))
    source, number = tag >> traffic.INPUT & 0x3F, tag >> traffic.NUMBER
    arrival = np.zeros(len(tag), np.int64)
    for i, rows in enumerate(scenario.stimulus):
        arrival[source == i] = rows[number[source == i], 0]
    due = arrival + latency(scenario.cfg)
    flow = source * n + output
    order = np.lexsort((cycle, flow))
    before = np.r_[-1, cycle[order][:-1]]
    before[np.r_[True, np.diff(flow[order]) != 0]] = -1
    head = np.empty_like(cycle)
    head[order] = cycle[order] - np.maximum(due[order], before)
    steady = cycle >= warm
    span, demand = scenario.cycles - warm, case.demand
    flows = np.bincount(flow[steady], minlength=demand.size).reshape(demand.shape) / span
    possible, came = np.minimum(demand.sum(axis=0), 1), flows.sum(axis=0)
    others = np.arange(n) != traffic.HOT
    wait = (cycle - due)[steady]
    return Figures(
        case.name, case.load, scenario.cycles - START, float(came.sum()),
        float(came.sum() / possible.sum()),
        float(came[others].sum() / max(possible[others].sum(), 1e-9)),
        jain(flows[demand > 0] / demand[demand > 0]), float(wait.mean()), int(wait.max()),
        int(head[steady].max()))


def simulate(case: Case, cycles: int, seed: int, folder: Path, simulator: str = "verilator"):
    """The case in RTL: the scenario and what came of it."""
    scenario = case.scenario(cycles, seed)
    verilog = to_verilog(Crossbar(case.cfg), name="crossbar")
    return scenario, crossbar_bench(scenario, verilog, folder=folder, simulator=simulator,
                                    obey_stop=case.obey_stop)


def _folder(case: Case) -> Path:
    """One for each crossbar: cases that share it are built once."""
    key = f"{case.cfg.model_dump()} {case.obey_stop}"
    return FOLDER / hashlib.sha256(key.encode()).hexdigest()[:12]


def run_case(case: Case, *, seed: int, folder: Path | None = None, rtl: bool = True) -> Figures:
    """The model's figures of a case; the RTL, as far as it runs, must be equal to the model.

    The model has no sources that obey `stop`: there the figures are the RTL's.
    """
    folder = folder or _folder(case)
    if case.obey_stop:
        return measure(case, *_with_delivered(simulate(case, case.cycles, seed, folder)))
    scenario = case.scenario(case.cycles, seed)
    figures = measure(case, scenario, golden(scenario).delivered)
    if not rtl or not case.rtl_cycles:
        return figures
    scenario, run = simulate(case, case.rtl_cycles, seed, folder)
    lines = differences(run, golden(scenario))
    if lines:
        print(f"{case.name}: {lines[0]}")
    return replace(figures, differ=len(lines))


def _with_delivered(outcome):
    scenario, run = outcome
    return scenario, run.delivered


def show(title: str, figures: list[Figures], extra: dict[str, str]) -> None:
    """Print a table; `extra` is a last column by name and load."""
    table = Table("traffic", "load", "flits/cycle", "of possible", "other outputs", "Jain",
                  "mean wait", "worst", "at head", "RTL differs", "reference", title=title)
    for f in figures:
        others = f"{f.others:.4f}" if f.name.startswith("hot-spot") else ""
        table.add_row(f.name, f"{f.load:g}", f"{f.flits:.3f}", f"{f.share:.4f}", others,
                      f"{f.fairness:.4f}", f"{f.mean_wait:.2f}", f"{f.worst_wait:,}",
                      f"{f.head_wait:,}",
                      "-" if f.differ is None else str(f.differ),
                      extra.get(f"{f.name} {f.load:g}", ""))
    Console(width=150).print(table)


def run(*, seed: int = 1, rtl: bool = True) -> None:
    """Measure, print, and write `figures.json` to build/switching."""
    writable(FOLDER)
    parts = {"waits and full load": waits(), "one FIFO an input": fifos(),
             "patterns": patterns(seed), "packets": packets()}
    extra = {f"uniform {load:g}": f"iSLIP {islip.mean_wait(PORTS, load, slots=40_000):.2f}"
             for load in (0.5, 0.8, 0.9)}
    extra |= {f"fifo, {n} ports 1": f"Karol {share}" for n, share in islip.KAROL.items()}
    stored = {}
    for title, cases in parts.items():
        figures = [run_case(case, seed=seed, rtl=rtl)
                   for case in track(cases, title, transient=True)]
        show(title, figures, extra)
        stored[title] = [asdict(f) for f in figures]
    (FOLDER / "figures.json").write_text(json.dumps(stored, indent=1) + "\n")
    if any(f["differ"] for part in stored.values() for f in part):
        raise CheckError("RTL and model differ")
