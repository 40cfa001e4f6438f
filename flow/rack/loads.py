"""`lightloom rack load` and `lightloom rack faults`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import CheckError
from . import options
from .options import Cycles, Json, PacketFlits, Param, Pattern, Profile, Seed, Set, Warmup

Load = Annotated[float, typer.Option("--load", help="Flits a cycle, endpoint and plane, 0 to 1.")]

SHOWN = {
    "offered": "offered, flits a cycle, endpoint, plane", "accepted": "accepted, the same",
    "latency_mean": "mean latency, cycles", "latency_ci": "  ± (95 % interval)",
    "latency_p50": "  p50", "latency_p99": "  p99", "latency_max": "  longest",
    "hops_mean": "switches on the way", "warmup": "warm-up, cycles", "cycles": "cycles",
    "flit_hops": "flits through crossbars", "lost": "flits lost to faults"}


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=options.examples(
        "lightloom rack load --load 0.5",
        "lightloom rack load --load 0.3 --pattern hotspot --param share=0.2 --set "
        "rack.endpoints=64 --set rack.radix=16",
        "lightloom rack load --load 0.8 --packet-flits 4 --json"))(load)
    app.command(epilog=options.examples(
        "lightloom rack faults docs/examples/faults.toml --load 0.5",
        "lightloom rack faults dead.toml --set rack.endpoints=64 --set rack.radix=16 --json"))(
            faults)


def load(profile: Profile = "sim", sets: Set = (), load: Load = 0.5,
         pattern: Pattern = "uniform", param: Param = (),
         packet_flits: PacketFlits = 1, cycles: Cycles = 20_000, warmup: Warmup = None,
         seed: Seed = 1,
         faults: Annotated[Path | None, typer.Option(help="Schedule of faults.")] = None,
         json: Json = False) -> None:
    """One run of synthetic traffic: throughput, latency with its confidence interval."""
    points = _points(profile, sets, load, pattern, param, packet_flits, cycles, warmup, seed,
                     [faults] if faults else [])
    point = points[-1]
    outcome = run_here(point, json)
    if json:
        options.emit({**point.columns, **outcome.row, "seconds": outcome.seconds})
        return
    options.tabulate(_title(point), [(text, outcome.row[name]) for name, text in SHOWN.items()
                                     if name in outcome.row])
    _verdict(outcome)
    rate = outcome.row["flit_hops"] / max(outcome.seconds, 1e-9)
    typer.echo(f"{outcome.seconds:.1f} s, {rate / 1e6:.1f} million flit-hops a second")


def faults(schedule: Annotated[Path, typer.Argument(help="Schedule of faults, a TOML file.")],
           profile: Profile = "sim", sets: Set = (), load: Load = 0.5,
           pattern: Pattern = "uniform", param: Param = (),
           packet_flits: PacketFlits = 1, cycles: Cycles = 20_000, warmup: Warmup = None,
           seed: Seed = 1, json: Json = False) -> None:
    """A run with faults beside the same without: who loses how much."""
    from ...sim.rack.faults import FaultSchedule, Timeline
    from ...sim.rack.topology import rack
    from .statistics import gpu_losses

    points = _points(profile, sets, load, pattern, param, packet_flits, cycles, warmup, seed,
                     [schedule])
    # A schedule that this rack cannot have is refused before anything runs.
    cfg = points[0].cfg
    Timeline(cfg, rack(cfg), FaultSchedule.read(schedule))
    before, after = (run_here(point, json) for point in points)
    windows = tuple(each.row["cycles"] - each.row["warmup"] for each in (before, after))
    lost = gpu_losses(before.arrays["received_by"], after.arrays["received_by"],
                        cycles=windows, packet_flits=packet_flits)
    hit = lost[lost.sure]
    if json:
        options.emit({"without": before.row, "with": after.row,
                      "hit": hit.drop(columns="sure").to_dict("records")})
        return
    options.tabulate(_title(points[1]), [
        (text, before.row[name], after.row[name]) for name, text in SHOWN.items()
        if name in before.row], ("", "without", "with the faults"))
    for text, outcome in (("without", before), ("with the faults", after)):
        _verdict(outcome, f"{text}: ")
    typer.echo(f"{len(hit)} of {len(lost)} GPUs receive less than without, beyond what is chance")
    if len(hit):
        options.tabulate("the worst", [
            (f"gpu {row.gpu}", row.before, row.after, f"{row.lost:.1%}")
            for row in hit.head(10).itertuples()], ("", "flits a cycle", "with faults", "lost"))


def _points(profile, sets, load, pattern, param, packet_flits, cycles, warmup, seed, faults):
    from .experiment import make

    traffic = {"pattern": pattern, **options.assignments(param, "--param")}
    return make(options.configured(profile, sets), loads=[load], seeds=[seed], patterns=[traffic],
                packet_flits=[packet_flits], faults=faults, cycles=cycles,
                warmup=warmup).points()


def run_here(point, quiet: bool):
    """Run a point in this process, with a bar unless `quiet`."""
    from ...sim.rack.load import DeadlockError

    with options.bar(point.work.cycles, quiet) as progress:
        try:
            return point.run(progress)
        except DeadlockError as error:
            raise CheckError(f"the rack stands still: {error}") from None


def _verdict(outcome, before: str = "") -> None:
    if not outcome.row["stable"]:
        typer.echo(f"{before}not stable, so no latency is given: {outcome.row['why']}")


def _title(point) -> str:
    rack = point.cfg.rack
    fault = f", {point.fault}" if point.fault else ""
    return (f"{point.columns['pattern']}, load {point.columns['load']:g}, {rack.endpoints:,} GPUs, "
            f"{rack.topology}{fault}")
