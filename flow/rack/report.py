"""The report of a sweep: one HTML file that opens without a network."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from plotly.offline import get_plotlyjs

from .. import page
from ..errors import FlowError
from . import figures
from .mapdata import Runs, kinds, map_data, topologies
from .point import sources
from .statistics import of_collectives, saturation
from .store import Store

PACKAGES = ("lightloom", "numpy", "numba", "scipy", "pandas", "distributed")


def write_report(folder: str | Path, path: str | Path | None = None) -> Path:
    """Write the report of the sweep in `folder`, by default as ``<folder>/report.html``.

    Raises
    ------
    FlowError
        When the folder is none of a sweep, no point of it is finished, or the report cannot be
        written.
    """
    store = Store(folder)
    asked, table = store.asked(), store.rows()
    if table.empty:
        raise FlowError(f"{folder}: no point is finished, there is nothing to report")
    runs = Runs(store, table)
    racks = topologies(asked, dict.fromkeys(each["config"] for each in asked["points"]))
    curve, done = runs.curve, of_collectives(table)
    loads, collectives = len(curve) > 0, len(done) > 0
    plots = (_plots(runs) if loads else []) + (_completion(done) if collectives else [])
    fields = {
        "title": f"{len(table)} runs of the rack",
        "subtitle": _subtitle(racks, len(table), len(asked["points"])),
        "tiles": [("runs", f"{len(table):,}")] + (_tiles(curve) if loads else [])
        + (_completion_tiles(done) if collectives else []), "has_map": loads,
        "map_data": json.dumps(map_data(store, runs, racks), separators=(",", ":"))
        if loads else "",
        "map_script": (Path(__file__).parent / "map.js").read_text(encoding="utf-8"),
        "plots": [{"id": f"plot-{k}", "title": title, "note": note, "figure": drawn.to_json()}
                  for k, (title, drawn, note) in enumerate(plots)],
        "tables": ([_saturation(curve), _curve(curve)] if loads else [])
        + ([_completion_table(done)] if collectives else []),
        "origin": [("points", f"{len(table)} finished of {len(asked['points'])}"),
                   ("sources of the model", sources()[:16]),
                   ("written", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
                   *((name, version(name)) for name in PACKAGES)],
        "configs": [{"title": f"{k + 1} of {len(racks)}", "fields": [
            (f"{section}.{name}", value) for section, each in cfg.model_dump().items()
            if isinstance(each, dict) for name, value in each.items()]}
            for k, (cfg, _) in enumerate(racks.values())]}
    return render(fields, Path(path) if path else Path(folder) / "report.html")


def render(fields: dict, path: Path) -> Path:
    """Fill the page and write it."""
    return page.write(Path(__file__).parent / "report.html.j2", path, plotlyjs=get_plotlyjs(),
                      **fields)


def _subtitle(racks, finished: int, asked: int) -> str:
    shown = list(dict.fromkeys(f"{cfg.rack.endpoints:,} GPUs, {cfg.rack.topology}"
                               for cfg, _ in racks.values()))
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    part = "" if finished == asked else f"; {asked - finished} of {asked} points are not finished"
    return "; ".join(shown[:3]) + more + part


def _tiles(curve) -> list[tuple[str, str]]:
    good = curve[curve.saturated == 0]
    least = f"{good.latency_mean.min():,.0f} cycles" if len(good) else "none"
    return [("curves' points", f"{len(curve):,}"),
            ("of them saturated", f"{(curve.saturated > 0).sum():,}"),
            ("least mean latency", least),
            ("most accepted, flits a cycle and endpoint", f"{curve.accepted.max():.4f}")]


def _plots(runs: Runs) -> list[tuple]:
    shown = []
    for (_, row), group in zip(runs.curve.iterrows(), runs.groups, strict=True):
        shown.append({"label": runs.title(row), "curve": runs.title(row, "load"),
                      "load": row["load"], "saturated": row["saturated"] > 0,
                      "histogram": group["histogram"],
                      "kinds": kinds(group["link_names"], group["use"])})
    seeds = runs.curve.seeds.max()
    interval = ("bars: 95 % interval over the seeds" if seeds > 1 else
                "bars: 95 % interval of the run's batches")
    made = [
        ("Latency against load", figures.latency(runs.curve),
         f"From a packet's creation to its last flit at the destination; {interval}. A cross: "
         "saturated, so no mean."),
        ("Accepted against offered", figures.throughput(runs.curve), "Crosses: saturated."),
        ("Latencies of packets", figures.histogram([run for run in shown if not run["saturated"]]),
         "All seeds together; saturated runs are left out."
         if (runs.curve.saturated > 0).any() else "All seeds together."),
        ("Use of links by kind", figures.link_use(shown),
         "Mean over links and seeds, from the least to the most used link."),
    ]
    return made


def _completion(done) -> list[tuple]:
    return [("Completion of collectives", figures.completion(done),
             "From the entry of all ranks to the last delivery; dotted: steps · α + bytes / B, "
             "which no rack can beat.")]


def _completion_tiles(done) -> list[tuple[str, str]]:
    return [("collectives", f"{len(done):,}"),
            ("of their bound, from the nearest to the farthest",
             f"{done.of_bound.min():.2f} to {done.of_bound.max():.2f}")]


def _completion_table(done) -> dict:
    shown = done.drop(columns=["seed", "key"])
    return {"title": "Collectives", "note": "of bound: completion by the analytic bound; busiest "
            "link us: what the busiest link alone takes.", "head": _heads(shown),
            "rows": _rows(shown, lambda row: False)}


def _saturation(curve) -> dict:
    found = saturation(curve)
    return {"title": "Saturation", "note": "Of each curve: the highest load at and below which "
            "every seed is stable, the lowest at which one is not, the most that was accepted.",
            "head": _heads(found), "rows": _rows(found, lambda row: False)}


def _curve(curve) -> dict:
    return {"title": "All points", "note": "± is the half width of the 95 % interval of the mean.",
            "head": _heads(curve), "rows": _rows(curve, lambda row: row.saturated > 0)}


def _heads(table) -> list[str]:
    return [str(name).replace("_", " ") for name in table.columns]


def _rows(table, bad) -> list[dict]:
    return [{"bad": bad(row), "cells": [_cell(value) for value in row]}
            for _, row in table.iterrows()]


def _cell(value) -> str:
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return "–"
        return f"{value:,.4g}" if abs(value) < 100 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)
