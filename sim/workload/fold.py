"""Fold compute nodes into the time that must pass between communications."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .schema import NodeType

START = -1
"""Stands for the beginning of the trace among an operation's predecessors."""


def fold(ops: Iterable, end) -> tuple:
    """Keep communications only; give each the delays from those that it waits for.

    Delays do not compete for anything, so what a communication waits for is, over all paths of
    compute nodes that lead to it from an earlier communication, the longest. This is exact, and
    a recorded trace of thousands of kernels becomes as many tasks as it communicates.

    Parameters
    ----------
    ops : iterable of Op
        In an order that honours `deps`.
    end : Op
        Kept as the last where compute follows the last communication.

    Returns
    -------
    tuple of Op
        With `after` set and `deps` empty. Predecessors that another one implies are left out.
    """
    calls, paths, followed = [], [], set()
    for op in ops:
        followed.update(op.deps)
        before = _merge((paths[dep] for dep in op.deps), calls)
        if op.kind == NodeType.COMP_NODE:
            paths.append({call: ns + op.delay_ns for call, ns in before.items()})
        else:
            paths.append({len(calls): 0})
            calls.append(replace(op, deps=(), after=tuple(before.items())))
    last = _merge((path for index, path in enumerate(paths) if index not in followed), calls)
    if any(ns for ns in last.values()):
        calls.append(replace(end, after=tuple(last.items())))
    return tuple(calls)


def _merge(paths, calls) -> dict[int, int]:
    """Longest path from each earlier communication, without the implied ones."""
    longest = {}
    for path in paths:
        for call, ns in path.items():
            longest[call] = max(longest.get(call, 0), ns)
    if not longest:
        return {START: 0}
    implied = {
        early for call, ns in longest.items() if call != START
        for early, gap in calls[call].after if longest.get(early, gap + ns + 1) <= gap + ns}
    return {call: ns for call, ns in longest.items() if call not in implied}
