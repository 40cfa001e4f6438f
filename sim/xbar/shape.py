"""What a crossbar is built with: sizes and features (docs/crossbar.md)."""

from __future__ import annotations

from dataclasses import dataclass

HASH, OCCUPANCY, LOWEST = range(3)
"""How one output of a set is chosen."""

ECMP = {"hash": HASH, "occupancy": OCCUPANCY, "lowest": LOWEST}
MAX_PORTS, MAX_VCS, MAX_DESTINATIONS = 64, 8, 4096
"""Ports are the bits of a word; the rest is what a flit's word holds."""


@dataclass(frozen=True)
class Shape:
    """I inputs, O outputs, V VCs; the defaults are the plain crossbar.

    `depth` is D and `credits` K, slots for each VC; `destinations` is M. `idle_sets`: no packet of
    kind ALL will come, so set queues for them need not be stepped.
    """

    inputs: int
    outputs: int
    vcs: int
    depth: int
    credits: int
    destinations: int = MAX_DESTINATIONS
    stages: int = 1
    rounds: int = 1
    queues: str = "voq"
    ecmp: str = "hash"
    multicast: bool = False
    source_routing: bool = False
    voq_limit: int = 0
    hold_cycles: int = 16384
    statistics: bool = False
    idle_sets: bool = False

    def __post_init__(self):
        for name, limit in (("inputs", MAX_PORTS), ("outputs", MAX_PORTS), ("vcs", MAX_VCS),
                            ("destinations", MAX_DESTINATIONS)):
            if not 1 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} = {getattr(self, name)}: a crossbar of the model has "
                                 f"1 to {limit}")

    @classmethod
    def of(cls, cfg, inputs: int | None = None, outputs: int | None = None) -> Shape:
        """That of a :class:`lightloom.config.Config`; by default as many ports as its chiplet."""
        ports, xbar = cfg.derived.ports, cfg.xbar
        return cls(
            inputs=ports if inputs is None else inputs,
            outputs=ports if outputs is None else outputs,
            vcs=cfg.chiplet.vcs, depth=xbar.vc_depth, credits=xbar.egress_depth,
            destinations=1 << cfg.derived.id_bits, stages=xbar.stages, rounds=xbar.iterations,
            queues=xbar.queues, ecmp=xbar.ecmp, multicast=xbar.multicast,
            source_routing=xbar.source_routing, voq_limit=xbar.voq_limit,
            hold_cycles=xbar.hold_cycles, statistics=xbar.statistics)

    @property
    def fifo(self) -> bool:
        """Whether set queues are all there is."""
        return self.queues == "fifo"

    @property
    def sets(self) -> bool:
        """Whether there are set queues to be stepped."""
        return self.fifo or (self.multicast and not self.idle_sets)

    @property
    def queue_count(self) -> int:
        """Queues of one (input, VC); the set queue is the last."""
        return 1 if self.fifo else self.outputs + self.sets

    @property
    def requesters(self) -> int:
        """Q."""
        return self.inputs * (1 + (self.multicast and not self.fifo))

    @property
    def candidates(self) -> int:
        """C."""
        return self.vcs if self.fifo else self.outputs + self.vcs * self.multicast
