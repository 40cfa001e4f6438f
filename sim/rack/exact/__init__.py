"""The rack bit by bit: errors on its fibres, and lanes that die (docs/minirack.md)."""

from .faults import LineFaults
from .lane import LaneReceiver
from .model import ExactModel, ExactRun
from .receive import AdapterReceiver
from .transmit import AdapterTransmitter

__all__ = ["AdapterReceiver", "AdapterTransmitter", "ExactModel", "ExactRun", "LaneReceiver",
           "LineFaults"]
