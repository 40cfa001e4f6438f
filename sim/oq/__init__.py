"""Output-queued networks, packet by packet: the ideal switch, the copper baseline
(docs/baseline.md)."""

from .model import OQModel
from .network import FLOW, PACKET, SHORTEST, Builder, Network, ideal, single_stage
from .result import LoadRun, TaskRun
from .traffic import Arrivals, bernoulli, permutation, poisson, uniform

__all__ = ["FLOW", "PACKET", "SHORTEST", "Arrivals", "Builder", "LoadRun", "Network", "OQModel",
           "TaskRun", "bernoulli", "ideal", "permutation", "poisson", "single_stage", "uniform"]
