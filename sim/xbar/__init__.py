"""Golden model of the crossbar (docs/crossbar.md)."""

from .model import CrossbarModel, Delivered
from .state import MAX_PORTS, XbarState, make_xbars
from .step import xbar_step

__all__ = ["MAX_PORTS", "CrossbarModel", "Delivered", "XbarState", "make_xbars", "xbar_step"]
