"""Small racks and made-up outcomes for the tests of `lightloom.flow.rack`."""

import numpy as np

from lightloom import config
from lightloom.flow.rack import Outcome, make
from lightloom.sim.rack.topology import rack

SMALL = config.override(config.load("sim"), rack__endpoints=8, rack__radix=4)
"""8 GPUs, 4 leaves, 2 spines."""


def points(cfg=SMALL, **options):
    """Points of an experiment, few and short unless told."""
    return make(cfg, **{"loads": [0.2, 0.5], "seeds": 2, "cycles": 1000, **options}).points()


def outcome(point, rng, *, stable=True, factor=None) -> Outcome:
    """What no model made, but of the right shape; `factor` [endpoints] scales what arrives."""
    topology = rack(point.cfg)
    count, ends = point.cfg.rack.endpoints, topology.ends.size
    load = dict(point.work.traffic)["load"]
    latency = 200 + 100 * load + rng.random() if stable else float("nan")
    received = rng.poisson(load * 900, count) * (1 if factor is None else factor)
    return Outcome(
        {"offered": load, "accepted": float(received.mean() / 900), "latency_mean": latency,
         "latency_ci": 1.5, "latency_p50": latency, "latency_p99": latency * 1.3,
         "latency_max": latency * 2, "stable": stable,
         "why": "" if stable else "packets in the system grow", "warmup": 100, "cycles": 1000,
         "hops_mean": 2.0, "flit_hops": 10_000},
        {"histogram": np.bincount(rng.poisson(200, 500)), "link_use": rng.random(ends) * load,
         "sent_by": rng.poisson(load * 900, count), "received_by": received.astype(np.int64)},
        tuple(topology.link_names), 0.5)
