"""The flow-level model of the rack (docs/flows.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from lightloom.sim.rack.tasks import MESSAGE, TaskGraph
from lightloom.sim.rack.topology import rack
from lightloom.sim.workload.collectives import checked_algorithms, pattern
from lightloom.sim.workload.program import read_program
from lightloom.sim.workload.single import checked_group
from lightloom.sim.workload.stragglers import Stragglers, factors

from .collective import alone
from .latency import Timing
from .result import CollectiveResult, FlowResult, TraceResult, link_table, rank_table
from .schedule import Planner
from .tasks import run_graph
from .timeline import run_activities


class FlowModel:
    """One plane of the rack of `cfg.rack`, as flows.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Examples
    --------
    >>> model = FlowModel(config.load("sim"))
    >>> model.collective("all-reduce", 2**30, algorithm="ring").ns
    >>> model.run("traces/resnet50").steps
    """

    def __init__(self, cfg):
        self.cfg = cfg
        self.topology = rack(cfg)
        self.timing = Timing.of(cfg)
        self.cycle_ns = 1000 / cfg.chiplet.core_mhz

    def run(self, work: TaskGraph | str | Path, *, ranks: int | None = None,
            algorithms: Mapping[str, str] | None = None, stragglers: Stragglers | None = None,
            progress=None) -> FlowResult | TraceResult:
        """Run a task graph message by message, or a trace communication by communication.

        Parameters
        ----------
        work : TaskGraph, or path of a Chakra trace
        ranks, algorithms, stragglers : optional
            Of a trace, as of :func:`lightloom.sim.workload.load`.
        progress : callable, optional
            Of a trace: called with (communications done, of how many) as it goes.

        Raises
        ------
        TraceError, ConfigError
        """
        if isinstance(work, TaskGraph):
            return self._graph(work)
        begun = perf_counter()
        program = read_program(work, self.cfg, ranks)
        planner = Planner(self.cfg, self.topology, self.timing, checked_algorithms(algorithms),
                          factors(stragglers, program.ranks))
        planner.plan(program)
        begin, end = run_activities(planner.activities, self.topology.ends.size, progress)
        return self._trace(program.ranks, planner, begin, end, begun)

    def collective(self, name: str, nbytes: int, ranks=None, algorithm: str | None = None, *,
                   root: int = 0, in_steps: bool | None = None) -> CollectiveResult:
        """One collective on an idle rack; arguments as of
        :func:`lightloom.sim.workload.collective_graph`, and `in_steps` as of
        :func:`.collective.alone`.
        """
        members, collective, algorithm = checked_group(self.cfg, name, nbytes, ranks, algorithm,
                                                       root)
        found = alone(self.cfg, self.topology, self.timing,
                      pattern(collective, members.size, nbytes, root, algorithm), members, in_steps)
        ns = found.cycles * self.cycle_ns
        return CollectiveResult(
            name, algorithm, members.size, nbytes, found.cycles, ns,
            float(found.busy.max(initial=0)), 8 * nbytes / ns if ns else float("inf"),
            self._links([found], found.cycles))

    def _graph(self, graph) -> FlowResult:
        begun = perf_counter()
        done, flits, busy = run_graph(self.cfg, self.topology, self.timing, graph)
        cycles = float(done.max(initial=0))
        own = (graph.kind == MESSAGE) & (graph.collective >= 0)
        number, size = graph.collective[own], len(graph.names)
        ends = np.zeros(size)
        np.maximum.at(ends, graph.collective[graph.collective >= 0],
                      done[graph.collective >= 0])
        table = pd.DataFrame({
            "name": graph.names, "messages": np.bincount(number, minlength=size),
            "nbytes": np.bincount(number, graph.nbytes[own], size).astype(np.int64),
            "end": ends, "end_ns": ends * self.cycle_ns})
        links = link_table(self.topology.link_names, flits, busy, cycles)
        return FlowResult(done, cycles, cycles * self.cycle_ns, links, table,
                          perf_counter() - begun)

    def _trace(self, ranks, planner, begin, end, begun) -> TraceResult:
        cycles, activities = float(end.max(initial=0)), planner.activities
        steps = pd.DataFrame(planner.calls)
        owner = np.array([each.step for each in activities])
        took = np.array([each.alone.cycles for each in activities])
        slow = np.where(took > 0, (end - begin) / np.maximum(took, 1e-300), 1.0)
        rows = pd.DataFrame({"step": owner, "begin": begin, "end": end, "alone": took,
                             "slowdown": slow})
        rows = rows[owner >= 0].groupby("step").agg(
            begin=("begin", "min"), end=("end", "max"), alone=("alone", "max"),
            slowdown=("slowdown", "max"))
        for column in ("begin", "end", "alone"):
            steps[f"{column}_ns"] = rows[column] * self.cycle_ns
        steps["slowdown"] = rows["slowdown"]
        return TraceResult(
            cycles, cycles * self.cycle_ns, steps,
            self._ranks(ranks, activities, begin, end, cycles),
            self._links([each.alone for each in activities], cycles), perf_counter() - begun)

    def _ranks(self, ranks, activities, begin, end, cycles):
        computing, communicating = [], []
        for number, each in enumerate(activities):
            if each.alone.cycles > 0:
                whole = np.ones(each.ranks.size)
                communicating.append((each.ranks, whole * begin[number], whole * end[number]))
            for some, needs, long in each.compute:
                start = np.where(needs >= 0, end[needs], 0.0)
                computing.append((some, start, start + long))
        none = (np.empty(0, np.int32), np.empty(0), np.empty(0))
        return rank_table(ranks, *(
            [np.concatenate(column) for column in zip(*each, none, strict=True)]
            for each in (computing, communicating)), cycles, self.cycle_ns)

    def _links(self, found, cycles):
        size = self.topology.ends.size
        flits, busy = np.zeros(size), np.zeros(size)
        for each in found:
            flits[each.links] += each.flits
            busy[each.links] += each.busy
        return link_table(self.topology.link_names, flits, busy, cycles)
