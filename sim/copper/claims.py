"""Figures that confirm or refute what was announced (docs/baseline.md, Claims).

Each function answers for one claim with a table (pandas.DataFrame), by closed forms; those that
simulate say so. `cfg` is a clos2 rack of `rack.endpoints` GPUs. Layouts: "built" has the copper
domain's own bandwidth, "equal" the photonic rack's.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lightloom.config.derived import derive
from lightloom.sim.energy import Activity, copper_power, load_constants, photonic_power
from lightloom.sim.oq import OQModel, ideal, poisson
from lightloom.sim.rack.topology import rack

from . import forms
from .layout import TIERS, Copper


def layouts(cfg, constants=None) -> dict[str, Copper]:
    """The copper baseline of the same GPUs, as built and with equal bandwidth in scale-up."""
    constants = constants or load_constants()
    line = cfg.chiplet.optical_ports * cfg.derived.port_gbps
    return {"built": Copper(cfg.rack.endpoints, constants=constants),
            "equal": Copper(cfg.rack.endpoints, line, constants)}


def one_fabric(cfg, constants=None) -> pd.DataFrame:
    """"One server-like fabric": what a GPU has of all others.

    Columns: `gpus` it reaches at `inside_gbps` (payload); `outside_gbps` to the rest; latencies
    of 64 bytes to the nearest and to the farthest; `uniform_gbps`, what it can send to all alike.
    """
    count, rate = cfg.rack.endpoints, 8 * forms.rack_rate(cfg)
    rows = {"photonic": [count, rate, rate, forms.rack_latency(cfg, 1, 1),
                         forms.rack_latency(cfg, 1, 3), rate]}
    for name, layout in layouts(cfg, constants).items():
        out = (count - layout.domain) / (count - 1)
        scaleup, nic = (8 * layout.rates[tier] for tier in ("scale-up", "nic"))
        rows[name] = [layout.domain, scaleup, nic,
                      forms.copper_latency(layout, 64, across=False),
                      forms.copper_latency(layout, 64, across=True),
                      min(nic / out, scaleup / (1 - out)) if out else scaleup]
    return pd.DataFrame.from_dict(rows, orient="index", columns=[
        "gpus", "inside_gbps", "outside_gbps", "nearest_ns", "farthest_ns", "uniform_gbps"])


def multi_hop(cfg, constants=None) -> pd.DataFrame:
    """"No multi-hop penalty": latency of 64 bytes without load, by switches on the way.

    `ns`, and `low`, `high` with all latencies of copper at the ends of their ranges.
    """
    constants = constants or load_constants()
    rows = {f"photonic, {h} switch{'es' * (h > 1)}": [h] + [forms.rack_latency(cfg, 1, h)] * 3
            for h in (1, 3)}
    delays = [name for name, each in constants.of.items()
              if each.unit == "ns" and not name.startswith("photonic")]
    bounds = [constants, constants, constants]
    for name in delays:
        bounds[1:] = bounds[1].at(name, "low"), bounds[2].at(name, "high")
    for across, hops in ((False, 1), (True, 3)):
        rows[f"copper, {'across domains' if across else 'in a domain'}"] = [hops] + [
            forms.copper_latency(Copper(cfg.rack.endpoints, constants=each), 64, across=across)
            for each in bounds]
    return pd.DataFrame.from_dict(rows, orient="index",
                                  columns=["switches", "ns", "low", "high"])


def distance(cfg, metres=(1, 2, 5, 20, 50, 100, 200, 500), constants=None) -> pd.DataFrame:
    """"Bandwidth against distance": Gb/s of a GPU over a cable or fibre of so many metres.

    Photonic: as far as replay and credits cover the round trip, then their share of it.
    """
    constants = constants or load_constants()
    full, reach = 8 * forms.rack_rate(cfg), constants.of["copper.cable_m"].high
    copper = 8 * Copper(cfg.rack.endpoints, constants=constants).rates["scale-up"]
    rows = [[full * window_share(cfg, each), forms.rack_latency(_with_fibre(cfg, each), 1, 1),
             copper if each <= reach else 0.0] for each in metres]
    return pd.DataFrame(rows, index=pd.Index(metres, name="metres"),
                        columns=["photonic_gbps", "photonic_ns", "copper_gbps"])


def window_share(cfg, metres: float) -> float:
    """Share of a link's bandwidth that its replay buffer and its credits sustain."""
    far = derive(_with_fibre(cfg, metres))
    flits = math.ceil(far.round_trip * cfg.serdes.lanes * far.lane_bits / (66 * far.blocks))
    return min(1.0, min(cfg.link.replay_flits, cfg.xbar.vc_depth) / flits)


def completion(cfg, sizes=tuple(1 << k for k in range(20, 31, 2)), constants=None) -> pd.DataFrame:
    """"1,024 GPUs as one pool": completion of collectives over all GPUs, in us, by bytes a GPU.

    Columns (world, collective); the all-reduces on a ring, by halving and doubling, and by
    domains (copper). The photonic all-to-all is a bound: the rack model has its contention.
    """
    count, rate = cfg.rack.endpoints, forms.rack_rate(cfg)
    rows = []
    for size in sizes:
        far = forms.rack_alpha(cfg, size / count, 3)
        row = {("photonic", "ring"): forms.rack_ring(cfg, size),
               ("photonic", "halving"): forms.halving_doubling(count, size, far, rate),
               ("photonic", "all-to-all"): forms.direct(count, size, far, rate)}
        for name, layout in layouts(cfg, constants).items():
            row |= {(name, "ring"): forms.copper_ring(layout, size),
                    (name, "domains"): forms.copper_hierarchical(layout, size),
                    (name, "halving"): forms.copper_halving_doubling(layout, size),
                    (name, "all-to-all"): forms.copper_all_to_all(layout, size)}
        rows.append({key: ns / 1000 for key, ns in row.items()})
    return _table(rows, sizes, "bytes")


def energy_against_load(cfg, gbps=(0, 10, 50, 100, 200, 400, 1000, 2000, 3800),
                        constants=None) -> pd.DataFrame:
    """"Energy": power of the fabric and energy of a bit, uniform traffic of so many Gb/s a GPU.

    Columns (world, `kilowatts` or `pj_per_bit`); NaN beyond what a world can carry.
    """
    count, down = cfg.rack.endpoints, cfg.rack.down
    ends, near = rack(cfg).ends.size, (down - 1) / (count - 1)
    hops = near + 3 * (1 - near)
    most = one_fabric(cfg, constants).uniform_gbps
    flit_gbps = 8 * cfg.chiplet.flit_bytes * cfg.chiplet.core_mhz / 1000
    rows = []
    for each in gbps:
        flits = each / flit_gbps / cfg.chiplet.optical_ports * count * cfg.rack.planes
        frames = {"photonic": photonic_power(
            cfg, Activity(ends, flits * (hops + 1), flits * (hops + 2), flits),
            constants=constants)}
        for name, layout in layouts(cfg, constants).items():
            out = 2 * count * each * (count - layout.domain) / (count - 1)
            carried = dict(zip(TIERS, (2 * count * each - out, out, out), strict=True))
            frames[name] = copper_power(layout, carried, count * each, constants=constants)
        rows.append({(name, column): value if each <= most[name] else np.nan
                     for name, frame in frames.items() for column, value in (
                         ("kilowatts", frame.watts["total"] / 1000),
                         ("pj_per_bit", frame.pj_per_bit["total"]))})
    return _table(rows, gbps, "gbps")


def energy_of_a_bit(cfg, constants=None) -> pd.DataFrame:
    """"Energy": pJ of a bit on its way when all that it passes is in full use.

    Columns `pj_per_bit`, and `low`, `high` with all energies at the ends of their ranges.
    """
    constants = constants or load_constants()
    bounds = [constants, constants, constants]
    for name, each in constants.of.items():
        if each.unit in ("pJ/bit", "mW", "W"):
            bounds[1:] = bounds[1].at(name, "low"), bounds[2].at(name, "high")

    def photonic(c, switches):
        link = (c["photonic.chiplet_pj_per_bit"] + c["photonic.laser_mw"] / cfg.serdes.lane_gbps)
        return ((switches + 1) * link / cfg.derived.code_rate
                + (switches + 2) * c["common.crossbar_pj_per_bit"])

    def inside(c):
        return (2 * c["copper.serdes_pj_per_bit"] / c["copper.scaleup_efficiency"]
                + c["common.crossbar_pj_per_bit"])

    def across(c):
        # A NIC has full power for a bit out and a bit in: half at each end of a bit's way.
        line = (1000 * c["ethernet.nic_watts"] / c["ethernet.port_gbps"]
                + 3 * c["ethernet.switch_pj_per_bit"] + 2 * c["ethernet.module_pj_per_bit"])
        return line / c["ethernet.efficiency"]

    ways = {"photonic, 1 switch": lambda c: photonic(c, 1),
            "photonic, 3 switches": lambda c: photonic(c, 3),
            "copper, in a domain": inside, "copper, across domains": across}
    return pd.DataFrame.from_dict({name: [way(c) for c in bounds] for name, way in ways.items()},
                                  orient="index", columns=["pj_per_bit", "low", "high"])


def latency_against_load(cfg, rates, *, nbytes: int = 256, span_ns: float = 20_000.0,
                         seed: int = 1, worlds=("ideal", "built", "equal"),
                         constants=None) -> pd.DataFrame:
    """Simulated: uniform traffic of `rates` bytes/ns a GPU on copper and on the ideal switch.

    The ideal switch carries a plane's share of each GPU's traffic, and a packet of `nbytes` in
    each; it is the bound of every photonic rack of these links, whose own curve the rack model
    gives. Columns (world, field of :class:`lightloom.sim.oq.LoadRun`).
    """
    both = layouts(cfg, constants)
    networks = {name: (ideal(cfg), cfg.chiplet.optical_ports) if name == "ideal"
                else (both[name].network(), 1) for name in worlds}
    rows = []
    for rate in rates:
        row = {}
        for name, (network, planes) in networks.items():
            traffic = poisson(network.endpoints, rate / planes, span_ns, nbytes=nbytes, seed=seed)
            run = OQModel(network).load(traffic)
            row |= {(name, field): getattr(run, field)
                    for field in ("latency_mean", "latency_p99", "stable")}
            row[name, "accepted"] = run.accepted * planes
        rows.append(row)
    return _table(rows, rates, "bytes_per_ns")


def _table(rows, index, name) -> pd.DataFrame:
    """Rows of {(world, column): value}."""
    columns = pd.MultiIndex.from_tuples(rows[0], names=["world", "figure"])
    return pd.DataFrame([list(row.values()) for row in rows], index=pd.Index(index, name=name),
                        columns=columns)


def _with_fibre(cfg, metres: float):
    return cfg.model_copy(update={"rack": cfg.rack.model_copy(update={"fibre_m": metres})})
