"""One point of a sweep: a pure function of a configuration, traffic, a seed and faults."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ... import config, sim
from ..errors import FlowError

MODEL = (Path(config.__file__).parent, Path(sim.__file__).parent)
"""Folders whose sources decide what a point gives."""


@lru_cache
def sources() -> str:
    """Digest of the model's sources, as of the first call."""
    digest = hashlib.sha256()
    for root in MODEL:
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What a point gave.

    Attributes
    ----------
    row : scalars by name, as in a table
    arrays : arrays by name; `link_use` [link ends], `sent_by` and `received_by` [endpoints], ...
    link_names : of each link end, as in `Topology.link_names`
    seconds : wall time of the compiled loop, the one figure that differs from run to run
    """

    row: dict
    arrays: dict[str, np.ndarray]
    link_names: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Point:
    """One run, and the names that its row has in the table.

    Attributes
    ----------
    cfg : lightloom.config.Config
    work : a frozen dataclass with `columns()`, `cost(cfg)` and
        `run(cfg, faults, seed, progress)`, as `Load` and `Collective` (:mod:`.works`)
    seed : of all that is random
    fault, schedule : name and text of a schedule of faults; both empty without faults
    labels : further columns of the table, as (name, value)
    network : text of the file that `rack.file` names, if any
    """

    cfg: config.Config
    work: object
    seed: int
    fault: str = ""
    schedule: str = ""
    labels: tuple[tuple[str, object], ...] = ()
    network: str = ""

    @cached_property
    def key(self) -> str:
        """Hash of all that decides the outcome; names of profiles and files do not."""
        fields = self.cfg.model_dump(mode="json")
        del fields["name"]
        fields["rack"]["file"] = self.network
        content = {"config": fields, "work": [type(self.work).__name__, asdict(self.work)],
                   "seed": self.seed, "faults": self.schedule, "sources": sources()}
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    @property
    def columns(self) -> dict:
        """What the point is, as columns of the table."""
        return {**dict(self.labels), **self.work.columns(), "fault": self.fault,
                "seed": self.seed}

    @property
    def cost(self) -> float:
        """Expected time of the run, in no unit."""
        return self.work.cost(self.cfg)

    def run(self, progress=None) -> Outcome:
        """Build the model and run it; `progress` is called with the cycles done."""
        faults = None
        if self.schedule:
            from ...sim.rack.faults import FaultSchedule

            with _file(self.fault, self.schedule) as path:
                try:
                    faults = FaultSchedule.read(path)
                except config.ConfigError as error:
                    text = str(error).replace(str(path), self.fault)
                    raise config.ConfigError(text) from None
        with located(self.cfg, self.network) as cfg:
            return self.work.run(cfg, faults, self.seed, progress)


@contextmanager
def located(cfg, network: str):
    """`cfg`, whose `rack.file` is a file that has the text `network`."""
    if not network:
        yield cfg
        return
    with _file(cfg.rack.file, network) as path:
        yield config.override(cfg, rack__file=str(path))


@contextmanager
def _file(name: str, text: str):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(name).name or "unnamed.toml")
        path.write_text(text, encoding="utf-8")
        yield path


def run_point(point: Point, expected: str) -> Outcome:
    """Run a point in another process, whose sources must be those of the table.

    Raises
    ------
    FlowError
        When the process runs other sources than `expected`: its result would be stored under
        the key of another model.
    """
    if sources() != expected:
        raise FlowError(f"a worker runs other sources of the model ({sources()[:12]}) than this "
                        f"process ({expected[:12]}): install the same version on both")
    return point.run()
