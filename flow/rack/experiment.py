"""An experiment: lists of configurations, traffic, faults and seeds, whose product is a sweep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product

from ...config import Config
from ..errors import FlowError
from .fields import listed, network, schedules
from .point import Point
from .works import Collective, Load

MOST = 100_000
"""Points of one experiment; more is a slip of the pen."""

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
    collectives, nbytes, levels : (collective, algorithm), bytes of a rank, "flit" or "flow";
        beside the loads, and without seeds: nothing in them is random
    """

    configs: list[tuple[Config, dict]]
    loads: list[float]
    patterns: list[dict]
    packet_flits: list[int]
    seeds: list[int]
    faults: list[tuple[str, str]]
    cycles: int
    warmup: int | None = None
    collectives: list[tuple[str, str]] = field(default_factory=list)
    nbytes: list[int] = field(default_factory=list)
    levels: list[str] = field(default_factory=lambda: ["flow"])

    def points(self) -> list[Point]:
        """The product, the seeds last: a curve's points follow one another.

        Raises
        ------
        ConfigError
            When a pattern or a load is none of the model's.
        FlowError
            When a list is empty, or the product is too large.
        """
        self._check()
        networks = [network(cfg) for cfg, _ in self.configs]
        racks = list(zip(self.configs, networks, strict=True))
        found = [Point(cfg, work, seed, name, text, tuple(labels.items()), network)
                 for ((cfg, labels), network), (name, text), work, seed
                 in product(racks, self.faults, self._loads(), self.seeds)]
        collectives = [Collective(*which, nbytes, level) for which, nbytes, level
                       in product(self.collectives, self.nbytes, self.levels)]
        return found + [
            Point(cfg, work, 0, name, text, tuple(labels.items()), network)
            for ((cfg, labels), network), (name, text), work
            in product(racks, self.faults, collectives) if not text or work.level == "flit"]

    def _loads(self) -> list[Load]:
        from ...sim.rack.load import Traffic

        works = []
        for pattern, flits, load in product(self.patterns, self.packet_flits, self.loads):
            try:
                traffic = Traffic(**{**pattern, "packet_flits": flits, "load": load})
            except TypeError as error:
                raise FlowError(f"pattern {pattern}: {error}") from None
            for cfg, _ in self.configs:
                traffic.check(cfg)
            works.append(Load.of(traffic, self.cycles, self.warmup))
        return works

    def _check(self) -> None:
        each = ("configs", "loads", "patterns", "packet_flits", "seeds", "faults")
        if self.collectives:
            each = ("configs", "faults", "nbytes", "levels")
        for name in each:
            if not getattr(self, name):
                raise FlowError(f"{name}: empty, at least one is needed")
        shared = len(self.configs) * len(self.faults)
        count = shared * (
            len(self.loads) * len(self.patterns) * len(self.packet_flits) * len(self.seeds)
            + len(self.collectives) * len(self.nbytes) * len(self.levels))
        if count > MOST:
            raise FlowError(f"{count:,} points: at most {MOST:,} in one experiment")
        _whole("cycles", self.cycles, 1)
        if self.warmup is not None:
            _whole("warmup", self.warmup, 0)
            if self.warmup >= self.cycles:
                raise FlowError(f"warmup = {self.warmup}: must be less than cycles = {self.cycles}")
        for seed in self.seeds:
            _whole("seeds", seed, 0)


def make(configs: Config | dict | list, *, loads: Iterable[float] = (), seeds=1,
         patterns="uniform", packet_flits=1, faults=(), cycles: int = 20_000,
         warmup: int | None = None, collectives=(), nbytes=(), levels="flow") -> Experiment:
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
    collectives : names, each with an algorithm or without: "all-reduce ring"
    nbytes, levels : of the collectives
    """
    if isinstance(configs, Config):
        configs = [(configs, {})]
    elif isinstance(configs, dict):
        configs = [(cfg, {"variant": name}) for name, cfg in configs.items()]
    return Experiment(
        configs, [float(load) if isinstance(load, int) else load for load in listed(loads)],
        [{"pattern": each} if isinstance(each, str) else dict(each) for each in listed(patterns)],
        listed(packet_flits),
        list(range(1, seeds + 1)) if isinstance(seeds, int) else listed(seeds),
        list(faults.items()) if isinstance(faults, dict) else schedules(faults), cycles, warmup,
        [_collective(name) for name in listed(collectives)], listed(nbytes), listed(levels))


def _collective(name: str) -> tuple[str, str]:
    collective, _, algorithm = name.partition(" ")
    return collective, algorithm.strip()


def _whole(name: str, value, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise FlowError(f"{name} = {value!r}: must be a whole number, at least {least}")
