"""What theory knows of switches and networks, measured through the rack code
(docs/validation.md)."""

from __future__ import annotations

import numpy as np

from .. import config
from ..sim.oq import OQModel, bernoulli, single_stage, uniform
from ..sim.rack import DELAY, MESSAGE, RackModel, TaskGraph

FIFO = {2: 0.75, 4: 0.65524, 8: 0.61839, 16: 0.60162}
"""Saturation of one FIFO an input at N ports (Karol, Hluchyj, Morgan, *Input versus output
queueing on a space-division packet switch*, IEEE Trans. Communications 35(12), 1987, table I)."""

CREDIT_LOOP = 6
"""Cycles from a match that spends a credit to one that can spend it again, without flight: valid 2
after the match, written 1 later, matched 1 later, its credit on the wire 1 later, in the count 1
later (docs/crossbar.md)."""


def ideal(topology: str, **changes) -> config.Config:
    """A rack of ideal links and one plane, each endpoint with one host port and one VC."""
    return config.override(
        config.load("sim"), **{
            "chiplet__optical_ports": 1, "chiplet__host_ports": 1, "chiplet__vcs": 1,
            "xbar__multicast": False, "rack__topology": topology, "rack__links": "ideal",
            **changes})


def switch(ports: int, **changes) -> config.Config:
    """One switch and twice as many endpoints: one half sends, the other receives.

    So a source's own output is as far as all others, as theory has it: in the rack, what an
    endpoint sends to itself does not pass the switch.
    """
    return ideal("direct", **{"rack__endpoints": 2 * ports, "rack__radix": 2 * ports,
                              "xbar__vc_depth": 4096, "rack__fibre_m": 0.1, **changes})


def flits(cfg, cycle, src, dst, vc=0) -> TaskGraph:
    """Messages of a flit, released in given cycles, in the order of the arguments in each."""
    count = len(src)
    ends = [np.concatenate([src, src]), np.concatenate([src, dst])]
    late = np.concatenate([cycle, np.zeros(count, np.int64)]) * 1000
    return TaskGraph(
        kind=np.repeat(np.array([DELAY, MESSAGE], np.uint8), count),
        src=ends[0].astype(np.int32), dst=ends[1].astype(np.int32),
        nbytes=np.repeat([0, cfg.chiplet.flit_bytes], count),
        # Rounded up to whole cycles.
        delay_ns=np.floor(late / cfg.chiplet.core_mhz).astype(np.int64),
        vc=np.tile(np.broadcast_to(np.asarray(vc, np.uint8), count), 2),
        collective=np.full(2 * count, -1, np.int32),
        succ_ptr=np.minimum(np.arange(2 * count + 1), count), succ=count + np.arange(
            count, dtype=np.int32), names=())


def saturation(ports: int, *, seed: int, cycles: int, warmup: int, **changes) -> float:
    """Flits a cycle and output of a switch whose sources always have uniform single flits."""
    cfg, rng = switch(ports, **changes), np.random.default_rng(seed)
    src = np.tile(np.arange(ports), cycles)
    dst = rng.integers(ports, 2 * ports, src.size)
    result = RackModel(cfg).run(flits(cfg, np.zeros(src.size, np.int64), src, dst), cycles,
                                bucket=warmup)
    rows = result.delivered_flits[1:cycles // warmup]
    return rows.sum() / (rows.size * warmup * ports)


def mean_wait(ports: int, load: float, *, seed: int, cycles: int, settle: int = 2000) -> float:
    """Mean cycles beyond the unloaded latency in a switch with VOQs, uniform single flits."""
    cfg, rng = switch(ports), np.random.default_rng(seed)
    cycle, src = np.nonzero(rng.random((cycles, ports)) < load)
    dst = rng.integers(ports, 2 * ports, src.size)
    result = RackModel(cfg).run(flits(cfg, cycle, src, dst), cycles + 1000)
    released = cycle[result.task - src.size]
    wait = result.delivered - (released + 1) - zero_load(cfg, 1)
    assert (wait >= 0).all()
    return wait[released >= settle].mean()


def oq_wait(ports: int, load: float, *, seed: int, slots: int) -> float:
    """Mean slots in the queue of an output of the ideal switch, uniform Bernoulli cells."""
    arrivals = bernoulli(ports, load, slots, slot_ns=1.0, nbytes=1, seed=seed,
                         destinations=uniform(ports, itself=True))
    channels = OQModel(single_stage(ports, 1.0)).load(arrivals).channels
    outputs = channels.node >= ports
    return channels.wait_ns[outputs].sum() / channels.packets[outputs].sum()


def oq_form(ports: int, load: float) -> float:
    """The same: (N-1)/N p / 2(1-p) (Karol, Hluchyj, Morgan)."""
    return (ports - 1) / ports * load / (2 * (1 - load))


def zero_load(cfg, switches: int) -> int:
    """Cycles from a flit's acceptance to its delivery past so many switches, ideal links: the
    host's wire, a crossbar of 4 in each endpoint and switch, flights, the host's FIFO."""
    return 1 + 4 * (switches + 2) + (switches + 1) * cfg.derived.fibre_cycles + 2


def latency(cfg, dst: int) -> int:
    """The same from endpoint 0 to `dst`, measured; NaN is an error here."""
    graph = flits(cfg, np.array([50]), np.array([0]), np.array([dst]))
    result = RackModel(cfg).run(graph, 100 + 2 * zero_load(cfg, 3))
    return int(result.delivered[0] - result.accepted[0])


def credit_limited(depth: int, fibre_m: float) -> tuple[float, float]:
    """min(1, buffer / round trip), and what one flow carries.

    A configuration with so small a buffer is refused, and is made here without that check.
    """
    cfg = switch(2, rack__fibre_m=fibre_m)
    cfg = cfg.model_copy(update={"xbar": cfg.xbar.model_copy(update={"vc_depth": depth})})
    trip = CREDIT_LOOP + 2 * cfg.derived.fibre_cycles
    count = np.zeros(20 * trip + 2000, np.int64)
    result = RackModel(cfg).run(flits(cfg, count, count, count + 2), 2000 + 20 * trip,
                                bucket=1)
    carried = result.delivered_flits[-20 * trip:].sum() / (20 * trip)
    return min(1.0, depth / trip), carried


def all_pairs(model):
    """A flit between all pairs of endpoints, all released at once; the result."""
    count = model.cfg.rack.endpoints
    step, src = np.divmod(np.arange(count * count), count)
    graph = flits(model.cfg, np.zeros(src.size, np.int64), src, (src + step) % count,
                  src % model.cfg.chiplet.vcs)
    # As many cycles as there are destinations, and some for what meets on the way.
    result = model.run(graph, 6 * count + 1000)
    assert (result.delivered >= 0).all() and result.delivered.size == src.size
    return result


def clos_hops(cfg) -> tuple[float, float]:
    """Mean switches between all pairs of a clos2, 3 - 2k/N, and those that flits passed.

    A pair with itself counts as its leaf; in the rack it turns in the endpoint.
    """
    model, count = RackModel(cfg), cfg.rack.endpoints
    topology, result = model.topology, all_pairs(model)
    at_switch = topology.ends >= topology.endpoints * topology.endpoint_ports
    passed = result.link_flits[:, at_switch].sum(dtype=np.int64) + count
    return 3 - 2 * cfg.rack.down / count, passed / count**2


def grid(topology: str, side: int, *, seed: int, cycles: int = 4000) -> tuple[float, float, float]:
    """Throughput of uniform traffic, itself too, in a side x side grid of one endpoint a switch:
    its bound in flits a cycle and endpoint (4/k of a mesh, 8/k of a torus: Dally, Towles), the
    same by the flits that crossed the busiest link, and what is delivered at full load.
    """
    cfg = ideal(topology, **{
        "chiplet__vcs": 4, "rack__endpoints": side**2, "rack__dims": (side, side),
        "rack__radix": 5, "xbar__vc_depth": 256, "rack__fibre_m": 1.0})
    model, count, rng = RackModel(cfg), side**2, np.random.default_rng(seed)
    busiest = all_pairs(model).link_flits.sum(axis=0, dtype=np.int64).max()
    src = np.tile(np.arange(count), cycles)
    dst = rng.integers(count, size=src.size)
    vc = rng.integers(cfg.chiplet.vcs, size=src.size)
    graph = flits(cfg, np.zeros(src.size, np.int64), src, dst, vc)
    rows = model.run(graph, cycles, bucket=cycles // 4).delivered_flits[1:]
    return ((4 if topology == "mesh" else 8) / side, count / busiest,
            rows.sum() / (cycles // 4 * rows.size * count))
