"""Golden model of one link end, cycle by cycle, errors included (docs/link.md)."""

from .end import EndModel
from .ports import Beat, Flit, Inputs, Outputs, State, Status

__all__ = ["Beat", "EndModel", "Flit", "Inputs", "Outputs", "State", "Status"]
