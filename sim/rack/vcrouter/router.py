"""What an input-queued virtual-channel router is built with."""

from __future__ import annotations

from dataclasses import dataclass

from lightloom.config import ConfigError
from lightloom.sim.wires import SLOTS

MAX_VCS = 8
"""A credit wire carries a pulse for each VC in a byte."""


@dataclass(frozen=True)
class VCRouter:
    """Sizes and delays of all routers of a network (docs/validation.md, Router).

    Attributes
    ----------
    vcs, depth : VCs of a port, and flits that each buffers
    traverse : cycles from the switch allocation's grant to the output
    link : cycles of flight of a link, flits and credits alike; its end has a register, one more
    credit_delay : cycles from a credit's arrival at a router to its use
    """

    vcs: int = 4
    depth: int = 16
    traverse: int = 1
    link: int = 1
    credit_delay: int = 2

    def __post_init__(self):
        for name, least, most in (("vcs", 1, MAX_VCS), ("depth", 1, 1 << 15), ("traverse", 0, 5),
                                  ("link", 1, 6), ("credit_delay", 0, 5)):
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"router {name} = {getattr(self, name)}: "
                                  f"must be {least}..{most}")
        for name in ("traverse", "credit_delay"):
            if self.channel + getattr(self, name) >= SLOTS:
                raise ConfigError(f"router link = {self.link} and {name} = {getattr(self, name)}: "
                                  f"together at most {SLOTS - 2}")

    @property
    def channel(self) -> int:
        """Cycles from what is sent to what can be received."""
        return self.link + 1
