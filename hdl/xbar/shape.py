"""Numbers of a crossbar that its parts share (docs/crossbar.md)."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm


@dataclass(frozen=True)
class Shape:
    """I inputs, O outputs, and what follows from the configuration.

    `single`: a queue for each output; `sets`: a set queue for each VC. Queues of one (input, VC)
    are numbered: those of outputs 0..O-1, then the set queue.
    """

    cfg: object
    inputs: int
    outputs: int

    def __post_init__(self):
        for name in ("inputs", "outputs"):
            if not 2 <= getattr(self, name) <= 64:
                raise ValueError(f"{name} = {getattr(self, name)}: must be 2 to 64")

    @classmethod
    def of(cls, cfg, inputs: int | None = None, outputs: int | None = None) -> Shape:
        """Default: as many inputs and outputs as a chiplet's ports."""
        ports = cfg.derived.ports
        return cls(cfg, ports if inputs is None else inputs, ports if outputs is None else outputs)

    @property
    def vcs(self) -> int:
        return self.cfg.chiplet.vcs

    @property
    def stages(self) -> int:
        return self.cfg.xbar.stages

    @property
    def single(self) -> bool:
        return self.cfg.xbar.queues == "voq"

    @property
    def sets(self) -> bool:
        return self.cfg.xbar.multicast or not self.single

    @property
    def queues(self) -> int:
        """Queues of one (input, VC)."""
        return self.outputs * self.single + self.sets

    @property
    def requesters(self) -> int:
        """Q: inputs for their queues to single outputs, then for their set queues."""
        return self.inputs * (self.single + self.sets)

    @property
    def candidates(self) -> int:
        """C: what an input picks from: outputs, then VCs of its set queues."""
        return self.outputs * self.single + self.vcs * self.sets

    @property
    def slots(self) -> int:
        """L: slots of a schedule."""
        return 4 * self.vcs

    @property
    def index_bits(self) -> int:
        """Numbers a destination or a slot."""
        return max(self.cfg.derived.id_bits, (self.slots - 1).bit_length())

    @property
    def turns(self) -> int:
        """Pointers of an input."""
        return lcm(self.vcs, self.stages)

    @property
    def depth(self) -> int:
        return self.cfg.xbar.vc_depth
