"""The copper baseline: scale-up domains joined by multi-hop Ethernet (docs/baseline.md)."""

from . import claims, forms
from .graphs import all_to_all, hierarchical_all_reduce, ring_all_reduce
from .layout import Copper

__all__ = ["Copper", "all_to_all", "claims", "forms", "hierarchical_all_reduce", "ring_all_reduce"]
