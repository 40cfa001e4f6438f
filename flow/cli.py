"""The command line: `lightloom <command>`, which the Makefile's targets call.

Each command imports what it needs when it runs, so that `--help` is quick and a command of the
model needs no RTL tools.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from .errors import FlowError, exit_code
from .rack.cli import app as rack


class Commands(TyperGroup):
    """Turns the errors that are meant for the user into one message and an exit code."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except Exception as error:
            code = exit_code(error)
            if code is None:
                raise
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(code) from None


app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Lightloom: optical I/O chiplet in RTL, and its rack as a golden model.")

app.add_typer(rack, name="rack")

Profile = Annotated[str, typer.Option(help="sim, ecp5, tera, or a .toml file.")]
Block = Annotated[str, typer.Option(help="Block of lightloom.hdl.blocks.")]
Peer = Annotated[Path | None, typer.Option(
    help="Checkout of verilog-ethernet; with --ports, of verilog-axis.")]
Trace = Annotated[Path | None, typer.Option(help="Chakra .et trace; default: the shipped one.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all that is random.")]
Window = Annotated[int, typer.Option(min=1, help="Core cycles to simulate.")]
Skip = Annotated[int | None, typer.Option(
    min=0, help="Communications of the trace to take as done; default 0, shipped trace: 68.")]
Endpoint = Annotated[int | None, typer.Option(
    min=0, help="GPU whose chiplet runs in RTL; default: the busiest in the window.")]


class Simulator(StrEnum):
    """RTL simulators."""

    ICARUS = "icarus"
    VERILATOR = "verilator"


@app.callback()
def main() -> None:
    """Let child processes find the programs that are installed beside this one."""
    own = str(Path(sys.executable).parent)
    if own not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join(filter(None, (own, os.environ.get("PATH"))))


@app.command()
def sim(profile: Profile = "sim", trace: Trace = None, window: Window = 2_000, skip: Skip = None,
        endpoint: Endpoint = None, seed: Seed = 1, out: Path = Path("build/report"),
        waves: bool = False, simulator: Simulator = Simulator.ICARUS) -> None:
    """Run a trace on the rack model, replay one chiplet's flits in RTL, write the report."""
    from .. import config
    from . import report, result
    from . import sim as simulation

    outcome = simulation.run(config.load(profile), trace, window=window, skip=skip,
                             endpoint=endpoint, seed=seed, out=out, waves=waves,
                             simulator=simulator.value)
    result.print_table(outcome)
    typer.echo(f"report: {report.write(outcome, out)}")
    if outcome.waveform:
        typer.echo(f"waveform: {outcome.waveform}")
        typer.echo(f"open it:  surfer {outcome.waveform}   or   gtkwave {outcome.waveform}")
    if outcome.mismatches:
        raise typer.Exit(1)


@app.command()
def waves(profile: Profile = "sim", trace: Trace = None, window: Window = 1_000, skip: Skip = None,
          endpoint: Endpoint = None, seed: Seed = 1, out: Path = Path("build/waves")) -> None:
    """Run a short sim with a waveform, and say how to open it."""
    sim(profile, trace, window, skip, endpoint, seed, out, waves=True)


@app.command()
def verilog(profile: Profile = "sim", block: Block = "chiplet", out: Path | None = None) -> None:
    """Export a block to Verilog-2005, with a JSON manifest of its ports."""
    from .. import config
    from .verilog import export

    for path in export(config.load(profile), block, out):
        typer.echo(path)


@app.command()
def lint(profile: Annotated[str | None, typer.Option(help="Default: all profiles.")] = None,
         block: Annotated[str | None, typer.Option(help="Default: every block.")] = None) -> None:
    """Check the Python with ruff, the exported Verilog with Icarus, Verilator and Yosys."""
    from .. import config
    from .lint import run

    run([config.load(name) for name in ([profile] if profile else config.profiles())], block)


@app.command()
def synth(profile: Profile = "ecp5",
          block: Annotated[str | None, typer.Option(
              help="Default: chiplet; with a peer: lane_tx and lane_rx.")] = None,
          seeds: Annotated[int, typer.Option(min=0, help="Place & route runs; 0: area alone.")] = 1,
          peer: Peer = None,
          ports: Annotated[str | None, typer.Option(
              help="The crossbar alone, by ports: 4,8,16; with what it delivers.")] = None,
          bits: Annotated[int, typer.Option(help="Of a flit of that crossbar.")] = 64) -> None:
    """Area and Fmax of a block on an LFE5UM-85F, beside the peer's that does its job."""
    from .. import config
    from .peer import LIKE
    from .synth import run

    if ports is not None:
        if block:
            raise FlowError("PORTS= measures the crossbar alone: without BLOCK=")
        from . import crossbars

        crossbars.run(config.load(profile), crossbars.sizes(ports), bits, seeds, peer)
        return
    run(config.load(profile), [block] if block else LIKE if peer else ["chiplet"], seeds, peer)


@app.command()
def interop(peer: Peer = None) -> None:
    """Run our lanes against verilog-ethernet's 10G PHY, both ways, under Icarus."""
    if peer is None:
        raise FlowError(
            "interop needs a peer: git clone https://github.com/alexforencich/verilog-ethernet "
            "outside this repository, then make interop PEER=<that folder>")
    from ..tb.interop import run

    run(peer)


@app.command()
def bench(out: Path = Path("build/bench.json")) -> None:
    """Speed of the model, and of the RTL under Icarus and Verilator."""
    from .bench import run

    run(out)


@app.command()
def formal(only: Annotated[list[str] | None, typer.Option(
        help="Name of a proof; may be given more than once. Default: all.")] = None) -> None:
    """Prove what docs/formal.md states about the RTL, with Yosys' sby and an SMT solver."""
    from .formal import run

    run(only or [])


@app.command()
def goodput(profile: Profile = "sim", seed: int = 1) -> None:
    """Throughput of a link against the bit error rate of its lanes, RTL and closed form."""
    from .goodput import run

    run(profile, seed=seed)


@app.command()
def switching(seed: Seed = 1, rtl: bool = True) -> None:
    """Throughput, fairness and waits of the crossbar: model, RTL, and an independent iSLIP."""
    from .switching import run

    run(seed=seed, rtl=rtl)


@app.command()
def minirack(profile: Annotated[str | None, typer.Option(help="Default: a small one.")] = None,
             seed: Seed = 1,
             packets: Annotated[int, typer.Option(min=1, help="At each host port.")] = 12,
             errors: Annotated[int, typer.Option(min=0, help="Bits inverted on fibres.")] = 0,
             lane_death: Annotated[bool, typer.Option(
                 "--lane-death", help="One lane dies for good.")] = False,
             simulator: Simulator = Simulator.VERILATOR,
             out: Path = Path("build/minirack")) -> None:
    """Run a rack of 12 chiplets in RTL, and hold every flit to the model, cycle by cycle."""
    from .minirack import run

    outcome = run(profile, seed=seed, packets=packets, errors=errors, lane_death=lane_death,
                  simulator=simulator.value, out=out)
    if outcome.mismatches:
        raise typer.Exit(1)


@app.command()
def flowcheck() -> None:
    """Error of the flow-level model against the flit-level one, over collectives and sizes."""
    from .flowcheck import run

    run()


@app.command()
def validation(seed: Seed = 1, out: Path = Path("build/validation")) -> None:
    """The rack model against BookSim2's figures and the closed forms of switching theory."""
    from .validation import run

    run(seed, out)


@app.command()
def study(profile: Profile = "tera", page: Path = Path("docs/study.md"),
          out: Path = Path("build/study")) -> None:
    """The photonic rack against the copper baseline: measure all of it, write docs/study.md."""
    from .study import run

    run(page, out, profile=profile)


@app.command("config")
def show_config(profile: Profile = "sim") -> None:
    """Print a profile with all that follows from it."""
    from .. import config
    from .show import show

    show(config.load(profile))
