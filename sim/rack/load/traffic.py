"""What traffic is offered (docs/load.md, Traffic)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real

from lightloom.config import ConfigError

PATTERNS = ("uniform", "permutation", "transpose", "tornado", "bitreverse", "neighbour",
            "alltoall", "hotspot", "bursty")
"""Names of the patterns."""


@dataclass(frozen=True)
class Traffic:
    """Synthetic traffic of all endpoints.

    Parameters
    ----------
    pattern : str
        One of `PATTERNS`.
    load : float
        Flits offered per cycle, endpoint and plane, above 0 and up to 1.
    packet_flits : int or sequence of int
        Flits of a packet; of several sizes each is as likely.
    vc : int, optional
        VC of all packets; by default they go round the VCs.
    share : float
        `hotspot`: part of the packets that goes to `targets`.
    targets : sequence of int
        `hotspot`: endpoints.
    burst : float
        `bursty`: packets of a burst, in the mean.
    self_traffic : bool
        Whether endpoints send to themselves as to others.

    Raises
    ------
    ConfigError
        A value is not possible; what does not fit a rack is found when it runs.
    """

    pattern: str = "uniform"
    load: float = 0.1
    packet_flits: int | tuple[int, ...] = 1
    vc: int | None = None
    share: float = 0.1
    targets: tuple[int, ...] = (0,)
    burst: float = 16.0
    self_traffic: bool = False

    def __post_init__(self):
        _require(self.pattern in PATTERNS, "pattern", self.pattern,
                 f"must be one of {', '.join(PATTERNS)}")
        for field, least, most in (("load", 0, 1), ("share", 0, 1)):
            value = getattr(self, field)
            _require(_is(value, Real) and least < value <= most, field, value,
                     f"must be above {least} and at most {most}")
        _require(_is(self.burst, Real) and 1 <= self.burst <= 1e6, "burst", self.burst,
                 "must be 1 to 1e6 packets")
        for field in ("packet_flits", "targets"):
            value = getattr(self, field)
            each = (value,) if _is(value, Integral) else tuple(value)
            least = 1 if field == "packet_flits" else 0
            _require(each and all(_is(one, Integral) and one >= least for one in each), field,
                     value, f"must be integers of at least {least}")
            object.__setattr__(self, field, each[0] if field == "packet_flits" and len(each) == 1
                               else tuple(map(int, each)))
        _require(self.vc is None or _is(self.vc, Integral) and self.vc >= 0, "vc", self.vc,
                 "must be a VC's number, or None for all in turn")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of packets, each as likely."""
        return (self.packet_flits,) if _is(self.packet_flits, Integral) else self.packet_flits

    @property
    def mean_flits(self) -> float:
        """Of a packet."""
        return sum(self.sizes) / len(self.sizes)

    def check(self, cfg) -> None:
        """Raise ConfigError unless the rack of `cfg` can offer this traffic."""
        most, vcs, count = cfg.xbar.max_packet_flits, cfg.chiplet.vcs, cfg.rack.endpoints
        _require(max(self.sizes) <= most, "packet_flits", self.packet_flits,
                 f"must be at most xbar.max_packet_flits = {most}")
        _require(self.vc is None or self.vc < vcs, "vc", self.vc,
                 f"must be below chiplet.vcs = {vcs}")
        _require(self.pattern != "hotspot" or max(self.targets) < count, "targets", self.targets,
                 f"must be below rack.endpoints = {count}")
        rate = self.load * cfg.rack.planes
        _require(rate <= min(self.mean_flits, cfg.chiplet.host_ports)
                 and (self.pattern != "bursty" or rate <= 1), "load", self.load,
                 f"with rack.planes = {cfg.rack.planes} an endpoint makes at most one packet of "
                 f"{self.mean_flits:g} flits a cycle, on {cfg.chiplet.host_ports} host ports")


def _is(value, kind) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _require(good, field: str, value, text: str) -> None:
    if not good:
        raise ConfigError(f"traffic.{field} = {value!r}: {text}")
