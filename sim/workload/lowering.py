"""Lower a trace to tasks: messages between endpoints, and delays on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit

from lightloom.sim.rack.tasks import DELAY, MESSAGE, TaskGraph

from .collectives import pattern
from .errors import TraceError
from .fold import START
from .groups import read_groups
from .locate import locate
from .reader import read_trace
from .schedule import Step, own_programs, same_program
from .schema import NodeType


def load(path: str | Path, cfg, *, limit: int = 500_000, skip: int | None = None,
         ranks: int | None = None) -> TaskGraph:
    """Read a Chakra execution trace and lower it onto the rack.

    Rank r is endpoint r. A collective is, on each rank, a delay that waits for the node's
    dependencies and lasts as long as the compute between them and the node (the rank enters;
    :mod:`.fold`), the messages (:mod:`.collectives`), each of which waits for its sender to
    have entered, and a delay of 0 that waits for all that the rank sends and receives (the rank
    leaves). A send is such a delay and a message, a receive such a delay and one of 0 that
    waits for the message too. The measured duration of a communication is not used: the rack
    gives it.

    Parameters
    ----------
    path : str or Path
        A folder, a file or a prefix (:func:`.locate.locate`).
    cfg : lightloom.config.Config
    limit : int
        Nodes are lowered whole, in the trace's order, up to the first that would bring the
        messages above this; the first communication is lowered in any case.
    skip : int, optional
        Begin with the communication of this number, in the trace's order; all before it, and all
        compute that it waits for, is taken as done when it enters, at time 0. By default time 0
        is the beginning of the trace.
    ranks : int, optional
        How many ranks a single file stands for; by default its metadata's `ranks`, or one for
        each endpoint. For a trace of several files it must be their number.

    Returns
    -------
    TaskGraph
        With `collective` numbered in order, `names` the nodes' names, and `vc` the number
        modulo `vcs`.

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
    lowering = _Lowering(traces, lengths, cfg.chiplet.vcs)
    communications = 0
    for step in steps:
        communicates = step.op.kind != NodeType.COMP_NODE
        communications += communicates
        if skip is not None and communications <= skip:
            continue
        if communicates and lowering.messages and lowering.messages + _messages(step) > limit:
            break
        if skip is not None and not lowering.count:
            lowering.begin = max(ns for _, ns in step.op.after)
        lowering.add(step)
    if not communications and skip is not None:
        raise TraceError(f"trace {path}: nothing communicates in it")
    if not lowering.count:
        raise TraceError(f"trace {path}: skip = {skip}: must be less than "
                         f"the {communications} communications of this trace")
    return lowering.graph()


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


def _pattern(step: Step):
    op, groups = step.op, step.ranks
    root = 0 if op.root is None else int(np.nonzero(groups[0] == op.root)[0][0])
    return pattern(op.collective, groups.shape[1], op.nbytes, root)


def _messages(step: Step) -> int:
    if step.op.kind == NodeType.COMM_COLL_NODE:
        return step.ranks.shape[0] * _pattern(step).src.size
    return int(step.op.kind == NodeType.COMM_SEND_NODE)


class _Lowering:
    """Tasks and dependencies as they are added, in pieces."""

    def __init__(self, traces, lengths, vcs):
        self.traces, self.vcs = traces, vcs
        self.first = np.concatenate([[0], np.cumsum(lengths)])
        self.last = np.full(self.first[-1], -1, np.int64)    # task that ends (rank, position)
        self.names, self.tasks, self.edges = [], [], []
        self.count = self.messages = 0
        self.begin = 0      # ns from what is taken as done to time 0

    def add(self, step: Step):
        op, ranks = step.op, step.ranks
        number = -1 if op.kind == NodeType.COMP_NODE else len(self.names)
        enter = leave = self._enter(step, number)
        if op.kind == NodeType.COMM_COLL_NODE:
            leave = self._collective(step, enter)
        elif op.kind == NodeType.COMM_SEND_NODE:
            leave = self._tasks(MESSAGE, ranks, np.full_like(ranks, op.peer), op.nbytes, 0, number)
            self.messages += 1
            self._edge(enter, leave)
        elif op.kind == NodeType.COMM_RECV_NODE:
            rank, position = step.matched
            leave = self._delays(ranks, 0, number)
            self._edge(enter, leave)
            self._edge(self.last[self.first[rank] + position], leave)
        self.last[self.first[ranks] + step.positions] = leave
        if number >= 0:
            self.names.append(op.name)

    def graph(self) -> TaskGraph:
        columns = [np.concatenate([piece[i] for piece in self.tasks]) for i in range(7)]
        before, after = (np.concatenate([np.empty(0, np.int64), *(edge[i] for edge in self.edges)])
                         for i in range(2))
        succ_ptr = np.zeros(self.count + 1, np.int64)
        np.cumsum(np.bincount(before, minlength=self.count), out=succ_ptr[1:])
        kind, src, dst, nbytes, delay_ns, vc, collective = columns
        return TaskGraph(
            kind=kind, src=src, dst=dst, nbytes=nbytes, delay_ns=delay_ns, vc=vc,
            collective=collective, succ_ptr=succ_ptr, succ=_grouped(before, after, succ_ptr),
            names=tuple(self.names))

    def _tasks(self, kind, src, dst, nbytes, delay_ns, collective):
        """Add tasks of the shape of `src`; their numbers."""
        size = src.size
        vc = max(collective, 0) % self.vcs
        self.tasks.append(tuple(
            np.broadcast_to(np.asarray(field, dtype), src.shape).reshape(-1)
            for field, dtype in ((kind, np.uint8), (src, np.int32), (dst, np.int32),
                                 (nbytes, np.int64), (delay_ns, np.int64), (vc, np.uint8),
                                 (collective, np.int32))))
        self.count += size
        return np.arange(self.count - size, self.count).reshape(src.shape)

    def _delays(self, ranks, delay_ns, collective):
        return self._tasks(DELAY, ranks, ranks, 0, delay_ns, collective)

    def _edge(self, before, after):
        """Tasks `after` wait for tasks `before`."""
        self.edges.append(tuple(each.reshape(-1) for each in np.broadcast_arrays(before, after)))

    def _collective(self, step, enter):
        ranks, number = step.ranks, len(self.names)
        each = _pattern(step)
        messages = self._tasks(MESSAGE, ranks[:, each.src], ranks[:, each.dst], each.nbytes,
                               0, number)
        self.messages += messages.size
        leave = self._delays(ranks, 0, number)
        self._edge(enter, leave)
        self._edge(enter[:, each.src], messages)
        self._edge(messages[:, each.before], messages[:, each.after])
        self._edge(messages, leave[:, each.src])
        self._edge(messages, leave[:, each.dst])
        return leave

    def _enter(self, step, number):
        """Delays that end when each rank has done what its node waits for."""
        if step.positions.ndim == 0:     # one program: all ranks wait for the same nodes
            return self._wait(step.ranks, step.op.after, number)
        return np.array([
            self._wait(np.array([rank], np.int32), self.traces[rank].ops[position].after, number)
            for rank, position in zip(step.ranks.flat, step.positions.flat, strict=True)
        ]).reshape(step.ranks.shape)

    def _wait(self, ranks, after, number):
        waits, begin = [], 0
        for position, ns in after:
            task = -1 if position == START else self.last[self.first[ranks] + position]
            if np.all(task >= 0):
                waits.append((task, ns))
            else:
                begin = max(begin, ns - self.begin)
        # The delay that all have in common is the task itself.
        shared = min((ns for _, ns in waits), default=begin)
        enter = self._delays(ranks, shared, number)
        for task, ns in waits:
            if ns > shared:
                more = self._delays(ranks, ns - shared, number)
                self._edge(task, more)
                task = more
            self._edge(task, enter)
        if begin > shared:
            self._edge(self._delays(ranks, begin - shared, number), enter)
        return enter


@njit(cache=True)
def _grouped(before, after, succ_ptr):
    """`after` sorted by `before`, in the order of the edges (a counting sort)."""
    place = succ_ptr[:-1].copy()
    succ = np.empty(after.size, np.int32)
    for edge in range(after.size):
        succ[place[before[edge]]] = after[edge]
        place[before[edge]] += 1
    return succ
