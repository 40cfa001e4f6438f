"""What `make switching` runs: traffic and configurations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..sim.xbar import ALL, ONE
from ..tb import routes, traffic
from ..tb.xbar_scenario import Scenario, crossbar_config
from . import islip

PORTS = 16
START = 64
"""Cycle of the first flit: the entries are cleared and written."""


@dataclass(frozen=True)
class Case:
    """A run: `rates` between inputs and destinations at `load`, or `make(rng, cycles)`'s flits.

    Destination d is output d, or, from the number of outputs on, the set `sets[d - outputs]`.
    """

    name: str
    cfg: object
    rates: np.ndarray
    load: float = 1.0
    cycles: int = 100_000
    rtl_cycles: int = 10_000
    lengths: tuple[int, ...] = (1,)
    sets: tuple[int, ...] = ()
    make: Callable | None = None
    obey_stop: bool = False

    def scenario(self, cycles: int, seed: int) -> Scenario:
        n, rng = self.cfg.derived.ports, np.random.default_rng(seed)
        if self.make:
            stimulus = self.make(rng, cycles)
        else:
            stimulus = traffic.bernoulli(rng, self.rates, cycles=cycles, load=self.load,
                                         start=START, vcs=self.cfg.chiplet.vcs,
                                         lengths=self.lengths)
        entries = [(ONE, 1 << j) for j in range(n)] + [
            (ALL, ports) for ports in self.sets]
        return Scenario(self.cfg, stimulus, START + cycles, n, n,
                        routes.entry_writes(entries, inputs=n))

    @property
    def demand(self) -> np.ndarray:
        """Flits a cycle that input i has for output j."""
        n = self.cfg.derived.ports
        demand = self.rates[:, :n].copy()
        for k, ports in enumerate(self.sets):
            for j in range(n):
                if ports >> j & 1:
                    demand[:, j] += self.rates[:, n + k]
        return self.load * demand


def single(**xbar):
    """16 ports, one VC, queues of an input that hold 1,024 flits, and no features but these."""
    return crossbar_config(PORTS, vcs=1, endpoints=32, **{
        "vc_depth": 1024, "multicast": False, "statistics": False, **xbar})


def waits() -> list[Case]:
    """Uniform Bernoulli traffic: waits, and what is delivered at full load."""
    rates = traffic.uniform(PORTS)
    return [*(Case("uniform", single(), rates, load, 200_000 if load > 0.5 else 50_000)
              for load in (0.5, 0.8, 0.9)),
            Case("uniform, VOQs deep", single(vc_depth=8192), rates, 1.0, 200_000),
            Case("uniform, VOQs of 64", single(), rates, 1.0)]


def fifos() -> list[Case]:
    """One FIFO an input, saturated."""
    return [Case(f"fifo, {n} ports", crossbar_config(n, vcs=1, queues="fifo", vc_depth=64,
                                               statistics=False),
                 traffic.uniform(n), 1.0, 1_600_000 // n, 40_000 // n + 10_000)
            for n in islip.KAROL]


def hot_spot(deep: bool = True) -> Case:
    """Twice what output HOT takes, 0.9 for the others.

    The sources keep one queue: the VOQs hold what waits for HOT, for as long as the run lasts. Or
    they keep a queue for each output and obey `stop`.
    """
    rates = traffic.hot_spot(PORTS)
    if deep:
        return Case("hot-spot, VOQs deep", single(vc_depth=8192), rates, 1.0, 100_000)
    return Case("hot-spot, sources obey stop", single(voq_limit=16, vc_depth=512), rates, 1.0,
                20_000, obey_stop=True)


def patterns(seed: int) -> list[Case]:
    """All patterns at full load; those that a switch can carry also at 0.8."""
    n, rates = PORTS, {
        "uniform": traffic.uniform(PORTS), "diagonal": traffic.diagonal(PORTS),
        "log-diagonal": traffic.log_diagonal(PORTS), "transpose": traffic.transpose(PORTS),
        "all-to-one": traffic.all_to_one(PORTS), "one-to-all": traffic.one_to_all(PORTS)}
    cases = [Case(name, single(), rate) for name, rate in rates.items()]
    cases += [Case(name, single(), rates[name], 0.8, rtl_cycles=0)
              for name in ("diagonal", "log-diagonal", "transpose", "one-to-all")]
    for load in (0.9, 0.8):
        make = lambda rng, cycles, load=load: traffic.bursty(
            rng, traffic.uniform(n), cycles=cycles, load=load, start=START)
        cases.append(Case("bursty, 16 flits", single(vc_depth=8192), traffic.uniform(n), load,
                          make=make, rtl_cycles=10_000 if load == 0.9 else 0))
    sets = tuple(traffic.groups(np.random.default_rng(seed), n, 16, 4))
    spread = np.zeros((n, 2 * n))
    spread[:, n:] = 1 / n
    mixed = np.full((n, 2 * n), 0.5 / n)
    mixed[:, n:] = 0.125 / n
    return [*cases, hot_spot(), hot_spot(False),
            Case("multicast to 4", single(multicast=True), spread, 0.2, sets=sets),
            Case("multicast to 4, saturated", single(multicast=True), spread, 1.0, sets=sets),
            Case("half multicast to 4", single(multicast=True), mixed, 0.8, sets=sets)]


def packets() -> list[Case]:
    """Saturation by length of packets, VCs and stages, 8 ports."""
    return [Case(f"packets of {length}, {vcs} VC, S = {stages}",
                 crossbar_config(8, vcs=vcs, endpoints=32, stages=stages, vc_depth=256,
                                 multicast=False, statistics=False),
                 traffic.uniform(8), 1.0, lengths=(length,))
            for stages in (1, 2) for vcs in (1, 2) for length in (1, 4, 16)]
