"""The rack model: a workload on one plane of the rack."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from .fabric import make_fabric
from .kernel import Shape, Tally, run_cycles
from .result import RackResult
from .topology import rack
from .work import PACKETS, extended, make_packets, make_work

CHUNK = 500
"""Cycles between two calls of `progress`."""


class RackModel:
    """One plane of the rack of `cfg.rack` (docs/rack.md).

    Parameters
    ----------
    cfg : lightloom.config.Config
        `rack.radix` at most 64: a switch is one crossbar of the model.
    """

    def __init__(self, cfg):
        self.cfg = cfg
        self.topology = rack(cfg)

    def run(self, graph, cycles: int, *, bucket: int = 1000, progress=None) -> RackResult:
        """Run a workload from reset.

        Parameters
        ----------
        graph : lightloom.sim.rack.tasks.TaskGraph
            Tasks without predecessors start at cycle 0.
        cycles : int
            Core cycles to simulate.
        bucket : int
            Cycles of one row of the results over time.
        progress : callable, optional
            Called with the number of cycles done, every `CHUNK` cycles and at the end.
        """
        cfg, topology = self.cfg, self.topology
        fabric = make_fabric(cfg, topology)
        work = make_work(cfg, graph, topology.hosts, topology.endpoints)
        flit = cfg.chiplet.flit_bytes
        shape = Shape(topology.hosts, flit, cfg.xbar.max_packet_flits * flit, bucket)
        work.vc[:] = topology.table_vcs(graph.src, graph.dst, graph.vc)
        buckets = -(-cycles // bucket)
        tally = Tally(np.zeros((buckets, topology.ends.size), np.int32),
                      np.zeros(buckets, np.int64), np.zeros(cfg.chiplet.vcs, np.int64),
                      np.zeros(1, np.int64))
        room = 8 * topology.hosts * topology.endpoints
        packets = make_packets(room)
        run_cycles(fabric, work, packets, tally, shape, 0, 0)      # compiles
        cycle, seconds = 0, 0.0
        while cycle < cycles:
            end = min(cycles, cycle - cycle % CHUNK + CHUNK)
            begin = perf_counter()
            cycle = run_cycles(fabric, work, packets, tally, shape, cycle, end)
            seconds += perf_counter() - begin
            if cycle < end:
                packets = extended(packets, max(room, packets.task.size))
            elif progress is not None:
                progress(cycle)
        return self._result(graph, work, packets, tally, bucket, cycles, seconds)

    def _result(self, graph, work, packets, tally, bucket, cycles, seconds) -> RackResult:
        seen = {name: column[:work.count[PACKETS]].copy()
                for name, column in packets._asdict().items()}
        return RackResult(
            src=graph.src[seen["task"]], dst=graph.dst[seen["task"]], vc=graph.vc[seen["task"]],
            **seen, task_done=work.done, link_flits=tally.link_flits,
            link_names=self.topology.link_names, delivered_flits=tally.delivered_flits,
            vc_flits=tally.vc_flits, flit_hops=int(tally.hops[0]), bucket=bucket, cycles=cycles,
            seconds=seconds)
