"""`lightloom rack collective`, `lightloom rack trace`, `lightloom rack energy`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import typer

from ..errors import CheckError, FlowError
from . import options
from .options import Cycles, Json, PacketFlits, Pattern, Profile, Seed, Set

Level = Annotated[str, typer.Option(help="flit: cycle by cycle; flow: fast, for long ones.")]


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=options.examples(
        "lightloom rack collective all-reduce --bytes 1048576",
        "lightloom rack collective all-reduce --algorithm halving-doubling --bytes 65536 "
        "--level flit --set rack.endpoints=64 --set rack.radix=16",
        "lightloom rack collective all-to-all --bytes 1048576 --json"))(collective)
    app.command(epilog=options.examples(
        "lightloom rack trace",
        "lightloom rack trace path/to/trace --json",
        "lightloom rack trace --level flit --cycles 5000 --skip 68"))(trace)
    app.command(epilog=options.examples(
        "lightloom rack energy --load 0.5",
        "lightloom rack energy --load 0.1 --set rack.endpoints=64 --set rack.radix=16 --json"))(
            energy)


def collective(name: Annotated[str, typer.Argument(help="all-reduce, all-to-all, ...")],
               nbytes: Annotated[int, typer.Option(
                   "--bytes", min=1, help="Of one rank's input.")] = 1_048_576,
               algorithm: Annotated[str, typer.Option(
                   help="ring, halving-doubling, direct, tree, ...; default: the first.")] = "",
               level: Level = "flow", profile: Profile = "sim", sets: Set = (),
               json: Json = False) -> None:
    """Completion of one collective of all GPUs on an idle rack, against its bounds."""
    from .works import Collective

    cfg = options.configured(profile, sets)
    work = Collective(name, algorithm, nbytes, level)
    outcome = work.run(cfg, None, 0)
    row = outcome.row
    if json:
        options.emit({**work.columns(), "gpus": cfg.rack.endpoints, **row,
                      "seconds": outcome.seconds})
        return
    options.tabulate(f"{work.collective} {work.algorithm}, {nbytes:,} bytes, "
                     f"{cfg.rack.endpoints:,} GPUs, {level} level", [
        ("completion, µs", row["us"]), ("  in core cycles", row["completion_cycles"]),
        ("bound: steps · α + bytes / B, µs", row["bound_us"]),
        ("bound: the busiest link, µs", row["busiest_link_us"]),
        ("completion / first bound", row["of_bound"]),
        ("input by time, Gb/s a GPU", 8e-3 * nbytes / row["us"]),
        ("busiest link in use", f"{outcome.arrays['link_use'].max():.1%}")])
    typer.echo(f"{outcome.seconds:.1f} s")


def trace(path: Annotated[Path | None, typer.Argument(
              help="Chakra .et trace: folder, prefix or file; default: the shipped one.")] = None,
          level: Level = "flow", cycles: Annotated[int, typer.Option(
              min=1, help="Window of a run at flit level.")] = 10_000,
          skip: Annotated[int | None, typer.Option(
              min=0, help="At flit level: communications to take as done.")] = None,
          profile: Profile = "sim", sets: Set = (), json: Json = False) -> None:
    """A Chakra trace on the rack: its end and where ranks wait, or a window of it by flits."""
    from ...sim.workload import DEFAULT_SKIP, DEFAULT_TRACE

    cfg = options.configured(profile, sets)
    source = path or DEFAULT_TRACE
    if level == "flow":
        if skip is not None:
            raise FlowError("--skip: only with --level flit")
        found = _flow_trace(cfg, source)
    elif level == "flit":
        skip = DEFAULT_SKIP if skip is None and path is None else skip
        found = _flit_trace(cfg, source, cycles, skip, json)
    else:
        raise FlowError(f"--level {level!r}: not one of flow, flit")
    if json:
        options.emit({"trace": str(source), "level": level, **found})
        return
    slowest = found.pop("slowest", [])
    options.tabulate(f"{source.name}, {cfg.rack.endpoints:,} GPUs, {level} level",
                     [(name.replace("_", " "), each) for name, each in found.items()])
    if slowest:
        options.tabulate("the longest communications", [tuple(row.values()) for row in slowest],
                         tuple(name.replace("_", " ") for name in slowest[0]))


def _flow_trace(cfg, path) -> dict:
    from ...sim.flows import FlowModel

    result = FlowModel(cfg).run(path)
    ranks, steps = result.ranks, result.steps.copy()
    steps["us"] = (steps.end_ns - steps.begin_ns) / 1000
    longest = steps.sort_values("us", ascending=False).head(8)
    return {
        "end_us": result.ns / 1000, "ranks": len(ranks), "communications": len(steps),
        **{f"{name}_us_mean": float(ranks[f"{name}_ns"].mean()) / 1000
           for name in ("computing", "communicating", "overlapped", "exposed", "idle")},
        "busiest_link_use": float(result.links["use"].max()), "seconds": result.seconds,
        "slowest": longest[["name", "what", "algorithm", "nbytes", "us", "slowdown"]].to_dict(
            "records")}


def _flit_trace(cfg, path, cycles, skip, quiet) -> dict:
    import numpy as np

    from ...sim.rack import MESSAGE, RackModel
    from ...sim.workload import load

    graph = load(path, cfg, skip=skip)
    with options.bar(cycles, quiet) as progress:
        result = RackModel(cfg).run(graph, cycles, progress=progress)
    done = result.delivered >= 0
    latency = (result.delivered - result.offered)[done]
    messages = graph.kind == MESSAGE
    at = {f"latency_p{p}": float(np.percentile(latency, p, method="lower")) if len(latency)
          else float("nan") for p in (0, 50, 99)}
    return {"cycles": cycles, "messages": int(messages.sum()),
            "messages_done": int((result.task_done[messages] >= 0).sum()),
            "packets_delivered": int(done.sum()),
            "flits_delivered": int(result.delivered_flits.sum()), **at,
            "busiest_link_use": float(result.link_flits.sum(axis=0).max() / cycles),
            "flit_hops": result.flit_hops, "seconds": result.seconds}


def energy(profile: Profile = "sim", sets: Set = (),
           load: Annotated[float, typer.Option("--load", help="Flits a cycle and plane.")] = 0.5,
           pattern: Pattern = "uniform", packet_flits: PacketFlits = 1, cycles: Cycles = 10_000,
           seed: Seed = 1, json: Json = False) -> None:
    """Power of the whole rack under a load, by cause, and energy of a bit delivered."""
    from ...sim.energy import energy as power
    from .experiment import make
    from .loads import run_here

    cfg = options.configured(profile, sets)
    point = make(cfg, loads=[load], seeds=[seed], patterns=pattern, packet_flits=[packet_flits],
                 cycles=cycles).points()[0]
    outcome = run_here(point, json)
    if not outcome.row["accepted"]:
        raise CheckError("nothing was delivered: no energy of a bit")
    frame = power(cfg, SimpleNamespace(**outcome.row, **outcome.arrays, planes=cfg.rack.planes,
                                       link_names=outcome.link_names))
    if json:
        options.emit({**point.columns, "accepted": outcome.row["accepted"],
                      "delivered_gbps": frame.attrs["delivered_gbps"],
                      "causes": frame.reset_index().to_dict("records")})
        return
    options.tabulate(
        f"{cfg.rack.endpoints:,} GPUs, load {load:g}: {frame.attrs['delivered_gbps'] / 1000:,.1f} "
        "Tb/s delivered", list(frame.itertuples(name=None)),
        ("cause", "watts without traffic", "of traffic", "watts", "pJ a bit"))
