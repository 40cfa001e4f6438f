"""The one table of constants of the study, with the sources, and a user's changes to it."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from lightloom.config import ConfigError

KINDS = ("stated", "standard", "assumed")


@dataclass(frozen=True)
class Constant:
    """`kind` is "stated", "standard" or "assumed"; `low` to `high` is the range it may have."""

    value: float
    low: float
    high: float
    unit: str
    kind: str
    source: str


@dataclass(frozen=True)
class Constants:
    """Constants by name, as "photonic.laser_mw"; `constants["photonic.laser_mw"]` is a value."""

    of: MappingProxyType

    def __getitem__(self, name: str) -> float:
        return self.of[name].value

    def but(self, **changes: float) -> Constants:
        """A copy with other values, as `but(photonic__laser_mw=30.0)`.

        Raises
        ------
        ConfigError
            When there is no such constant, or the value is not one that it can have.
        """
        return self._changed({name.replace("__", ".", 1): value
                              for name, value in changes.items()}, "constants")

    def at(self, name: str, bound: str) -> Constants:
        """A copy with one constant at its "low" or "high": a sensitivity."""
        return self._changed({name: getattr(self.of[name], bound)}, "constants")

    def _changed(self, values: dict, where: str) -> Constants:
        of = dict(self.of)
        for name, value in values.items():
            if name not in of:
                raise ConfigError(f"{where}: {name} = {value!r}: no such constant "
                                  f"(known: {', '.join(sorted(of))})")
            _check(name, value, of[name], where)
            of[name] = Constant(value, min(of[name].low, value), max(of[name].high, value),
                                of[name].unit, "assumed", f"set in {where}"
                                ) if value != of[name].value else of[name]
        return Constants(MappingProxyType(of))


def _check(name, value, known, where) -> None:
    allowed = "a number, at least 0"
    fits = (isinstance(value, int | float) and not isinstance(value, bool)
            and math.isfinite(value) and value >= 0)
    if known.unit == "1":
        allowed, fits = "a number, 0 to 1", fits and value <= 1
    elif known.unit in ("GPUs", "ports"):
        allowed, fits = "an integer, at least 1", fits and isinstance(value, int) and value >= 1
    elif known.unit == "Gb/s":
        allowed, fits = "a number, more than 0", fits and value > 0
    if not fits:
        raise ConfigError(f"{where}: {name} = {value!r} {known.unit}: must be {allowed}")


@lru_cache(maxsize=1)
def _shipped() -> Constants:
    text = (resources.files(__name__.rpartition(".")[0]) / "constants.toml").read_text("utf-8")
    return Constants(MappingProxyType({
        f"{section}.{name}": Constant(**fields)
        for section, names in tomllib.loads(text).items() for name, fields in names.items()}))


def load_constants(path: str | Path | None = None) -> Constants:
    """The shipped constants, with those of a user's TOML file in their place.

    Parameters
    ----------
    path : str or Path, optional
        A TOML file of sections and numbers: `[photonic]`, `laser_mw = 30.0`.

    Raises
    ------
    ConfigError
        With one line that names the file, the constant, its value and what is allowed.
    """
    if path is None:
        return _shipped()
    where = f"constants {path}"
    try:
        data = tomllib.loads(Path(path).read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: cannot be read: "
                          f"{getattr(error, 'strerror', None) or error}") from None
    values = {}
    for section, names in data.items():
        if not isinstance(names, dict):
            raise ConfigError(f"{where}: {section} = {names!r}: must be in a section, as "
                              "[photonic]")
        values.update({f"{section}.{name}": value for name, value in names.items()})
    return _shipped()._changed(values, where)


def table(constants: Constants | None = None) -> str:
    """The constants as the table of docs/baseline.md."""
    lines = ["| constant | value | range | unit | kind | source |", "|---|---|---|---|---|---|"]
    for name, each in (constants or _shipped()).of.items():
        spread = f"{each.low:g}-{each.high:g}" if each.low != each.high else ""
        lines.append(f"| `{name}` | {each.value:g} | {spread} | {each.unit} | {each.kind} "
                     f"| {each.source} |")
    return "\n".join(lines)
