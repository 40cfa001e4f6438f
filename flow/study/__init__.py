"""The study: the photonic rack of 1,024 GPUs against the copper baseline (docs/study.md)."""

from .run import run

__all__ = ["run"]
