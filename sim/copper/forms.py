"""Closed forms of both worlds: latencies without load, completion of collectives.

Times in ns, rates in bytes/ns. Sources: Patarasuk and Yuan, JPDC 69(2), 2009 (ring); Thakur et
al., IJHPCA 19(1), 2005 (halving and doubling).
"""

from __future__ import annotations

import math

from lightloom.config.derived import STAGES

from .layout import FLIT_BYTES


def copper_latency(layout, nbytes: int, *, across: bool) -> float:
    """One packet, alone: made to its last byte at the GPU, in its domain or `across` spines.

    Switches cut through: sent once whole, and at each switch as much as that waits for.
    """
    c, flights = layout.constants, layout.flights
    head = min(nbytes, FLIT_BYTES)
    if not across:
        rate = layout.rates["scale-up"]
        return (nbytes + head) / rate + flights["up"] + c["copper.scaleup_switch_ns"] \
            + flights["down"]
    rate = layout.rates["nic"]
    return (nbytes + 3 * head) / rate + flights["out"] + 2 * flights["spine"] + flights["in"] \
        + 3 * c["ethernet.switch_ns"]


def rack_latency(cfg, flits: int, switches: int) -> float:
    """The rack model's closed form (docs/rack.md): first beat accepted to last one delivered."""
    link = STAGES.link_tx + STAGES.link_rx + STAGES.adapter_tx + STAGES.adapter_rx + 1
    cycles = (1 + STAGES.xbar * (switches + 2)
              + (switches + 1) * (link + flits + cfg.derived.fibre_cycles) + 2 + flits - 1)
    return cycles * 1000 / cfg.chiplet.core_mhz


def rack_rate(cfg) -> float:
    """Payload that an endpoint sends over all its planes, bytes/ns (docs/rack.md, Bandwidth)."""
    serdes, frame = cfg.serdes, cfg.link.frame_flits
    share = (min(1.0, serdes.lanes * cfg.derived.lane_bits / (66 * cfg.derived.blocks))
             * serdes.marker_period / (serdes.marker_period + 1) * frame / (frame + 1))
    return (cfg.chiplet.optical_ports * cfg.chiplet.flit_bytes * share
            * cfg.chiplet.core_mhz / 1000)


def ring(ranks: int, nbytes: float, alpha: float, rate: float) -> float:
    """All-reduce on a ring: 2(N-1)(alpha + S/(N B))."""
    return 2 * (ranks - 1) * (alpha + nbytes / (ranks * rate))


def halving_doubling(ranks: int, nbytes: float, alpha: float, rate: float) -> float:
    """All-reduce by recursive halving and doubling: 2 log2(N) alpha + 2 (N-1)/N S/B."""
    return 2 * math.log2(ranks) * alpha + 2 * (ranks - 1) / ranks * nbytes / rate


def direct(ranks: int, nbytes: float, alpha: float, rate: float) -> float:
    """All-to-all, at least: alpha + (N-1)/N S/B."""
    return alpha + (ranks - 1) / ranks * nbytes / rate


def copper_ring(layout, nbytes: float) -> float:
    """All-reduce on one ring through all domains, at least.

    A chunk goes around twice: the sum of its ways; and the links that leave a domain must send
    a chunk in each of the 2(N-1) steps.
    """
    ranks, steps = layout.gpus, 2 * (layout.gpus - 1)
    chunk = nbytes / ranks
    inside = copper_latency(layout, chunk, across=False)
    across = copper_latency(layout, chunk, across=True)
    crossings = layout.domains if layout.domains > 1 else 0
    way = steps * ((ranks - crossings) * inside + crossings * across) / ranks
    return max(way, steps * chunk / layout.rates["nic"]) if crossings else way


def copper_hierarchical(layout, nbytes: float) -> float:
    """All-reduce by domains: reduce-scatter inside, rings across, all-gather inside."""
    domain, domains = layout.domain, layout.domains
    share = nbytes / domain
    inside = copper_latency(layout, share, across=False)
    across = copper_latency(layout, share / domains, across=True)
    return 2 * (domain - 1) * inside + 2 * (domains - 1) * across


def copper_halving_doubling(layout, nbytes: float) -> float:
    """All-reduce by halving and doubling, the large halves inside the domain; sizes of domains
    and their number must be powers of two.
    """
    inner, outer = math.log2(layout.domain), math.log2(layout.domains)
    way = (inner * copper_latency(layout, 0, across=False)
           + outer * copper_latency(layout, 0, across=True))
    # Of S, all but 1/d is halved away inside; of that share, all but 1/D outside.
    inside, share = 1 - 1 / layout.domain, 1 / layout.domain
    return 2 * (way + nbytes * inside / layout.rates["scale-up"]
                + nbytes * share * (1 - 1 / layout.domains) / layout.rates["nic"])


def rack_alpha(cfg, nbytes: float, switches: int) -> float:
    """Latency of the last packet of a message over all planes, cut by frames."""
    flits = math.ceil(nbytes / cfg.chiplet.optical_ports / cfg.chiplet.flit_bytes)
    return rack_latency(cfg, max(1, min(flits, cfg.link.frame_flits)), switches)


def rack_ring(cfg, nbytes: float) -> float:
    """All-reduce on one ring of neighbours, of which each leaf's last one is three switches
    away.
    """
    ranks, down = cfg.rack.endpoints, cfg.rack.down
    alpha = [rack_alpha(cfg, nbytes / ranks, switches) for switches in (1, 3)]
    mean = alpha[0] + (alpha[1] - alpha[0]) / down if ranks > down else alpha[0]
    return ring(ranks, nbytes, mean, rack_rate(cfg))


def copper_all_to_all(layout, nbytes: float) -> float:
    """All-to-all, at least: what each GPU sends out of its domain goes through its NIC."""
    out = (layout.gpus - layout.domain) / layout.gpus * nbytes
    inside = (layout.domain - 1) / layout.gpus * nbytes
    share = nbytes / layout.gpus
    return max(
        inside / layout.rates["scale-up"] + copper_latency(layout, share, across=False)
        - share / layout.rates["scale-up"],
        (out / layout.rates["nic"] + copper_latency(layout, share, across=True)
         - share / layout.rates["nic"]) if out else 0.0)
