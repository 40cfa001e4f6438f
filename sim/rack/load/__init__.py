"""Open-loop load runs of the rack model: synthetic traffic and its statistics (docs/load.md)."""

from .audit import ConservationError
from .result import Combined, LoadResult, combine
from .run import DeadlockError
from .traffic import PATTERNS, Traffic

__all__ = ["PATTERNS", "Combined", "ConservationError", "DeadlockError", "LoadResult", "Traffic",
           "combine"]
