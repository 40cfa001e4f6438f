"""What the study measures: one function a table, each returns a data frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import config
from ...sim.copper import claims
from ...sim.energy import copper_power, energy
from ...sim.flows import FlowModel
from ...sim.oq import OQModel, poisson
from ...sim.rack import RackModel
from ...sim.rack.faults import FaultSchedule, blast_radius
from ...sim.rack.faults.times import Times
from ...sim.rack.load import Traffic, combine

PACKET_BYTES = 256
SIZES = tuple(1 << k for k in (20, 24, 27, 30))
"""Bytes of a rank in a collective."""
COPPER_GBPS = (50, 100, 200, 300, 380)
"""Offered to both worlds, Gb/s a GPU: up to what a NIC carries."""
PHOTONIC_LOADS = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9)
"""Offered beyond that to the photonic rack alone, of the lines' rate."""
FAULT_LOAD = 0.5
COPPER_SPAN_NS = 20_000.0


def rack_config(profile: str = "tera", **changes):
    """The profile's rack as a study takes it: routes over all spines, chosen by occupancy; what is
    held for a dead link is dropped soon."""
    return config.override(config.load(profile), **{
        "rack__routing": "ecmp", "xbar__ecmp": "occupancy", "xbar__hold_cycles": 1000,
        **changes})


def line_gbps(cfg) -> float:
    """What a GPU sends at a load of 1: a flit a cycle in each plane."""
    return cfg.chiplet.optical_ports * cfg.derived.flit_bits * cfg.chiplet.core_mhz / 1000


def copper_runs(cfg) -> dict:
    """Uniform traffic on both layouts of copper: (layout, run) by (world, Gb/s a GPU)."""
    runs = {}
    for world, layout in claims.layouts(cfg).items():
        network = layout.network()
        for gbps in COPPER_GBPS:
            runs[world, gbps] = layout, OQModel(network).load(poisson(
                network.endpoints, gbps / 8, COPPER_SPAN_NS, nbytes=PACKET_BYTES, seed=1))
    return runs


def latency_against_load(cfg, copper, cycles: int, seeds,
                         progress) -> tuple[pd.DataFrame, dict]:
    """Uniform traffic in packets of PACKET_BYTES; ns from creation to the last byte.

    `copper`: of :func:`copper_runs`.

    Returns
    -------
    DataFrame
        By Gb/s offered to a GPU: (world, `accepted`), Gb/s; (world, `mean`), (world, `p99`), ns,
        NaN where the world is overloaded.
    dict
        Load of the photonic rack to its first run.
    """
    line, ns = line_gbps(cfg), 1000 / cfg.chiplet.core_mhz
    rates = sorted({*(gbps / line for gbps in COPPER_GBPS), *PHOTONIC_LOADS})
    model, rows, runs = RackModel(cfg), {}, {}
    flits = PACKET_BYTES // cfg.chiplet.flit_bytes
    for load in progress(rates, "photonic rack against load"):
        results = [model.load(Traffic("uniform", load, flits), seed=seed, cycles=cycles)
                   for seed in seeds]
        runs[load] = results[0]
        mean = combine(results)
        rows[round(load * line)] = {
            ("photonic", "accepted"): mean.accepted * line,
            ("photonic", "mean"): mean.latency_mean * ns,
            ("photonic", "p99"): mean.latency_p99 * ns}
    for (world, gbps), (_, run) in copper.items():
        rows[gbps] |= {(world, "accepted"): 8 * run.accepted, (world, "mean"): run.latency_mean,
                       (world, "p99"): run.latency_p99}
    frame = pd.DataFrame.from_dict(rows, orient="index").sort_index()
    frame.columns = pd.MultiIndex.from_tuples(frame.columns)
    frame.index.name = "gbps"
    return frame, runs


def completion(cfg, progress) -> pd.DataFrame:
    """Collectives over all GPUs, us, by bytes of a rank: the best algorithm of each world.

    The photonic rack by the flow-level model; copper by the closed forms of its bound, which are
    never above what it takes.
    """
    model, forms = FlowModel(cfg), claims.completion(cfg, SIZES)
    rows = {}
    for size in progress(SIZES, "collectives"):
        reduce = {name: model.collective("all-reduce", size, algorithm=name).ns / 1000
                  for name in ("ring", "halving-doubling")}
        row = {("photonic", "all-reduce"): min(reduce.values()),
               ("photonic", "all-to-all"): model.collective("all-to-all", size).ns / 1000}
        for world in ("built", "equal"):
            of = forms.loc[size, world]
            row |= {(world, "all-reduce"): of.drop("all-to-all").min(),
                    (world, "all-to-all"): of["all-to-all"]}
        rows[size] = row
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.columns = pd.MultiIndex.from_tuples(frame.columns)
    frame.index.name = "bytes"
    return frame


def power(cfg, runs, copper) -> pd.DataFrame:
    """Fabric power, kW, and pJ a delivered bit, of the loads that were simulated."""
    rows, line = {}, line_gbps(cfg)
    for load, result in runs.items():
        if result.stable:
            total = energy(cfg, result).loc["total"]
            rows[round(load * line)] = {("photonic", "kilowatts"): total.watts / 1000,
                                        ("photonic", "pj_per_bit"): total.pj_per_bit}
    for (name, gbps), (layout, run) in copper.items():
        if run.stable:
            total = copper_power(layout, layout.carried(run.channels, run.span_ns),
                                 8 * run.accepted * layout.gpus).loc["total"]
            rows.setdefault(gbps, {}).update({(name, "kilowatts"): total.watts / 1000,
                                              (name, "pj_per_bit"): total.pj_per_bit})
    frame = pd.DataFrame.from_dict(rows, orient="index").sort_index()
    frame.columns = pd.MultiIndex.from_tuples(frame.columns)
    frame.index.name = "gbps"
    return frame


def fault_cases(cfg) -> dict[str, dict]:
    """One of each kind of fault, from the beginning of a run."""
    return {
        "one wavelength of one GPU's fibre, both ways": {
            "kind": "wavelength", "link": "gpu 0 - leaf 0", "lanes": (0,)},
        "one laser module: 8 ports of a leaf to its GPUs": {
            "kind": "laser", "node": "leaf 0", "ports": tuple(range(8))},
        "one spine switch": {"kind": "switch", "node": "spine 0"},
        "one leaf switch": {"kind": "switch", "node": "leaf 0"},
    }


def wavelength_outage_us(cfg) -> float:
    """How long a wavelength's death stops its link (docs/faults.md), by the rules of the link."""
    done = Times.of(cfg).after_death(0, cfg.derived.fibre_cycles)[1]
    return done / cfg.chiplet.core_mhz


def faults(cfg, cycles: int, progress) -> pd.DataFrame:
    """What one fault costs a plane under uniform traffic, against the same run without it.

    Columns: `lost`, share of the throughput; `gpus`, how many lose more than a tenth of what
    they receive; `worst`, the largest share that one loses; `of_gpu`, the same of what it has
    over all planes; `stable`.
    """
    traffic = Traffic("uniform", FAULT_LOAD, PACKET_BYTES // cfg.chiplet.flit_bytes)
    base = RackModel(cfg).load(traffic, seed=1, cycles=cycles)
    rows = {}
    for name, fault in progress(fault_cases(cfg).items(), "faults"):
        schedule = FaultSchedule.of([fault], reroute_us=0.0, name=name)
        run = RackModel(cfg, faults=schedule).load(traffic, seed=1, cycles=cycles,
                                                   warmup=base.warmup)
        radius = blast_radius(base, run)
        loss = radius.received_loss.to_numpy()
        rows[name] = {
            "lost": 1 - radius.received_faulty.sum() / radius.received.sum(),
            "gpus": int(np.count_nonzero(loss > 0.1)), "worst": loss.max(),
            "of_gpu": loss.max() / cfg.chiplet.optical_ports, "stable": run.stable}
    return pd.DataFrame.from_dict(rows, orient="index")
