"""What a point runs: synthetic traffic at some load, or one collective."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .point import Outcome

ARRAYS = ("histogram", "link_use", "sent_by", "received_by")


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
        return {"pattern": " ".join([given["pattern"], *extra]),
                "packet_flits": given["packet_flits"], "load": given["load"]}

    def cost(self, cfg) -> float:
        """A flit costs most of the time, an idle node a little."""
        return cfg.rack.endpoints * self.cycles * (0.1 + dict(self.traffic)["load"])

    def run(self, model, seed: int, progress=None) -> Outcome:
        """One run from reset."""
        from ...sim.rack.load import Traffic

        result = model.load(Traffic(**dict(self.traffic)), seed=seed, cycles=self.cycles,
                            warmup=self.warmup, progress=progress)
        # The columns say what was asked for; a row repeats none of them.
        row = {name: value for name, value in result.row().items()
               if name not in ("seconds", "cpu_seconds", "seed", *self.columns())}
        return Outcome(row, {name: np.asarray(getattr(result, name)) for name in ARRAYS},
                       tuple(result.link_names), float(result.seconds))
