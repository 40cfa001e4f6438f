"""An experiment: lists of configurations, traffic, faults and seeds, whose product is a sweep."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ... import config
from ...config import Config
from ..errors import FlowError
from .point import Point
from .works import Load

MOST = 100_000
"""Points of one experiment; more is a slip of the pen."""

FIELDS = ("profile", "set", "vary", "variants", "patterns", "loads", "packet_flits", "seeds",
          "faults", "cycles", "warmup")


@dataclass(frozen=True)
class Experiment:
    """Lists, each of which multiplies the points (docs/sweeps.md).

    Attributes
    ----------
    configs : configurations, each with further columns of the table, as a dict
    patterns : fields of a `Traffic` but for its load and its packets' size, as dicts
    loads : flits a cycle, endpoint and plane, as offered
    packet_flits : sizes of packets
    seeds : of all that is random
    faults : name and text of each schedule of faults; "" and "" for none
    cycles, warmup : of each run; a `warmup` of None is detected
    """

    configs: list[tuple[Config, dict]]
    loads: list[float]
    patterns: list[dict]
    packet_flits: list[int]
    seeds: list[int]
    faults: list[tuple[str, str]]
    cycles: int
    warmup: int | None = None

    def points(self) -> list[Point]:
        """The product, the seeds last: a curve's points follow one another.

        Raises
        ------
        ConfigError
            When a pattern or a load is none of the model's.
        FlowError
            When a list is empty, or the product is too large.
        """
        from ...sim.rack.load import Traffic

        count = 1
        for name in ("configs", "loads", "patterns", "packet_flits", "seeds", "faults"):
            count *= len(getattr(self, name))
            if not getattr(self, name):
                raise FlowError(f"{name}: empty, at least one is needed")
        if count > MOST:
            raise FlowError(f"{count:,} points: at most {MOST:,} in one experiment")
        _whole("cycles", self.cycles, 1)
        if self.warmup is not None:
            _whole("warmup", self.warmup, 0)
            if self.warmup >= self.cycles:
                raise FlowError(f"warmup = {self.warmup}: must be less than cycles = {self.cycles}")
        for seed in self.seeds:
            _whole("seeds", seed, 0)
        networks = [_network(cfg) for cfg, _ in self.configs]
        works = []
        for pattern, flits, load in product(self.patterns, self.packet_flits, self.loads):
            try:
                traffic = Traffic(**{**pattern, "packet_flits": flits, "load": load})
            except TypeError as error:
                raise FlowError(f"pattern {pattern}: {error}") from None
            for cfg, _ in self.configs:
                traffic.check(cfg)
            works.append(Load.of(traffic, self.cycles, self.warmup))
        return [Point(cfg, work, seed, name, text, tuple(labels.items()), network)
                for ((cfg, labels), network), (name, text), work, seed
                in product(zip(self.configs, networks, strict=True), self.faults, works,
                           self.seeds)]


def make(configs: Config | dict | list, *, loads: Iterable[float], seeds=1, patterns="uniform",
         packet_flits=1, faults=(), cycles: int = 20_000, warmup: int | None = None,
         ) -> Experiment:
    """An experiment from Python values; one value stands for a list of it.

    Parameters
    ----------
    configs : Config, or dict of name to Config
    loads : floats
    seeds : int or ints
        A number n stands for the seeds 1..n.
    patterns : names of patterns, or dicts of a Traffic's fields
    packet_flits : ints
    faults : paths
        Of schedules, each beside a run without; or a dict of name to text, where "" is the run
        without.
    cycles, warmup : int
    """
    if isinstance(configs, Config):
        configs = [(configs, {})]
    elif isinstance(configs, dict):
        configs = [(cfg, {"variant": name}) for name, cfg in configs.items()]
    return Experiment(
        configs, [float(load) if isinstance(load, int) else load for load in _list(loads)],
        [{"pattern": each} if isinstance(each, str) else dict(each) for each in _list(patterns)],
        _list(packet_flits),
        list(range(1, seeds + 1)) if isinstance(seeds, int) else _list(seeds),
        list(faults.items()) if isinstance(faults, dict) else schedules(faults), cycles, warmup)


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
        found.append((name, _text(path, "faults")))
    return found


def read(path: str | Path) -> Experiment:
    """Read an experiment from a TOML file.

    Raises
    ------
    FlowError
        When it cannot be read, or has a field that no experiment has.
    ConfigError
        When a configuration of it cannot work.
    """
    path = Path(path)
    try:
        data = tomllib.loads(_text(path, "experiment"))
    except tomllib.TOMLDecodeError as error:
        raise FlowError(f"experiment {path}: not valid TOML: {error}") from None
    for name in data:
        if name not in FIELDS:
            raise FlowError(f"experiment {path}: {name}: no such field; there are "
                            f"{', '.join(FIELDS)}")
    if "loads" not in data:
        raise FlowError(f"experiment {path}: loads: missing, required")
    # Paths in the file are from its own folder.
    def beside(name):
        return str(name) if name in config.profiles() else str(path.parent / name)

    variants = data.get("variants", {"": {}})
    if not isinstance(variants, dict) or not all(isinstance(v, dict) for v in variants.values()):
        raise FlowError(f"experiment {path}: variants: must be tables, as [variants.torus]")
    cfg = config.load(beside(data.get("profile", "sim")))
    common = flat(data.get("set", {}))
    configs = combined(cfg, {name: {**common, **flat(fields)} for name, fields in variants.items()},
                       flat(data.get("vary", {})), beside)
    options = {name: data[name] for name in ("seeds", "patterns", "packet_flits", "cycles",
                                             "warmup") if name in data}
    return make(configs, loads=data["loads"],
                faults=[beside(name) for name in _list(data.get("faults", []))], **options)


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
        for values in product(*map(_list, vary.values())):
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


def _list(value) -> list:
    one = isinstance(value, str | int | float | dict | Path)
    return [value] if one else list(value)


def _whole(name: str, value, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise FlowError(f"{name} = {value!r}: must be a whole number, at least {least}")


def _network(cfg: Config) -> str:
    uses = cfg.rack.topology == "file" and cfg.rack.file
    return _text(Path(cfg.rack.file), "rack.file") if uses else ""


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FlowError(f"{what} {path}: cannot be read: {reason}") from None
