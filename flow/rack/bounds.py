"""What no rack can beat: latency and bandwidth of the steps of a collective (docs/sweeps.md)."""

from __future__ import annotations

from math import ceil, log2

from ...config import STAGES, Config
from ...sim.flows import Timing

LINK = 21
"""Cycles of a link beside its frame and its fibre (docs/rack.md, Closed forms)."""


def least_latency(cfg: Config) -> float:
    """Core cycles from the start of a message of one flit to its delivery, one switch away."""
    switches, links = 1, 2
    link = 0 if cfg.rack.links == "ideal" else LINK + 1
    return 1 + STAGES.xbar * (switches + 2) + links * (link + cfg.derived.fibre_cycles) + 2


def steps(collective: str, algorithm: str, n: int, nbytes: int) -> tuple[int, float]:
    """Steps that wait for one another, and bytes that one rank sends, or receives, in them all.

    `nbytes` is one rank's input, as of `lightloom.sim.workload.collective_graph`; n ranks.
    Sources: the table of algorithms in docs/rack.md.
    """
    depth = ceil(log2(n)) if n > 1 else 0
    power = 1 << (n.bit_length() - 1)
    doubling = (n.bit_length() - 1) + (2 if n > power else 0)
    part = (n - 1) / n * nbytes
    match collective, algorithm:
        case "all-reduce", "ring":
            return 2 * (n - 1), 2 * part
        case "all-reduce", "halving-doubling":
            return 2 * (n.bit_length() - 1) + (2 if n > power else 0), 2 * (power - 1) / power * (
                nbytes)
        case "all-reduce", "direct":
            return 2, 2 * part
        case "all-reduce", "tree":
            return 2 * depth, 2 * depth * nbytes
        case ("reduce-scatter" | "reduce-scatter-block"), "ring":
            return n - 1, part
        case ("reduce-scatter" | "reduce-scatter-block"), "halving-doubling":
            return doubling, (power - 1) / power * nbytes
        case ("reduce-scatter" | "reduce-scatter-block"), "direct":
            return 1, part
        case "all-gather", "ring":
            return n - 1, (n - 1) * nbytes
        case "all-gather", "halving-doubling":
            return doubling, (power - 1) * nbytes
        case "all-gather", "direct":
            return 1, (n - 1) * nbytes
        case "all-to-all", "direct":
            return 1, part
        case "all-to-all", "pairwise":
            return n - 1, part
        case ("broadcast" | "reduce"), "tree":
            return depth, depth * nbytes
        case "scatter", "direct":
            return 1, part
        case "gather", "direct":
            return 1, (n - 1) * nbytes
        case "barrier", _:
            return depth, 0.0
    raise ValueError(f"{collective} {algorithm}: no bound is known")


def bound_cycles(cfg: Config, collective: str, algorithm: str, n: int, nbytes: int) -> float:
    """steps · α + bytes / B: core cycles that the collective takes at least.

    α is :func:`least_latency`, B the payload that a link carries, of the planes modelled. The
    first flit of each step is in its α.
    """
    if n < 2:
        return 0.0
    count, sent = steps(collective, algorithm, n, nbytes)
    timing = Timing.of(cfg)
    flits = sent / timing.flit_bytes * timing.modelled / timing.planes
    rate = min(1.0, float(timing.rates.max()))
    return count * least_latency(cfg) + max(flits - count, 0.0) / rate
