"""Run the points that are not on disk yet, and store each as soon as it is finished."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..errors import CheckError, FlowError
from .point import Point
from .pool import Pool, outcomes
from .store import Store

HOURS = 24 * 3600.0
"""Seconds over which the speed is taken: one point may take minutes."""


class StoppedError(FlowError):
    """`Ctrl-C`; what was finished is on disk."""

    exit_code = 130


@dataclass(frozen=True)
class Done:
    """A sweep that has run.

    Attributes
    ----------
    folder : where it is
    table : a row for each finished point, in the order asked for
    resumed, ran : points that were on disk already, and those that ran
    """

    folder: Path
    table: pd.DataFrame
    resumed: int
    ran: int


def run(points: list[Point], folder: str | Path, pool: Pool | None = None, *,
        progress: bool = True) -> Done:
    """Run a sweep in `folder`, or what is missing of it.

    Parameters
    ----------
    points : list of Point
        In the order of the table's rows. Points of one key run once.
    folder : path
        Where points, tables and later the report go.
    pool : Pool
        What runs the points; the result does not depend on it.
    progress : bool
        Show a bar with an estimate of the time left, on standard error.

    Raises
    ------
    FlowError
        When the folder cannot be written to, or the pool cannot be had.
    CheckError
        When a point failed; the others ran, and are stored.
    StoppedError
        At `Ctrl-C`; the tables hold what was finished.
    """
    store = Store(folder)
    store.prepare(points)
    wanted = {point.key: point for point in points}
    missing = [point for key, point in wanted.items() if store.read(key) is None]
    # The long ones first: none of them begins when the others are done.
    missing.sort(key=lambda point: -point.cost)
    failed, ran = [], 0
    try:
        with _bar(progress) as bar, closing(outcomes(missing, pool or Pool())) as running:
            task = bar.add_task("points", total=sum(p.cost for p in wanted.values()),
                                completed=sum(p.cost for p in wanted.values())
                                - sum(p.cost for p in missing),
                                points=f"{len(wanted) - len(missing)}/{len(wanted)}")
            for point, outcome in running if missing else ():
                if isinstance(outcome, Exception):
                    failed.append((point, outcome))
                else:
                    store.write(point.key, outcome)
                    ran += 1
                finished = len(wanted) - len(missing) + ran
                bar.update(task, advance=point.cost, points=f"{finished}/{len(wanted)}")
    except KeyboardInterrupt:
        table = store.collate()
        raise StoppedError(f"interrupted: {len(wanted) - len(missing) + ran} of {len(wanted)} "
                          f"points are in {store.folder}; the same command goes on from "
                          "there") from None
    table = store.collate()
    if failed:
        point, error = failed[0]
        raise CheckError(f"{len(failed)} of {len(wanted)} points failed; the first, "
                         f"{describe(point)}: {error or type(error).__name__}") from error
    return Done(store.folder, table, len(wanted) - len(missing), ran)


def describe(point: Point) -> str:
    """The point's columns, as text."""
    return ", ".join(f"{name} {value}" for name, value in point.columns.items() if value != "")


def _bar(shown: bool) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(),
                    TextColumn("{task.fields[points]}"), TimeElapsedColumn(),
                    TextColumn("left"), TimeRemainingColumn(), transient=True,
                    console=Console(stderr=True), disable=not shown, speed_estimate_period=HOURS)
