"""A trace as activities: each a communication of one group, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lightloom.sim.workload.collectives import pattern
from lightloom.sim.workload.fold import START
from lightloom.sim.workload.program import root_of
from lightloom.sim.workload.schema import NodeType

from .collective import Alone, alone
from .routes import find_routes


@dataclass(slots=True)
class Activity:
    """Communication `step` of the ranks of one group.

    It begins when each activity `need` of `after` has been done for `after[need]` cycles, but not
    before `begin`. `compute`: (ranks, need or -1, cycles[ranks]) of the compute between.
    """

    step: int
    ranks: np.ndarray
    alone: Alone
    begin: float = 0.0
    after: dict[int, float] = field(default_factory=dict)
    compute: list = field(default_factory=list)


@dataclass(slots=True)
class Call:
    """One row of the result: a communication of the trace, and what it is lowered to."""

    name: str
    what: str
    algorithm: str
    nbytes: int
    groups: int
    ranks: int


class Planner:
    """Activities of a program, in an order that honours dependencies."""

    def __init__(self, cfg, topology, timing, algorithms, slower):
        self.cfg, self.topology, self.timing = cfg, topology, timing
        self.algorithms, self.slower = algorithms, slower
        self.calls: list[Call] = []
        self.activities: list[Activity] = []
        self._known = {}

    def plan(self, program) -> None:
        owner = np.full(program.first[-1], -1, np.int64)   # activity that ends (rank, position)
        for step in program.steps:
            number = self._call(step)
            waits = program.after(step)
            # One program: all ranks wait alike. Else a rank is a row, or a column of the one row.
            shared = waits[0][1] if step.positions.ndim == 0 else None
            for row, ranks in enumerate(step.ranks):
                own = Activity(number, ranks, self._alone(step, ranks))
                for some, after in ([(ranks, shared)] if shared is not None else
                                    waits if len(step.ranks) == 1 else [waits[row]]):
                    self._wait(own, np.atleast_1d(some), after, program, owner)
                if step.matched:
                    rank, position = step.matched
                    own.after.setdefault(int(owner[program.first[rank] + position]), 0.0)
                places = np.broadcast_to(step.positions, step.ranks.shape)[row]
                owner[program.first[ranks] + places] = len(self.activities)
                self.activities.append(own)

    def _call(self, step) -> int:
        op = step.op
        if op.kind == NodeType.COMP_NODE:
            return -1
        collective = op.kind == NodeType.COMM_COLL_NODE
        self.calls.append(Call(
            op.name, op.collective.name.lower().replace("_", "-") if collective
            else "send" if op.kind == NodeType.COMM_SEND_NODE else "receive",
            self.algorithms[op.collective] if collective else "", op.nbytes, *step.ranks.shape))
        return len(self.calls) - 1

    def _wait(self, own, ranks, after, program, owner):
        for position, ns in after:
            cycles = np.ceil(np.rint(ns * self.slower[ranks]) * self.cfg.chiplet.core_mhz / 1000)
            if position == START:
                own.begin = max(own.begin, float(cycles.max()))
                own.compute.append((ranks, np.full(ranks.size, -1), cycles))
                continue
            needs = owner[program.first[ranks] + position]
            for need in np.unique(needs).tolist():
                most = float(cycles[needs == need].max())
                own.after[need] = max(own.after.get(need, 0.0), most)
            own.compute.append((ranks, needs, cycles))

    def _alone(self, step, ranks) -> Alone:
        op = step.op
        if op.kind == NodeType.COMM_COLL_NODE:
            algorithm = self.algorithms[op.collective]
            key = (op.collective, algorithm, op.nbytes, root_of(step), ranks.tobytes())
            if key not in self._known:
                self._known[key] = alone(
                    self.cfg, self.topology, self.timing,
                    pattern(op.collective, ranks.size, op.nbytes, root_of(step), algorithm), ranks)
            return self._known[key]
        if op.kind == NodeType.COMM_SEND_NODE:
            routes = find_routes(self.cfg, self.topology, ranks, np.full_like(ranks, op.peer))
            flits = self.timing.flits(op.nbytes)
            rate = self.timing.rate(flits) if routes.links.size else 1.0
            cycles = self.timing.alpha(flits, routes.switches[0], routes.flight[0]) + flits / rate
            ones = np.ones(routes.links.size)
            return Alone(float(cycles), routes.links.astype(np.int64), ones * (flits / rate),
                         ones * flits)
        return Alone(0.0, np.empty(0, np.int64), np.empty(0), np.empty(0))
