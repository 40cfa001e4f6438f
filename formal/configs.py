"""Configurations of the proofs: as small as the statement allows, and below what a file may ask."""

from dataclasses import replace
from types import SimpleNamespace

from ..config import load


def with_deskew_depth(depth: int):
    return SimpleNamespace(derived=SimpleNamespace(deskew_depth=depth))


def small(**changes):
    """The profile `sim` with fields replaced, its relations between fields not checked.

    A ring of 4 flits covers no round trip, but is as good as a larger one for what is proven.
    """
    cfg = load("sim")
    sections = {}
    for path, value in changes.items():
        section, field = path.split("__")
        sections.setdefault(section, {})[field] = value
    return cfg.model_copy(update={
        section: getattr(cfg, section).model_copy(update=fields)
        for section, fields in sections.items()})


LINK = small(chiplet__flit_bytes=16, chiplet__vcs=2, chiplet__endpoints=2, serdes__lanes=1,
             link__frame_flits=3, link__replay_flits=4, link__keepalive_cycles=16,
             xbar__vc_depth=4)
"""R = 4, F = 3, D = 4, 2 VCs: the link of the proofs."""


def timed(cfg, **delays):
    """`cfg` with delays that it derives replaced, so that a bounded search sees them pass."""
    return SimpleNamespace(
        chiplet=cfg.chiplet, serdes=cfg.serdes, link=cfg.link, xbar=cfg.xbar,
        derived=replace(cfg.derived, **delays))


END = timed(LINK, round_trip=2)
"""A whole end of that link, which is up a few cycles after its reset."""
