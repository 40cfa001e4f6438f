"""Figures that BookSim2 measured, and the same of the VC router model (docs/validation.md)."""

from __future__ import annotations

from dataclasses import dataclass

from .. import config


@dataclass(frozen=True)
class Point:
    """BookSim2 on `fattree` of radix 2k and n = 2, uniform traffic, 4 VCs of 16 flits.

    `latency` is None in saturation, `accepted` in flits a cycle and endpoint.
    """

    k: int
    flits: int
    load: float
    latency: float | None
    accepted: float

    def __str__(self) -> str:
        return f"{self.k**2} endpoints, packets of {self.flits}, load {self.load:g}"


LARGE = (Point(32, 1, 0.1, 13.94, 0.1002), Point(32, 1, 0.5, 20.08, 0.4998),
         Point(32, 1, 0.8, None, 0.6415), Point(32, 4, 0.1, 18.03, 0.0999),
         Point(32, 4, 0.5, 36.53, 0.5005), Point(32, 4, 0.8, None, 0.6434))
"""1,024 endpoints, one seed."""

SMALL = (Point(4, 1, 0.1, 12.095, 0.1000), Point(4, 1, 0.3, 12.494, 0.3001),
         Point(4, 1, 0.5, 13.621, 0.4999), Point(4, 1, 0.6, 15.328, 0.6001),
         Point(4, 1, 1.0, None, 0.7616), Point(4, 4, 0.1, 15.860, 0.1009),
         Point(4, 4, 0.3, 18.578, 0.3002), Point(4, 4, 0.5, 24.733, 0.5008),
         Point(4, 4, 0.6, 31.688, 0.6007), Point(4, 4, 1.0, None, 0.7597))
"""Means of seeds 1 to 5, about 15,000 cycles each."""


def clos(k: int) -> config.Config:
    """The rack of k * k endpoints on k leaves of 2k ports, and k spines."""
    return config.override(config.load("sim"), rack__topology="clos2", rack__radix=2 * k,
                           rack__endpoints=k * k)
