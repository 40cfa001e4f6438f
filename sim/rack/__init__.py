"""Golden model of the rack (docs/rack.md)."""

from .model import RackModel
from .pair import Beats, PairModel, PairRun
from .result import RackResult
from .tasks import DELAY, MESSAGE, TaskGraph

__all__ = ["DELAY", "MESSAGE", "Beats", "PairModel", "PairRun", "RackModel", "RackResult",
           "TaskGraph"]
