"""Flow-level model of the rack: long workloads as flows over links (docs/flows.md)."""

from .latency import Timing
from .model import FlowModel
from .result import CollectiveResult, FlowResult, TraceResult

__all__ = ["CollectiveResult", "FlowModel", "FlowResult", "Timing", "TraceResult"]
