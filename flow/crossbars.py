"""The crossbar alone by number of ports: area, clock, what it delivers (docs/synthesis.md).

Ports of host flits, one VC, no multicast, no statistics, packets of up to 16 flits: what a plain
AXI4-Stream switch does. Delivered is ports x width x Fmax x saturation, the latter of the golden
model under uniform traffic; what does not fit the device has an area and no clock.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import mean

from rich.console import Console
from rich.table import Table

from .. import config
from ..tb import traffic
from ..tb.xbar_scenario import golden
from . import plots
from .axis_switch import AxisSwitch
from .errors import CheckError, FlowError
from .switching import measure as figures
from .switching_cases import Case
from .synth import CELLS, FOLDER, Synthesis, measure, measure_ours

LENGTHS = (1, 16)
"""Flits of the packets whose saturation is measured."""


DEPTH = 64
"""Slots of an input, which its queues share."""


def sizes(text: str) -> list[int]:
    """Numbers of ports, as in "4,8,16".

    Raises
    ------
    FlowError
    """
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or any(not 2 <= ports <= 64 for ports in found):
        raise FlowError(f"PORTS={text}: must be numbers from 2 to 64, with commas between")
    return found


def crossbar(cfg, ports: int, bits: int):
    """`cfg` with `ports` inputs and outputs of `bits` and no features that a plain switch lacks."""
    return config.override(
        cfg, name=f"crossbar_{ports}x{bits}", chiplet__host_ports=ports, chiplet__optical_ports=0,
        chiplet__flit_bytes=bits // 8, chiplet__vcs=1, chiplet__endpoints=ports,
        rack__topology="direct", rack__endpoints=2, xbar__vc_depth=DEPTH,
        xbar__max_packet_flits=max(LENGTHS), xbar__stages=2, xbar__iterations=1,
        xbar__queues="voq", xbar__ecmp="lowest", xbar__multicast=False, xbar__statistics=False,
        xbar__source_routing=False, xbar__voq_limit=0)


def saturation(cfg, cycles: int = 50_000) -> dict[int, float]:
    """Share of line rate that the model delivers at full uniform load, by length of packets."""
    rates = traffic.uniform(cfg.derived.ports)
    shares = {}
    for length in LENGTHS:
        case = Case(f"packets of {length}", cfg, rates, cycles=cycles, lengths=(length,))
        scenario = case.scenario(cycles, seed=1)
        shares[length] = round(figures(case, scenario, golden(scenario).delivered).share, 4)
    return shares


def run(cfg, ports: list[int], bits: int = 64, seeds: int = 1, peer: Path | None = None,
        folder: Path = FOLDER) -> list[dict]:
    """Measure each size, after the switch of a checkout of verilog-axis when there is one.

    Prints a table, and stores it and the growth of area as ``<folder>/crossbars_<bits>``.

    Raises
    ------
    FlowError
        For a width that no flit has.
    PeerError
    CheckError
        When Yosys refuses one.
    """
    if bits not in (64, 128, 256, 512):
        raise FlowError(f"BITS={bits}: not one of 64, 128, 256, 512")
    console, rows = Console(), []
    path = folder / f"crossbars_{bits}.json"
    for n, switch in [(n, AxisSwitch(peer, n, bits, folder)) for n in ports if peer]:
        result = Synthesis("peer", switch.name)
        with _area_at_least(result):
            measure(result, switch.source, switch.ports, ["clk"], None, seeds, folder, console,
                    peer=True)
        rows.append(_row(result, n, bits, {k: switch.saturation(k) for k in LENGTHS}))
    for n in ports:
        cfg_n = crossbar(cfg, n, bits)
        result = Synthesis(cfg_n.name, "crossbar")
        with _area_at_least(result):
            measure_ours(result, cfg_n, seeds, folder, console)
        rows.append(_row(result, n, bits, saturation(cfg_n)))
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    _print(console, rows, bits)
    ours = [row for row in rows if row["block"] == "crossbar"]
    if len(ours) > 1:
        plots.growth(ours).write_html(path.with_suffix(".html"))
        console.print(f"growth: {path.with_suffix('.html')}", soft_wrap=True)
    console.print(f"stored: {path}", soft_wrap=True)
    return rows


@contextmanager
def _area_at_least(result: Synthesis):
    """What does not fit the device still has an area."""
    try:
        yield
    except CheckError:
        if not result.area:
            raise


def _row(result: Synthesis, ports: int, bits: int, shares: dict[int, float]) -> dict:
    fmax = result.fmax_mhz.get("clk", [])
    gbps = {length: round(ports * bits * mean(fmax) * share / 1000, 1)
            for length, share in shares.items()} if fmax else {}
    return {"ports": ports, "bits": bits, "saturation": shares, "gbps": gbps,
            "gbps_per_klut": {length: round(1000 * rate / result.area["lut4"], 1)
                              for length, rate in gbps.items()}, **asdict(result)}


def _print(console: Console, rows: list[dict], bits: int) -> None:
    area = Table("block", title=f"{bits} bits, crossbar with {DEPTH} slots an input, on "
                                f"{rows[0]['device']}")
    rates = Table("block", title="delivered, uniform traffic, by flits of a packet")
    for head in ["ports", "LUT4", "FF", "carry", "DP16KD", "DPR16X4", "Fmax MHz"]:
        area.add_column(head, justify="right")
    for head in ["ports", *(f"{what}, {length}" for length in LENGTHS
                            for what in ("share", "Gb/s", "per kLUT"))]:
        rates.add_column(head, justify="right")
    for row in rows:
        name = ["axis_switch" if row["profile"] == "peer" else row["block"], str(row["ports"])]
        fmax = " / ".join(f"{mhz:.1f}" for mhz in row["fmax_mhz"].get("clk", ()))
        area.add_row(*name, *(f"{row['area'][key]:,}" for key in CELLS),
                     fmax or ("does not fit" if row["does_not_fit"] else "-"))
        rates.add_row(*name, *(str(row[what].get(length, "-")) for length in LENGTHS
                               for what in ("saturation", "gbps", "gbps_per_klut")))
    console.print(area, rates)
