"""All ranks' nodes in one order: collectives of a group matched between its ranks."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .errors import TraceError
from .fold import START
from .groups import Groups
from .reader import Op, Trace
from .schema import NodeType


@dataclass(slots=True)
class Step:
    """A communication as its ranks do it together, or the end of a trace.

    `ranks` int32[groups, n]: for a collective each row is one group, else each row is one rank.
    `positions` are the node's places in those ranks' traces (broadcast against `ranks`).
    `matched` is the (rank, position) of the send that a receive waits for.
    """

    op: Op
    ranks: np.ndarray
    positions: np.ndarray
    matched: tuple[int, int] | None = None


def where(trace: Trace, op: Op) -> str:
    """How errors name a node."""
    return f"trace {trace.path}: node {op.id} ({op.name})"


def same_program(trace: Trace, groups: Groups) -> Iterator[Step]:
    """Steps of a single trace that stands for every rank."""
    every = np.arange(groups.ranks, dtype=np.int32)[:, None]
    for position, op in enumerate(trace.ops):
        ranks = every
        if op.kind == NodeType.COMM_COLL_NODE:
            ranks = groups.family(op.group, where(trace, op))
            if ranks.size < groups.ranks:
                raise TraceError(
                    f"{where(trace, op)}: pg_name = {op.group!r}: this trace stands for all "
                    f"{groups.ranks} ranks, and rank "
                    f"{np.setdiff1d(every, ranks)[0]} is not in this group")
            _check_root(trace, op, ranks)
        elif op.kind != NodeType.COMP_NODE:
            raise TraceError(f"{where(trace, op)}: type = {op.kind.name}: sends and receives "
                             "need a trace with one file a rank")
        yield Step(op, ranks, np.array(position))


def own_programs(traces: list[Trace], groups: Groups) -> Iterator[Step]:
    """Steps of one trace a rank.

    The k-th collective of a rank on a group is the k-th of every other rank on it, and the k-th
    send from a to b with a tag is the k-th receive, as in NCCL and MPI.
    """
    steps = _match(traces, groups)
    owner = {}      # (rank, position) -> index of its step
    for index, step in enumerate(steps):
        for member in _members(step):
            owner[member] = index
    waits, following = [0] * len(steps), [[] for _ in steps]
    for index, step in enumerate(steps):
        needs = {owner[rank, dep] for rank, position in _members(step)
                 for dep, _ in traces[rank].ops[position].after if dep != START}
        if step.matched:
            needs.add(owner[step.matched])
        waits[index] = len(needs)
        for need in needs:
            following[need].append(index)

    rank_order = [(int(step.positions.max()), int(step.ranks.min())) for step in steps]
    ready = [(rank_order[index], index) for index, count in enumerate(waits) if not count]
    heapq.heapify(ready)
    done = 0
    while ready:
        _, index = heapq.heappop(ready)
        done += 1
        yield steps[index]
        for each in following[index]:
            waits[each] -= 1
            if not waits[each]:
                heapq.heappush(ready, (rank_order[each], each))
    if done < len(steps):
        step = next(step for index, step in enumerate(steps) if waits[index])
        raise TraceError(f"{where(traces[step.ranks.flat[0]], step.op)}: ctrl_deps, data_deps: "
                         "ranks wait for each other in a cycle of dependencies")


def _members(step):
    return zip(step.ranks.reshape(-1).tolist(), step.positions.reshape(-1).tolist(), strict=True)


@dataclass(slots=True)
class _Calls:
    """Calls of each member on one group, or of the two ends of a channel."""

    members: list[int]
    calls: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


def _match(traces, groups) -> list[Step]:
    steps, groups_used, channels = [], {}, {}
    for rank, trace in enumerate(traces):
        for position, op in enumerate(trace.ops):
            if op.kind == NodeType.COMP_NODE:
                steps.append(Step(op, np.array([[rank]], np.int32), np.array([[position]])))
            elif op.kind == NodeType.COMM_COLL_NODE:
                row = groups.row(op.group, rank, where(trace, op))
                members = groups.family(op.group, "")[row].tolist()
                calls = groups_used.setdefault((op.group, row), _Calls(members))
                calls.calls[rank].append(position)
            else:
                if not 0 <= op.peer < len(traces):
                    name = "comm_dst" if op.kind == NodeType.COMM_SEND_NODE else "comm_src"
                    raise TraceError(f"{where(trace, op)}: {name} = {op.peer}: "
                                     f"must be a rank, 0..{len(traces) - 1}")
                sends = op.kind == NodeType.COMM_SEND_NODE
                ends = (rank, op.peer) if sends else (op.peer, rank)
                pair = channels.setdefault((*ends, op.tag), ([], []))
                pair[0 if sends else 1].append(position)
    for (name, _), calls in groups_used.items():
        steps += _match_group(traces, name, calls)
    for (src, dst, tag), pair in channels.items():
        steps += _match_channel(traces, src, dst, tag, pair)
    return steps


def _match_group(traces, name, calls):
    first = calls.members[0]
    counts = {rank: len(calls.calls[rank]) for rank in calls.members}
    most = max(counts, key=counts.get)
    for rank, count in counts.items():
        if count < counts[most]:
            op = traces[most].ops[calls.calls[most][count]]
            raise TraceError(
                f"trace {traces[rank].path}: ranks disagree: rank {rank} has {count} collectives "
                f"of group {name!r}, rank {most} has {counts[most]}: node {op.id} ({op.name}) "
                "has no match")
    for k in range(counts[first]):
        positions = [calls.calls[rank][k] for rank in calls.members]
        op = traces[first].ops[positions[0]]
        for rank, position in zip(calls.members, positions, strict=True):
            other = traces[rank].ops[position]
            for attribute, mine, theirs in (("comm_type", op.collective, other.collective),
                                            ("comm_size", op.nbytes, other.nbytes),
                                            ("root_rank", op.root, other.root)):
                if mine != theirs:
                    raise TraceError(
                        f"{where(traces[rank], other)}: {attribute} = {theirs!r}: ranks disagree "
                        f"on collective {k} of group {name!r}: must be {mine!r} "
                        f"as on rank {first}")
        ranks = np.array([calls.members], np.int32)
        _check_root(traces[first], op, ranks)
        yield Step(op, ranks, np.array([positions]))


def _match_channel(traces, src, dst, tag, pair):
    sends, receives = pair
    if len(sends) != len(receives):
        here = src if len(sends) > len(receives) else dst
        longer = max(pair, key=len)
        op = traces[here].ops[longer[min(len(sends), len(receives))]]
        raise TraceError(
            f"{where(traces[here], op)}: ranks disagree: rank {src} sends {len(sends)} times to "
            f"rank {dst} with comm_tag {tag}, which receives {len(receives)} times")
    for send, receive in zip(sends, receives, strict=True):
        sent, got = traces[src].ops[send], traces[dst].ops[receive]
        if sent.nbytes != got.nbytes:
            raise TraceError(f"{where(traces[dst], got)}: comm_size = {got.nbytes}: ranks "
                             f"disagree: must be {sent.nbytes} as sent by rank {src}")
        yield Step(sent, np.array([[src]], np.int32), np.array([[send]]))
        yield Step(got, np.array([[dst]], np.int32), np.array([[receive]]), (src, send))


def _check_root(trace, op, ranks):
    if op.root is not None and not (ranks == op.root).any(axis=1).all():
        raise TraceError(f"{where(trace, op)}: root_rank = {op.root}: "
                         "must be a rank of every group that does this collective")
