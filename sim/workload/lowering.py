"""Lower a trace to tasks: messages between endpoints, and delays on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lightloom.sim.rack.tasks import TaskGraph

from .builder import Builder
from .collectives import checked_algorithms, pattern
from .errors import TraceError
from .fold import START
from .program import Program, communicates, read_program, root_of
from .schedule import Step
from .schema import NodeType
from .single import checked_group
from .stragglers import Stragglers, factors


def load(path: str | Path, cfg, *, limit: int = 500_000, skip: int | None = None,
         ranks: int | None = None, algorithms: Mapping[str, str] | None = None,
         stragglers: Stragglers | None = None) -> TaskGraph:
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
        How many ranks a single file stands for (:func:`.program.read_program`).
    algorithms : mapping of str to str, optional
        Algorithm by collective, ``{"all-reduce": "tree"}`` (:data:`.collectives.ALGORITHMS`).
    stragglers : Stragglers, optional
        Ranks whose compute takes longer.

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
    program = read_program(path, cfg, ranks)
    lowering = _Lowering(program, cfg.chiplet.vcs, checked_algorithms(algorithms),
                         factors(stragglers, program.ranks))
    communications = 0
    for step in program.steps:
        communications += communicates(step)
        if skip is not None and communications <= skip:
            continue
        built = lowering.built
        if (communicates(step) and built.messages
                and built.messages + lowering.messages(step) > limit):
            break
        if skip is not None and not built.count:
            lowering.begin = max(ns for _, ns in step.op.after)
        lowering.add(step)
    if not communications and skip is not None:
        raise TraceError(f"trace {path}: nothing communicates in it")
    if not lowering.built.count:
        raise TraceError(f"trace {path}: skip = {skip}: must be less than "
                         f"the {communications} communications of this trace")
    return lowering.built.graph()


def collective_graph(cfg, name: str, nbytes: int, ranks=None, algorithm: str | None = None, *,
                     root: int = 0) -> TaskGraph:
    """The task graph of one collective that all ranks enter at time 0.

    Parameters
    ----------
    cfg : lightloom.config.Config
    name : str
        "all-reduce", ... (:data:`.collectives.ALGORITHMS`).
    nbytes : int
        Bytes of one rank's input; of an all-gather, its own share.
    ranks : int or sequence of int, optional
        Endpoints 0..ranks-1, or which ones, in the group's order; by default all.
    algorithm : str, optional
    root : int
        Place of the root in the group.

    Raises
    ------
    TraceError
    """
    members, collective, algorithm = checked_group(cfg, name, nbytes, ranks, algorithm, root)
    built = Builder(cfg.chiplet.vcs)
    enter = built.delay(members[None], 0, 0)
    built.collective(pattern(collective, members.size, nbytes, root, algorithm), members[None],
                     enter, 0)
    built.names.append(f"{name} {algorithm}")
    return built.graph()


class _Lowering:
    """A trace's steps as they are lowered."""

    def __init__(self, program: Program, vcs, algorithms, slower):
        self.program, self.algorithms, self.slower = program, algorithms, slower
        self.built = Builder(vcs)
        self.last = np.full(program.first[-1], -1, np.int64)    # task that ends (rank, position)
        self.begin = 0      # ns from what is taken as done to time 0

    def messages(self, step: Step) -> int:
        if step.op.kind == NodeType.COMM_COLL_NODE:
            return step.ranks.shape[0] * self._pattern(step).src.size
        return int(step.op.kind == NodeType.COMM_SEND_NODE)

    def add(self, step: Step):
        op, ranks, built, first = step.op, step.ranks, self.built, self.program.first
        number = len(built.names) if communicates(step) else -1
        enter = leave = np.concatenate([
            self._wait(some, after, number).reshape(-1)
            for some, after in self.program.after(step)]).reshape(ranks.shape)
        if op.kind == NodeType.COMM_COLL_NODE:
            leave = built.collective(self._pattern(step), ranks, enter, number)
        elif op.kind == NodeType.COMM_SEND_NODE:
            leave = built.message(ranks, np.full_like(ranks, op.peer), op.nbytes, number)
            built.edge(enter, leave)
        elif op.kind == NodeType.COMM_RECV_NODE:
            rank, position = step.matched
            leave = built.delay(ranks, 0, number)
            built.edge(enter, leave)
            built.edge(self.last[first[rank] + position], leave)
        self.last[first[ranks] + step.positions] = leave
        if number >= 0:
            built.names.append(op.name)

    def _pattern(self, step):
        op = step.op
        return pattern(op.collective, step.ranks.shape[1], op.nbytes, root_of(step),
                       self.algorithms[op.collective])

    def _wait(self, ranks, after, number):
        """Delays that end when each rank has done what its node waits for."""
        waits, begin = [], 0
        for position, ns in after:
            task = -1 if position == START else self.last[self.program.first[ranks] + position]
            if np.all(task >= 0):
                waits.append((task, ns))
            else:
                begin = max(begin, ns - self.begin)
        # The delay that all have in common is the task itself.
        shared = min((ns for _, ns in waits), default=begin)
        enter = self._compute(ranks, shared, number)
        for task, ns in waits:
            if ns > shared:
                more = self._compute(ranks, ns - shared, number)
                self.built.edge(task, more)
                task = more
            self.built.edge(task, enter)
        if begin > shared:
            self.built.edge(self._compute(ranks, begin - shared, number), enter)
        return enter

    def _compute(self, ranks, ns, number):
        return self.built.delay(ranks, np.rint(ns * self.slower[ranks]), number)
