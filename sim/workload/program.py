"""A trace as what its ranks do together, before anything is lowered to messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import TraceError
from .groups import read_groups
from .locate import locate
from .reader import Trace, read_trace
from .schedule import Step, own_programs, same_program
from .schema import NodeType


@dataclass(frozen=True)
class Program:
    """Steps in an order that honours dependencies, of `ranks` ranks.

    Rank r's node `position` has the number `first[r] + position` among those of all ranks.
    """

    path: Path
    traces: list[Trace]
    ranks: int
    first: np.ndarray       # int64[ranks + 1]
    steps: Iterator[Step]

    def after(self, step: Step) -> list[tuple[np.ndarray, tuple]]:
        """(ranks int32[...], (position, ns) of what their node waits for) of all its ranks."""
        if step.positions.ndim == 0:     # one program: all ranks wait for the same nodes
            return [(step.ranks, step.op.after)]
        return [(np.array([rank], np.int32), self.traces[rank].ops[position].after)
                for rank, position in zip(step.ranks.flat, step.positions.flat, strict=True)]


def read_program(path: str | Path, cfg, ranks: int | None = None) -> Program:
    """Read a trace; rank r is endpoint r.

    Parameters
    ----------
    path : str or Path
        A folder, a file or a prefix (:func:`.locate.locate`).
    cfg : lightloom.config.Config
    ranks : int, optional
        How many ranks a single file stands for; by default its metadata's `ranks`, or one for
        each endpoint. For a trace of several files it must be their number.

    Raises
    ------
    TraceError
        One line that names file, node, field, value and what is allowed.
    """
    files, sidecar = locate(path)
    first = read_trace(files[0])
    traces = [first, *map(read_trace, files[1:])]
    count = _rank_count(path, traces, ranks, cfg)
    groups = read_groups(count, first, sidecar)
    if len(traces) == 1:
        steps, lengths = same_program(first, groups), [len(first.ops)] * count
    else:
        steps, lengths = own_programs(traces, groups), [len(trace.ops) for trace in traces]
    return Program(Path(path), traces, count, np.concatenate([[0], np.cumsum(lengths)]), steps)


def root_of(step: Step) -> int:
    """Place of the root in its group."""
    root = step.op.root
    return 0 if root is None else int(np.nonzero(step.ranks[0] == root)[0][0])


def communicates(step: Step) -> bool:
    return step.op.kind != NodeType.COMP_NODE


def _rank_count(path, traces, ranks, cfg) -> int:
    if len(traces) == 1:
        count = ranks
        if count is None:
            count = traces[0].metadata.get("ranks", cfg.rack.endpoints)
        if not isinstance(count, int) or count < 1:
            raise TraceError(f"trace {path}: ranks = {count!r}: must be an integer >= 1")
    else:
        count = len(traces)
        if ranks not in (None, count):
            raise TraceError(f"trace {path}: ranks = {ranks}: this trace has {count} rank files")
    if count > cfg.rack.endpoints:
        raise TraceError(f"trace {path}: {count} ranks: the rack has "
                         f"rack.endpoints = {cfg.rack.endpoints}, which must be at least as many")
    return count
