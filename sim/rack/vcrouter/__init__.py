"""Input-queued virtual-channel routers in the rack's topologies (docs/validation.md)."""

from .model import VCLoad, VCRouterModel
from .router import VCRouter

__all__ = ["VCLoad", "VCRouter", "VCRouterModel"]
