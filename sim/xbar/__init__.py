"""Golden model of the crossbar (docs/crossbar.md)."""

from .group import xbars_step
from .model import CrossbarModel, Delivered
from .shape import MAX_PORTS, Shape
from .state import XbarState, make_xbars
from .step import xbar_step
from .tables import (
    ALL,
    DEFAULT,
    DENIED,
    NO_ENTRY,
    ONE,
    PERMIT,
    ROUTE,
    SLOT,
    SOURCE,
    STRICT,
    Entries,
    make_entries,
)

__all__ = ["ALL", "DEFAULT", "DENIED", "MAX_PORTS", "NO_ENTRY", "ONE", "PERMIT", "ROUTE", "SLOT",
           "SOURCE", "STRICT", "CrossbarModel", "Delivered", "Entries", "Shape", "XbarState",
           "make_entries", "make_xbars", "xbar_step", "xbars_step"]
