"""The output-queued model (docs/baseline.md)."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.rack.load.statistics import interval
from lightloom.sim.rack.tasks import DELAY

from .heap import ITEMS
from .kernel import FULL, IDLE, LATER, Record, begin_tasks, run_arrivals, run_tasks
from .network import FS_PER_NS
from .result import Channels, LoadRun, TaskRun
from .state import AREA, BYTES, DELIVERED, INSIDE, extended, make_state, make_work

SLOTS = 4096
"""Room for packets in flight, doubled when it is too small."""

BATCHES = 20
"""Batches of a window, whose means are taken as independent."""


class OQModel:
    """Packets on a :class:`.network.Network` with queues of any length: none is lost or held back.

    Parameters
    ----------
    network : Network
    most : int
        Packets in flight at which an open-loop run gives up: it is not stable.
    """

    def __init__(self, network, *, most: int = 2**22):
        self.network, self.most = network, most

    def load(self, arrivals, *, warmup_ns: float | None = None, progress=None) -> LoadRun:
        """Open-loop traffic, up to the end of the window of `arrivals`.

        Parameters
        ----------
        arrivals : lightloom.sim.oq.Arrivals
        warmup_ns : float, optional
            A quarter of the window by default.
        progress : callable, optional
            Called with the time done in ns, after each of 20 parts of the window.

        Raises
        ------
        ConfigError
            When the traffic is of other endpoints or out of order, or the warm-up takes it all.
        """
        network, span = self.network, arrivals.span_ns
        warmup = span / 4 if warmup_ns is None else warmup_ns
        if arrivals.endpoints != network.endpoints:
            raise ConfigError(f"traffic: endpoints = {arrivals.endpoints}: the network has "
                              f"{network.endpoints}")
        for field, values in (("src", arrivals.src), ("dst", arrivals.dst)):
            if values.size and not 0 <= values.min() <= values.max() < network.endpoints:
                raise ConfigError(f"traffic: {field} = {values.min()} to {values.max()}: must be "
                                  f"0 to {network.endpoints - 1}")
        if np.any(np.diff(arrivals.time) < 0):
            raise ConfigError("traffic: time: packets must be in the order of their times")
        if not 0 <= warmup < span:
            raise ConfigError(f"traffic: warmup_ns = {warmup!r}: must be 0 to less than the "
                              f"window of {span:g} ns")
        state = make_state(network, SLOTS, 0)
        record = Record(np.full(arrivals.time.size, -1, np.int64),
                        np.zeros(arrivals.time.size, np.uint8))
        run_arrivals(network, state, arrivals, record, -1)      # compiles
        seconds, crowd, at_warmup = 0.0, [], None
        parts = np.concatenate([[warmup], np.linspace(warmup, span, BATCHES + 1)[1:]])
        for until in parts:
            code = FULL
            while code == FULL and state.count[INSIDE] < self.most:
                begin = perf_counter()
                code = run_arrivals(network, state, arrivals, record, round(until * FS_PER_NS))
                seconds += perf_counter() - begin
                if code == FULL:
                    state = extended(state)
            crowd.append(int(state.count[INSIDE]))
            if at_warmup is None:
                at_warmup = int(state.count[BYTES])
            if code == FULL:
                break
            if progress is not None:
                progress(until)
        return self._load_run(arrivals, state, record, warmup, crowd, at_warmup, seconds)

    def _load_run(self, arrivals, state, record, warmup, crowd, at_warmup, seconds) -> LoadRun:
        span, count = arrivals.span_ns, self.network.endpoints
        made = arrivals.time >= warmup * FS_PER_NS
        offered = arrivals.nbytes[made].sum() / (span - warmup) / count
        accepted = (int(state.count[BYTES]) - at_warmup) / (span - warmup) / count
        why = self._unstable(crowd, made.sum())
        seen = made & (record.latency >= 0)
        latency = np.where(record.latency >= 0, record.latency / FS_PER_NS, np.nan)
        # Packets of the end of the window that are on the way would bias the mean: only those
        # made before the first of them count.
        late = np.flatnonzero(made & (record.latency < 0))
        if late.size:
            seen[late[0]:] = False
        window = latency[seen] if not why else np.array([])
        if not window.size:
            window = np.array([np.nan])
        return LoadRun(
            offered=float(offered), accepted=float(accepted), latency_mean=float(window.mean()),
            latency_ci=_half_width(window), latency_p50=float(np.percentile(window, 50)),
            latency_p99=float(np.percentile(window, 99)), latency_max=float(window.max()),
            hops_mean=float(record.hops[seen].mean()) - 1 if seen.any() else np.nan,
            stable=not why, why=why, warmup_ns=warmup, span_ns=span,
            packets=int(state.count[DELIVERED]), inside=int(state.count[INSIDE]),
            area=state.count[AREA] / FS_PER_NS, seconds=seconds, latency=latency,
            channels=self._channels(state))

    def _unstable(self, crowd, made) -> str:
        """Why a run is not stable, from the packets inside after each batch; "" when it is."""
        if len(crowd) <= BATCHES:
            return f"{crowd[-1]} packets in flight, more than {self.most}"
        half = len(crowd) // 2
        first, second = np.mean(crowd[1:half + 1]), np.mean(crowd[half + 1:])
        # The means are half a window apart. Queues without end grow by a share of what is made
        # in that time; a stable crowd wavers, by some roots of its number.
        if second - first > max(0.02 * made / 2, 5 * np.sqrt(second)):
            return (f"packets in flight grow: {first:.0f} in the first half of the window, "
                    f"{second:.0f} in the second")
        return ""

    def run(self, graph, *, packet_bytes: int = 4096, until_ns: float | None = None,
            progress=None) -> TaskRun:
        """A workload from its start to its end.

        A message joins a queue at its source and is cut in packets, the last one shorter.

        Parameters
        ----------
        graph : lightloom.sim.rack.TaskGraph
        packet_bytes : int
        until_ns : float, optional
            Stop there, done or not.
        progress : callable, optional
            Called with the time done in ns.
        """
        if packet_bytes < 1:
            raise ConfigError(f"workload: packet_bytes = {packet_bytes!r}: must be at least 1")
        if graph.kind.size >= ITEMS:
            raise ConfigError(f"workload: {graph.kind.size} tasks: must be fewer than {ITEMS}")
        network = self.network
        work = make_work(graph, network)
        events = np.count_nonzero((graph.kind == DELAY) | (graph.src == graph.dst))
        state = make_state(network, SLOTS, int(events))
        run_tasks(network, state, work, packet_bytes, -1)       # compiles
        begin_tasks(network, state, work)
        limit = np.inf if until_ns is None else until_ns
        step, until, seconds, code = 10_000.0, 0.0, 0.0, LATER
        while code != IDLE and until < limit:
            until = min(until + step, limit)
            code = FULL
            while code == FULL:
                begin = perf_counter()
                code = run_tasks(network, state, work, packet_bytes, round(until * FS_PER_NS))
                seconds += perf_counter() - begin
                if code == FULL:
                    state = extended(state)
            step *= 1.2
            if progress is not None:
                progress(until)
        done = np.where(work.done >= 0, work.done / FS_PER_NS, np.nan)
        return TaskRun(
            done_ns=done, end_ns=float(done.max()) if done.size else 0.0,
            packets=int(state.count[DELIVERED]), nbytes=int(state.count[BYTES]),
            area=state.count[AREA] / FS_PER_NS, seconds=seconds, channels=self._channels(state))

    def _channels(self, state) -> Channels:
        first = self.network.first
        return Channels(
            node=np.repeat(np.arange(first.size - 1), np.diff(first)).astype(np.int32),
            into=self.network.into, packets=state.sent, nbytes=state.nbytes,
            busy_ns=state.busy / FS_PER_NS, wait_ns=state.wait / FS_PER_NS)


def _half_width(window) -> float:
    """Half of the 95 % confidence interval of a mean, by batches of packets in their order."""
    if window.size < 2 * BATCHES:
        return float("nan")
    return interval(np.array([batch.mean() for batch in np.array_split(window, BATCHES)]))
