"""`lightloom rack sweep` and `lightloom rack report`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from . import options
from .options import Json, Profile, Set

Loads = Annotated[str | None, typer.Option(help="As 0.1,0.3 or from:to:step, 0.1:0.9:0.2.")]
Seeds = Annotated[str | None, typer.Option(help="How many, 5; or which: 1,7,9.")]
Patterns = Annotated[list[str], typer.Option(
    "--pattern", help="May be given more than once; parameters as 'hotspot share=0.2'.")]
Sizes = Annotated[str | None, typer.Option("--packet-flits", help="As 1,4.")]
Faults = Annotated[list[Path], typer.Option(
    "--faults", help="Schedule of faults, beside runs without; may be given more than once.")]
Vary = Annotated[list[str], typer.Option(
    "--vary", metavar="FIELD=[...]", help="A list that multiplies the points.")]


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=options.examples(
        "lightloom rack sweep docs/examples/sweep.toml --workers 2",
        "lightloom rack sweep --loads 0.1:0.9:0.1 --seeds 5 --out build/sweep/uniform",
        "lightloom rack sweep --loads 0.3,0.6 --vary 'xbar.ecmp=[\"hash\",\"occupancy\"]' "
        "--set rack.endpoints=64 --set rack.radix=16",
        "lightloom rack sweep --collective 'all-reduce ring' --collective all-to-all "
        "--bytes 65536,1048576",
        "lightloom rack sweep big.toml --scheduler tcp://10.0.0.1:8786",
        "lightloom rack sweep big.toml --cluster slurm --queue batch --jobs 20 --cores 8"))(sweep)
    app.command(epilog=options.examples(
        "lightloom rack report build/sweep/uniform",
        "lightloom rack report build/sweep/uniform --out curves.html"))(report)


def sweep(experiment: Annotated[Path | None, typer.Argument(
              help="A TOML file (docs/sweeps.md); options replace what it says.")] = None,
          profile: Profile = "sim", sets: Set = (),
          loads: Loads = None, seeds: Seeds = None, patterns: Patterns = (),
          packet_flits: Sizes = None, faults: Faults = (),
          vary: Vary = (),
          collective: Annotated[list[str], typer.Option(
              help="As 'all-reduce ring'; may be given more than once.")] = (),
          nbytes: Annotated[str | None, typer.Option(
              "--bytes", help="Of a rank of a collective, as 65536,1048576.")] = None,
          level: Annotated[list[str], typer.Option(
              help="Of collectives: flow, flit.")] = (),
          cycles: Annotated[int | None, typer.Option(help="Core cycles of a run.")] = None,
          warmup: Annotated[int | None, typer.Option(help="Default: detected.")] = None,
          out: Annotated[Path | None, typer.Option(
              help="Folder; the same command goes on from what is in it. Default: "
                   "build/sweep/<experiment>.")] = None,
          workers: Annotated[int, typer.Option(
              min=0, help="Local processes; 0: this one.")] = 2,
          scheduler: Annotated[str, typer.Option(
              help="Dask scheduler that runs already, as tcp://host:8786.")] = "",
          cluster: Annotated[str, typer.Option(help="slurm or lsf: workers are jobs.")] = "",
          jobs: Annotated[int, typer.Option(min=1, help="Batch jobs.")] = 1,
          cores: Annotated[int, typer.Option(min=1, help="Of a job; a worker each.")] = 1,
          memory: Annotated[str, typer.Option(help="Of a job.")] = "4GB",
          walltime: Annotated[str, typer.Option(help="Of a job.")] = "01:00",
          queue: Annotated[str, typer.Option(help="Of the jobs.")] = "",
          account: Annotated[str, typer.Option(help="Of the jobs.")] = "",
          directive: Annotated[list[str], typer.Option(
              help="Further line of a job's header.")] = (),
          page: Annotated[bool, typer.Option(
              "--report/--no-report", help="Write <out>/report.html.")] = True,
          json: Json = False) -> None:
    """Many runs: each combination of loads, seeds, patterns, packets, fields and faults."""
    from .pool import Pool
    from .running import run
    from .statistics import curves, of_collectives, saturation

    pool = Pool(workers=workers, scheduler=scheduler, cluster=cluster, jobs=jobs, cores=cores,
                memory=memory, walltime=walltime, queue=queue, account=account,
                directives=tuple(directive))
    asked = _experiment(experiment, profile, sets, loads, seeds, patterns, packet_flits, faults,
                        vary, cycles, warmup, collective, nbytes, level)
    done = run(asked.points(), options.folder_of(experiment, out), pool, progress=not json)
    curve = curves(done.table)
    path = None
    if page:
        from .report import write_report

        path = write_report(done.folder)
    if json:
        options.emit({"folder": str(done.folder), "report": path and str(path), "ran": done.ran,
                      "resumed": done.resumed, "points": done.table.to_dict("records"),
                      "curves": curve.to_dict("records")})
        return
    for title, found in (("saturation", saturation(curve)),
                         ("collectives", of_collectives(done.table))):
        if len(found):
            found = found.drop(columns=["key", "seed", "completion_cycles", "busiest_link_us"],
                               errors="ignore")
            found = found.loc[:, (found.astype(str) != "").any()]
            options.tabulate(title, found.values.tolist(),
                             tuple(name.replace("_", " ") for name in found.columns))
    typer.echo(f"{done.ran} points ran, {done.resumed} were there: {done.folder}/results.csv")
    if path:
        typer.echo(f"report: {path}")


def report(folder: Annotated[Path, typer.Argument(help="Of a sweep, also of part of one.")],
           out: Annotated[Path | None, typer.Option(help="Default: <folder>/report.html.")] = None,
           ) -> None:
    """Tables and report of what a sweep has so far."""
    from .report import write_report
    from .store import Store

    store = Store(folder)
    store.asked()
    store.collate()
    typer.echo(f"report: {write_report(folder, out)}")


def _experiment(path, profile, sets, loads, seeds, patterns, packet_flits, faults, vary, cycles,
                warmup, collective, nbytes, level):
    from ... import config
    from ..errors import FlowError
    from .experiment import make
    from .fields import changed, combined, schedules
    from .reading import read

    changes = options.assignments(sets, "--set")
    if path is not None:
        base = read(path)
        if vary:
            raise FlowError("--vary: belongs into the experiment's file, [vary]")
        base = replace(base, configs=[(changed(cfg, changes), labels)
                                      for cfg, labels in base.configs])
    else:
        if loads is None and not collective:
            raise FlowError("a sweep needs an experiment's file, --loads or --collective")
        base = make(combined(config.load(profile), {"": changes},
                             options.assignments(vary, "--vary")))
    given = {}
    if loads is not None:
        given["loads"] = options.numbers(loads, "--loads")
    if seeds is not None:
        found = options.whole(seeds, "--seeds")
        given["seeds"] = list(range(1, found[0] + 1)) if seeds.isdigit() else found
    if packet_flits is not None:
        given["packet_flits"] = options.whole(packet_flits, "--packet-flits")
    if patterns:
        given["patterns"] = [_pattern(text) for text in patterns]
    if faults:
        given["faults"] = schedules(faults)
    if collective:
        given["collectives"] = make([], collectives=collective).collectives
    if nbytes is not None:
        given["nbytes"] = options.whole(nbytes, "--bytes")
    if level:
        given["levels"] = level
    if cycles is not None:
        given["cycles"] = cycles
    if warmup is not None:
        given["warmup"] = warmup
    return replace(base, **given)


def _pattern(text: str) -> dict:
    name, *parameters = text.split()
    return {"pattern": name, **options.assignments(parameters, "--pattern")}
