"""Values of an experiment: fields of configurations, lists, files that are read once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path

from ... import config
from ...config import Config
from ..errors import FlowError


def combined(cfg: Config, variants: dict[str, dict], vary: dict[str, list],
             beside=str) -> list[tuple[Config, dict]]:
    """Each variant's fields over `cfg`, times all combinations of the lists in `vary`.

    Raises
    ------
    ConfigError
        For a field that does not exist, or a configuration that cannot work.
    """
    found = []
    for name, fields in variants.items():
        for values in product(*map(listed, vary.values())):
            chosen = dict(zip(vary, values, strict=True))
            changes = {**fields, **chosen}
            if changes.get("rack.file"):
                changes["rack.file"] = beside(changes["rack.file"])
            found.append((changed(cfg, changes), {**({"variant": name} if name else {}),
                                                  **chosen}))
    return found


def changed(cfg: Config, changes: dict[str, object]) -> Config:
    """`cfg` with fields replaced that are named as "section.field"."""
    data = cfg.model_dump()
    for path, value in changes.items():
        section, _, field = path.partition(".")
        if not isinstance(data.get(section), dict) or not field:
            raise FlowError(f"{path}: no such field of a configuration; one is written as "
                            "section.field, as rack.endpoints")
        data[section][field] = value
    return config.build(data, origin=cfg.name)


def flat(tables: dict) -> dict[str, object]:
    """{"rack": {"radix": 8}} as {"rack.radix": 8}; names with a dot stay."""
    if not isinstance(tables, dict):
        raise FlowError(f"{tables!r}: must be a table of fields, as rack.radix = 8")
    found = {}
    for section, fields in tables.items():
        if isinstance(fields, dict):
            found |= {f"{section}.{name}": value for name, value in fields.items()}
        else:
            found[section] = fields
    return found


def listed(value) -> list:
    """A list of what may be one value."""
    one = isinstance(value, str | int | float | dict | Path)
    return [value] if one else list(value)


def schedules(paths: Iterable[str | Path]) -> list[tuple[str, str]]:
    """The run without faults, then each schedule: its name (the file's, or all of the path where
    two files share it), and its text.

    Raises
    ------
    FlowError
        When a file cannot be read.
    """
    paths = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    stems = [path.name for path in paths]
    found = [("", "")]
    for path in paths:
        name = path.name if stems.count(path.name) == 1 else str(path)
        found.append((name, text_of(path, "faults")))
    return found


def network(cfg: Config) -> str:
    """Text of the file that describes the topology, if one does."""
    uses = cfg.rack.topology == "file" and cfg.rack.file
    return text_of(Path(cfg.rack.file), "rack.file") if uses else ""


def text_of(path: Path, what: str) -> str:
    """Text of a file; `what` names it in the error."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FlowError(f"{what} {path}: cannot be read: {reason}") from None
