"""The rack model: a workload, or synthetic traffic, on one plane of the rack."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from lightloom.sim.random import mix_of

from .activity import make_activity
from .fabric import is_plain, make_fabric, with_payload
from .kernel import Shape, Tally, run_cycles, run_plain_cycles
from .result import RackResult
from .stops import check_cycles, next_stop
from .topology import TABLES, rack
from .work import PACKETS, extended, make_packets, make_work

CHUNK = 500
"""Cycles between two calls of `progress`."""


class RackModel:
    """One plane of the rack of `cfg.rack` (docs/rack.md).

    Parameters
    ----------
    cfg : lightloom.config.Config
        `rack.radix` at most 64: a switch is one crossbar of the model.
    faults : lightloom.sim.rack.faults.FaultSchedule, optional
        What fails, and when. Anything with `next` and `apply` is used as a timeline as it is.
    """

    def __init__(self, cfg, faults=None):
        self.cfg = cfg
        self.faults = faults
        self.topology = rack(cfg)

    def timeline(self):
        """The events of the faults for one run, or None."""
        if self.faults is None or hasattr(self.faults, "apply"):
            return self.faults
        from .faults import Timeline

        return Timeline(self.cfg, self.topology, self.faults)

    def load(self, traffic, *, seed: int = 1, cycles: int = 10_000, warmup: int | None = None,
             progress=None):
        """Run open-loop traffic from reset (docs/load.md).

        Parameters
        ----------
        traffic : lightloom.sim.rack.load.Traffic
        seed : int
            Of all that is random; equal seeds give equal results.
        cycles : int
            Core cycles to simulate, rounded down to a multiple of 200.
        warmup : int, optional
            Cycles to leave out of the statistics; by default found in the run.
        progress : callable, optional
            Called with the number of cycles done, every 500 cycles and at the end.

        Returns
        -------
        lightloom.sim.rack.load.LoadResult

        Raises
        ------
        ConfigError
            The rack cannot offer this traffic, or a number is not possible.
        DeadlockError
            Nothing moves any more.
        """
        from .load.run import run_load

        return run_load(self, traffic, seed, cycles, warmup, progress)

    def run(self, graph, cycles: int, *, bucket: int = 1000, seed: int = 1,
            progress=None) -> RackResult:
        """Run a workload from reset.

        Parameters
        ----------
        graph : lightloom.sim.rack.tasks.TaskGraph
            Tasks without predecessors start at cycle 0.
        cycles : int
            Core cycles to simulate.
        bucket : int
            Cycles of one row of the results over time.
        seed : int
            Of routes that are drawn: with `rack.routing` "valiant" and "ugal".
        progress : callable, optional
            Called with the number of cycles done, every `CHUNK` cycles and at the end.
        """
        check_cycles(cycles)
        cfg, topology = self.cfg, self.topology
        fabric = make_fabric(cfg, topology)
        activity = make_activity(topology, fabric)
        work = make_work(cfg, graph, topology.hosts, topology.endpoints)
        flit = cfg.chiplet.flit_bytes
        shape = Shape(topology.hosts, flit, cfg.xbar.max_packet_flits * flit, bucket)
        routes, key = topology.routes, np.uint64(mix_of(seed))
        if routes.mode == TABLES:
            work.vc[:] = topology.table_vcs(graph.src, graph.dst, graph.vc)
        buckets = -(-cycles // bucket)
        tally = Tally(np.zeros((buckets, topology.ends.size), np.int32),
                      np.zeros(buckets, np.int64), np.zeros(cfg.chiplet.vcs, np.int64),
                      np.zeros(1, np.int64), np.zeros(topology.endpoints, np.uint64))
        room = 8 * topology.hosts * topology.endpoints
        packets = make_packets(room)
        fabric = with_payload(fabric, room)
        cycle, end, seconds, timeline = 0, 0, 0.0, self.timeline()
        run = run_plain_cycles if is_plain(fabric, routes, timeline) else run_cycles
        run(fabric, activity, work, packets, tally, routes, key, shape, 0, 0)      # compiles
        while cycle < cycles:
            if cycle == end:
                end = min(cycles, cycle - cycle % CHUNK + CHUNK)
                end = next_stop(timeline, fabric, cycle, end)
            # What a timeline changed is not known to be at rest.
            activity.every[0] = 1
            begin = perf_counter()
            cycle = run(fabric, activity, work, packets, tally, routes, key, shape, cycle, end)
            seconds += perf_counter() - begin
            if cycle < end:
                packets = extended(packets, max(room, packets.task.size))
                fabric = with_payload(fabric, packets.task.size)
            elif progress is not None and (cycle % CHUNK == 0 or cycle == cycles):
                progress(cycle)
        return self._result(graph, work, packets, tally, bucket, cycles, seconds)

    def _result(self, graph, work, packets, tally, bucket, cycles, seconds) -> RackResult:
        seen = {name: column[:work.count[PACKETS]].copy()
                for name, column in packets._asdict().items()}
        return RackResult(
            src=graph.src[seen["task"]], dst=graph.dst[seen["task"]],
            **seen, task_done=work.done, link_flits=tally.link_flits,
            link_names=self.topology.link_names, delivered_flits=tally.delivered_flits,
            vc_flits=tally.vc_flits, flit_hops=int(tally.hops[0]), bucket=bucket, cycles=cycles,
            seconds=seconds)
