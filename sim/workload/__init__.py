"""Workloads: MLCommons Chakra execution traces, read, generated, and lowered to tasks."""

from importlib import resources
from pathlib import Path

from .errors import TraceError
from .gpt import generate
from .lowering import load

DEFAULT_TRACE = Path(str(resources.files(__name__) / "traces" / "gpt.et"))
"""The GPT training step over 1,024 GPUs that :func:`generate` writes by default."""

__all__ = ["DEFAULT_TRACE", "TraceError", "generate", "load"]
