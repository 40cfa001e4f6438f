"""Options that several `lightloom rack` commands share, and what is made of them."""

from __future__ import annotations

import json
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ..errors import FlowError

Profile = Annotated[str, typer.Option(help="sim, ecp5, tera, or a .toml file.")]
Set = Annotated[list[str], typer.Option(
    "--set", metavar="FIELD=VALUE",
    help="A field of the profile, as rack.endpoints=64; may be given more than once.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all that is random.")]
Pattern = Annotated[str, typer.Option(
    help="uniform, permutation, transpose, tornado, bitreverse, hotspot, bursty, alltoall, ...")]
Param = Annotated[list[str], typer.Option(
    "--param", metavar="NAME=VALUE", help="A parameter of the pattern, as share=0.2.")]
PacketFlits = Annotated[int, typer.Option(min=1, help="Flits of a packet.")]
Cycles = Annotated[int, typer.Option(min=1, help="Core cycles of a run.")]
Warmup = Annotated[int | None, typer.Option(
    min=0, help="Cycles that count for nothing; default: detected.")]


def examples(*lines: str) -> str:
    """Text below a command's options: a command a line."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])


def value(text: str):
    """A value as TOML has it; what is none is a string: 0.5, true, [4, 4], torus."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def assignments(texts: list[str], option: str) -> dict[str, object]:
    """``["rack.radix=8"]`` as ``{"rack.radix": 8}``.

    Raises
    ------
    FlowError
        For one without a name or "=".
    """
    found = {}
    for text in texts:
        name, equals, given = text.partition("=")
        if not equals or not name.strip():
            raise FlowError(f"{option} {text!r}: must be NAME=VALUE")
        found[name.strip()] = value(given.strip())
    return found


def configured(profile: str, sets: list[str]):
    """The profile with fields replaced."""
    from ... import config
    from .fields import changed

    return changed(config.load(profile), assignments(sets, "--set"))


def numbers(text: str, option: str) -> list[float]:
    """``"0.1,0.5"``, or ``"0.1:0.9:0.2"`` for from, to and step.

    Raises
    ------
    FlowError
        When it is neither.
    """
    try:
        if ":" in text:
            low, high, step = map(float, text.split(":"))
            if step <= 0 or high < low or (high - low) / step > 10_000:
                raise ValueError
            return [round(low + k * step, 10) for k in range(int((high - low) / step + 1e-9) + 1)]
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise FlowError(f"{option} {text!r}: must be numbers as 0.1,0.5 or from:to:step as "
                        "0.1:0.9:0.2") from None


def whole(text: str, option: str) -> list[int]:
    """As `numbers`, all whole."""
    found = numbers(text, option)
    if any(each != int(each) for each in found):
        raise FlowError(f"{option} {text!r}: must be whole numbers")
    return [int(each) for each in found]


def emit(data: dict) -> None:
    """Print as JSON; what is no number there is null."""
    import numpy as np

    def plain(each):
        if isinstance(each, dict):
            return {str(name): plain(one) for name, one in each.items()}
        if isinstance(each, list | tuple):
            return [plain(one) for one in each]
        if isinstance(each, np.ndarray):
            return plain(each.tolist())
        if isinstance(each, np.generic):
            return plain(each.item())
        return None if isinstance(each, float) and each != each else each

    typer.echo(json.dumps(plain(data), indent=1, allow_nan=False))


def tabulate(title: str, rows: list[tuple], head: tuple = ()) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*head, title=title, show_header=bool(head))
    if not head:
        table.add_column(style="bold")
        table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*(cell(each) for each in row))
    Console().print(table)


def cell(each) -> str:
    """A value as text of a table."""
    if isinstance(each, float):
        return "-" if each != each else f"{each:,.4g}" if abs(each) < 1000 else f"{each:,.1f}"
    return f"{each:,}" if isinstance(each, int) and not isinstance(each, bool) else str(each)


@contextmanager
def bar(total: int, quiet: bool):
    """A progress bar on standard error; gives the function to call with what is done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    shown = Progress(BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("left"),
                     TimeRemainingColumn(), transient=True, console=Console(stderr=True),
                     disable=quiet)
    with shown:
        task = shown.add_task("", total=total)
        yield lambda done: shown.update(task, completed=done)


def folder_of(experiment: Path | None, out: Path | None) -> Path:
    """Where a sweep goes: as said, or by the experiment's name."""
    return out or Path("build/sweep") / (experiment.stem if experiment else "sweep")
