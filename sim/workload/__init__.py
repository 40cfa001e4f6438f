"""Workloads: MLCommons Chakra execution traces, read, generated, and lowered to tasks."""

from importlib import resources
from pathlib import Path

from .collectives import ALGORITHMS
from .errors import TraceError
from .gpt import generate
from .lowering import collective_graph, load
from .stragglers import Stragglers

DEFAULT_TRACE = Path(str(resources.files(__name__) / "traces" / "gpt.et"))
"""The GPT training step over 1,024 GPUs that :func:`generate` writes by default."""

DEFAULT_SKIP = 68
"""Communications of :data:`DEFAULT_TRACE` before the backward pass of the last layer has its
gradients: the next two are a tensor- and a data-parallel one, and begin together."""

__all__ = ["ALGORITHMS", "DEFAULT_SKIP", "DEFAULT_TRACE", "Stragglers", "TraceError",
           "collective_graph", "generate", "load"]
