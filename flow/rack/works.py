"""What a point runs: synthetic traffic at some load, or one collective."""

from __future__ import annotations

from dataclasses import dataclass, fields
from time import perf_counter

import numpy as np

from ..errors import CheckError, FlowError
from .point import Outcome

ARRAYS = ("histogram", "link_use", "sent_by", "received_by")

LEVELS = ("flit", "flow")

MOST_CYCLES = 3_000_000
"""Of a collective at flit level: some hours on 1,024 GPUs."""


@dataclass(frozen=True)
class Load:
    """Open-loop traffic (`lightloom.sim.rack.load.Traffic`) for some cycles.

    Attributes
    ----------
    traffic : fields of the `Traffic`, as (name, value) in the order of names
    cycles : core cycles to simulate
    warmup : cycles that count for nothing; None: detected
    """

    traffic: tuple[tuple[str, object], ...]
    cycles: int
    warmup: int | None = None

    @classmethod
    def of(cls, traffic, cycles: int, warmup: int | None = None) -> Load:
        """From a `Traffic`."""
        each = sorted((f.name, getattr(traffic, f.name)) for f in fields(traffic))
        return cls(tuple(each), cycles, warmup)

    def columns(self) -> dict:
        """Pattern with its parameters, size of packets, load."""
        from ...sim.rack.load import Traffic

        given = dict(self.traffic)
        usual = {f.name: f.default for f in fields(Traffic)}
        extra = [f"{name}={value}" for name, value in self.traffic
                 if name not in ("pattern", "load", "packet_flits") and value != usual[name]]
        sizes = given["packet_flits"]
        return {"pattern": " ".join([given["pattern"], *extra]),
                "packet_flits": sizes if isinstance(sizes, int) else "/".join(map(str, sizes)),
                "load": given["load"]}

    def cost(self, cfg) -> float:
        """A flit costs most of the time, an idle node a little."""
        return cfg.rack.endpoints * self.cycles * (0.1 + dict(self.traffic)["load"])

    def run(self, cfg, faults, seed: int, progress=None) -> Outcome:
        """One run from reset."""
        from ...sim.rack import RackModel
        from ...sim.rack.load import Traffic

        model = RackModel(cfg, faults=faults)
        result = model.load(Traffic(**dict(self.traffic)), seed=seed, cycles=self.cycles,
                            warmup=self.warmup, progress=progress)
        # The columns say what was asked for; a row repeats none of them.
        row = {name: value for name, value in result.row().items()
               if name not in ("seconds", "cpu_seconds", "seed", *self.columns())}
        return Outcome(row, {name: np.asarray(getattr(result, name)) for name in ARRAYS},
                       tuple(result.link_names), float(result.seconds))


@dataclass(frozen=True)
class Collective:
    """One collective of all GPUs on an idle rack.

    Attributes
    ----------
    collective, algorithm : as in `lightloom.sim.workload.ALGORITHMS`
    nbytes : of one rank's input
    level : "flit", cycle by cycle, or "flow"
    """

    collective: str
    algorithm: str
    nbytes: int
    level: str = "flow"

    def __post_init__(self):
        from ...sim.workload import ALGORITHMS

        if self.collective not in ALGORITHMS:
            raise FlowError(f"collective {self.collective!r}: not one of {', '.join(ALGORITHMS)}")
        known = ALGORITHMS[self.collective]
        if not self.algorithm:
            object.__setattr__(self, "algorithm", known[0])
        if self.algorithm not in known:
            raise FlowError(f"algorithm {self.algorithm!r} of {self.collective}: not one of "
                            f"{', '.join(known)}")
        if self.level not in LEVELS:
            raise FlowError(f"level {self.level!r}: not one of {', '.join(LEVELS)}")
        if not isinstance(self.nbytes, int) or isinstance(self.nbytes, bool) or self.nbytes < 1:
            raise FlowError(f"bytes = {self.nbytes!r}: must be a whole number, at least 1")

    def columns(self) -> dict:
        """Collective, algorithm, bytes, level."""
        return {"collective": self.collective, "algorithm": self.algorithm,
                "nbytes": self.nbytes, "level": self.level}

    def cost(self, cfg) -> float:
        """Flits through the rack; a flow is cheap."""
        flits = self.nbytes / cfg.chiplet.flit_bytes * cfg.rack.endpoints
        return flits * (1 if self.level == "flit" else 1e-4) + 1000

    def run(self, cfg, faults, seed: int, progress=None) -> Outcome:
        """From the entry of all ranks to the last delivery."""
        from ...sim.flows import FlowModel
        from .bounds import bound_cycles

        if faults is not None and self.level == "flow":
            raise FlowError("faults: a collective with faults needs the level 'flit'")
        begin = perf_counter()
        flow = FlowModel(cfg).collective(self.collective, self.nbytes, algorithm=self.algorithm)
        cycles, use, names = flow.cycles, flow.links["use"], flow.links["link"]
        if self.level == "flit":
            cycles, use, names = self._flits(cfg, faults, flow.cycles, progress)
        us = 1 / cfg.chiplet.core_mhz
        bound = bound_cycles(cfg, self.collective, self.algorithm, cfg.rack.endpoints, self.nbytes)
        row = {"completion_cycles": float(cycles), "us": cycles * us, "bound_us": bound * us,
               "busiest_link_us": flow.bound_cycles * us,
               "of_bound": float(cycles / bound) if bound else float("nan")}
        return Outcome(row, {"link_use": np.asarray(use, float)}, tuple(names),
                       perf_counter() - begin)

    def _flits(self, cfg, faults, expected: float, progress):
        from ...sim.rack import RackModel
        from ...sim.workload import collective_graph

        graph = collective_graph(cfg, self.collective, self.nbytes, algorithm=self.algorithm)
        model, horizon = RackModel(cfg, faults=faults), int(1.3 * expected) + 2000
        for _ in range(4):
            if horizon > MOST_CYCLES:
                raise FlowError(f"{self.collective} of {self.nbytes:,} bytes: {horizon:,} cycles "
                                f"at flit level, at most {MOST_CYCLES:,}; take the level 'flow'")
            result = model.run(graph, horizon, bucket=horizon, progress=progress)
            if (result.task_done >= 0).all():
                cycles = int(result.task_done.max())
                return cycles, result.link_flits.sum(axis=0) / cycles, result.link_names
            horizon *= 2
        raise CheckError(f"{self.collective} of {self.nbytes:,} bytes: not done in "
                         f"{horizon // 2:,} cycles")
