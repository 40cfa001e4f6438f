"""Open-loop traffic over VC routers."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.flits import NO_FLIT, vc_of
from lightloom.sim.random import gap_table

from .loop import Traffic, Window, make_tally, run_cycles, start
from .router import VCRouter
from .state import make_state
from .wiring import make_wiring

CHUNK = 500
"""Cycles between two calls of `progress`, and between looks whether the run is drained."""
CARRIED = 0.95
"""Of what was created in the window: less came, and the queues were growing."""
LONGEST = 1 << 14
"""Latencies that the histogram tells apart, in cycles."""


@dataclass(frozen=True)
class VCLoad:
    """What a run measured; rates are flits a cycle and endpoint.

    Attributes
    ----------
    offered, accepted : rate of creation, and of arrival in the window
    latency_mean, latency_max : cycles from a packet's creation to its last flit's arrival, of the
        packets created in the window; not a number when not `stable`
    hops_mean : routers passed, of the same packets
    stable : all packets of the window arrived within as many cycles again after it, and what
        arrived in the window was at least `CARRIED` of what was created in it
    histogram : int64[cycles]: packets by latency; the last place is for all that are longer
    flit_hops, cycles, seconds : flits through routers, cycles, wall time of the loop (without
        compilation), of the whole run
    """

    offered: float
    accepted: float
    latency_mean: float
    latency_max: float
    hops_mean: float
    stable: bool
    histogram: np.ndarray
    flit_hops: int
    cycles: int
    seconds: float

    @property
    def cycles_per_s(self) -> float:
        """Of the whole run."""
        return self.cycles / self.seconds

    @property
    def flit_hops_per_s(self) -> float:
        """Of the whole run."""
        return self.flit_hops / self.seconds


class VCRouterModel:
    """The rack of `cfg.rack` with VC routers for switches, joined to its endpoints by wires.

    Parameters
    ----------
    cfg : lightloom.config.Config
        `rack.topology` is "direct" or "clos2". What is said of chiplets and links is not used.
    router : VCRouter, optional
    """

    def __init__(self, cfg, router: VCRouter | None = None):
        self.router = VCRouter() if router is None else router
        self.wiring = make_wiring(cfg)

    def load(self, load: float, packet_flits: int = 1, *, targets=None, seed: int = 1,
             cycles: int = 5000, warmup: int = 3000, progress=None) -> VCLoad:
        """Traffic from reset: Bernoulli arrivals of packets at every endpoint.

        Parameters
        ----------
        load : float
            Flits offered in a cycle and endpoint, above 0, at most 1.
        targets : int[endpoints], optional
            Destination of each endpoint's packets; by default any endpoint, itself too, each alike.
        cycles, warmup : int
            The window that is measured, and what is run before it. After it the run goes on, for
            as many cycles again at most, until what was created in it has arrived.
        progress : callable, optional
            Called with the number of cycles done.

        Raises
        ------
        ConfigError
            When an argument is out of its range.
        """
        for name, value, least in (("load", load, None), ("packet_flits", packet_flits, 1),
                                   ("cycles", cycles, 1), ("warmup", warmup, 0)):
            if not (0 < value <= 1 if least is None else value >= least):
                allowed = "above 0 and at most 1" if least is None else f"at least {least}"
                raise ConfigError(f"{name} = {value}: must be {allowed}")
        state = make_state(self.router, self.wiring, seed)
        traffic = Traffic(gap_table(load / packet_flits), packet_flits, self._targets(targets))
        window, tally = Window(warmup, warmup + cycles), make_tally(LONGEST)
        start(state, traffic)
        run_cycles(state, traffic, window, tally, 0, 0)                 # compiles
        cycle, seconds = 0, 0.0
        while cycle < window.end or (not _drained(state, window, tally)
                                     and cycle < window.end + cycles):
            end = min(cycle + CHUNK, window.end) if cycle < window.end else cycle + CHUNK
            begin = perf_counter()
            run_cycles(state, traffic, window, tally, cycle, end)
            seconds += perf_counter() - begin
            cycle = end
            if progress is not None:
                progress(cycle)
        check_conservation(state, tally)
        return self._result(traffic, load, cycles, cycle, state, window, tally, seconds)

    def _targets(self, targets) -> np.ndarray:
        count = self.wiring.endpoints
        found = np.array([] if targets is None else targets, np.int64)
        if targets is not None and (found.shape != (count,) or found.min() < 0
                                    or found.max() >= count):
            raise ConfigError(f"targets = {targets}: must be {count} endpoints, "
                              f"each 0..{count - 1}")
        return found

    def _result(self, traffic, load, cycles, ran, state, window, tally, seconds) -> VCLoad:
        packets = int(tally.packets[0])
        arrived = int(tally.accepted[0])
        stable = (_drained(state, window, tally)
                  and arrived >= CARRIED * packets * traffic.packet_flits)
        known = stable and packets
        return VCLoad(
            offered=load, accepted=arrived / (cycles * self.wiring.endpoints),
            latency_mean=tally.latency[0] / packets if known else np.nan,
            latency_max=float(tally.latency[1]) if known else np.nan,
            hops_mean=tally.hops[0] / packets if known else np.nan, stable=bool(stable),
            histogram=tally.histogram, flit_hops=int(tally.flit_hops[0]), cycles=ran,
            seconds=seconds)


def _drained(state, window, tally) -> bool:
    """Whether all that was created in the window has arrived."""
    return tally.created[0] == tally.packets[0] and state.next_at.min() >= window.end


def check_conservation(state, tally) -> None:
    """Assert that no flit and no credit was lost or made.

    Raises
    ------
    AssertionError
        With what does not add up: it would be a defect of the model.
    """
    wires, wiring, ports = state.wires, state.wiring, state.wiring.routers * state.wiring.ports
    flying = wires.flit != NO_FLIT
    inside = int(state.count.sum()) + int(flying.sum())
    sent, received = int(tally.sent[0]), int(tally.received[0])
    assert sent == received + inside, f"flits sent {sent}, received {received}, inside {inside}"
    # Of each lane into a router or endpoint: slots used, flits and credits on the wire.
    lanes = ports + wiring.endpoints
    used = np.zeros((lanes, state.vcs), np.int64)
    used[:ports] = state.count.reshape(ports, state.vcs)
    for v in range(state.vcs):
        used[:, v] += (flying & (vc_of(wires.flit) == v)).sum(axis=1)
        used[:, v] += (wires.credit >> v & 1).sum(axis=1, dtype=np.int64)
    held = np.full((lanes, state.vcs), state.depth, np.int64)
    joined = wiring.out >= 0
    held[wiring.out[joined]] = state.credits.reshape(ports, state.vcs)[joined]
    held[wiring.inject] = state.stock.reshape(-1, state.vcs)
    assert (held + used == state.depth).all(), "credits do not add up to the buffers"
