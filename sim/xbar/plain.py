"""Crossbars of which nothing but the usual is asked: their loops are compiled without the rest."""

from __future__ import annotations

from lightloom.sim.compiled import constants

_USUAL = {"stages": 1, "rounds": 1, "fifo": False, "sets": False, "source_routing": False,
          "counting": False, "statistics": False}

plain = constants(**_USUAL, fails=False)
"""The state of crossbars that :func:`is_plain` and no output of which is ever down."""


def is_plain(state) -> bool:
    """Whether a loop compiled for :data:`plain` crossbars steps these."""
    return all(getattr(state, name) == value for name, value in _USUAL.items())
