"""One chiplet of the rack in RTL: its flits, carried to a second chiplet and held to the model.

End `a` is the chiplet; end `b` stands for the rest of the rack: it takes all that `a` sends, and
sends what `a` received. Sources, destinations and VCs are those of the rack.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import config
from ..hdl.chiplet import Chiplet
from ..sim.rack import PairModel
from ..sim.xbar import ONE
from ..tb.pair_harness import Beat, HostPacket, PairRun, run_pair
from . import cache

ENDS = "ab"
SETTLE = 16
"""Cycles that the RTL runs on after the last flit: nothing more must come."""


@dataclass(frozen=True)
class Replay:
    """What RTL and model made of the same packets."""

    flits: int                 # flits compared
    cycles: int                # core cycles that the RTL ran
    mismatches: list[str]      # flit, port, cycle, expected, seen
    seconds: float             # that the RTL simulation took
    run: PairRun


def modelled(cfg):
    """The configuration of an endpoint's chiplet as the rack has it: only the planes modelled."""
    return config.override(cfg, chiplet__optical_ports=cfg.rack.planes)


def prepare(cfg) -> None:
    """Convert the chiplet and compile the model, for :func:`replay` to find both on disk."""
    cfg = modelled(cfg)
    cache.to_verilog(Chiplet(cfg), name="chiplet")
    silent = [[[] for _ in range(cfg.chiplet.host_ports)] for _ in ENDS]
    PairModel(cfg, pair_routes(cfg, 0)).run(silent, cycles=1)


def busiest_endpoint(result, endpoints: int) -> int:
    """The endpoint that sends and receives most of the packets that crossed it in the window."""
    weight = np.zeros(endpoints, np.int64)
    for place, cycle in ((result.src, result.accepted), (result.dst, result.head)):
        seen = cycle >= 0
        np.add.at(weight, place[seen], result.nbytes[seen])
    return int(weight.argmax())


def chiplet_packets(cfg, result, endpoint: int, start: int, rng) -> list[list[list[HostPacket]]]:
    """Packets whose first flit crossed the host ports of `endpoint` in the window.

    Parameters
    ----------
    result : lightloom.sim.rack.RackResult
    start : int
        Cycle of the replay that is cycle 0 of the window.
    rng : numpy.random.Generator
        Of the payload, which the rack model does not carry.
    """
    hosts = cfg.chiplet.host_ports
    packets = [[[] for _ in range(hosts)] for _ in ENDS]
    for end, (place, cycle) in enumerate(((result.src, result.accepted),
                                          (result.dst, result.head))):
        mine = np.flatnonzero((place == endpoint) & (cycle >= 0))
        for n in mine[np.argsort(cycle[mine], kind="stable")].tolist():
            dst = int(result.dst[n])
            packets[end][dst % hosts].append(HostPacket(
                cycle=start + int(cycle[n]), src=int(result.src[n]), dst=dst,
                vc=int(result.vc[n]), data=rng.bytes(int(result.nbytes[n]))))
    return packets


def pair_routes(cfg, endpoint: int) -> list[list[tuple[int, int]]]:
    """Entries (kind, set of ports) of both ends: `endpoint` is at `a`, all others at `b`."""
    hosts = cfg.chiplet.host_ports
    here = ONE, (1 << hosts) - 1
    away = ONE, (1 << cfg.chiplet.optical_ports) - 1 << hosts
    return [[here if (dst == endpoint) == at_a else away for dst in range(cfg.chiplet.endpoints)]
            for at_a in (True, False)]


def offers(packets) -> list[list[list[tuple[int, int, int, int, int]]]]:
    """The packets as :meth:`lightloom.sim.rack.PairModel.run` takes them."""
    return [[[(p.cycle, p.src, p.dst, p.vc, len(p.data)) for p in port] for port in end]
            for end in packets]


def replay(cfg, packets, routes, *, start: int, folder: Path, seed: int, waves: bool = False,
           chiplet=Chiplet, joined: int | None = None, simulator: str = "icarus",
           on_cycle=None) -> Replay:
    """Run the packets through two chiplets in RTL and in the model, and compare.

    Parameters
    ----------
    packets : [2][host_ports] lists of HostPacket
    routes : [2] sequences of (kind, set of ports), one for each destination
    start : int
        Cycle by which the links must be ACTIVE; no packet is offered earlier.
    chiplet : type
        Component class of the RTL.
    joined : int, optional
        How many optical ports of the two ends are joined; by default all.
    on_cycle : callable, optional
        Called with (cycles done, cycles to do) while the RTL runs.

    Raises
    ------
    SimulationError
        The links do not come up, or the RTL loses or alters a packet.
    """
    expected = PairModel(cfg, routes).run(offers(packets))
    cycles = expected.cycles + SETTLE
    run = run_pair(cfg, cache.to_verilog(chiplet(cfg), name="chiplet"), packets, routes,
                   cycles=cycles, start=start, folder=folder, seed=seed, simulator=simulator,
                   waves=4 if waves else 0, joined=joined, check=False, on_cycle=on_cycle)
    flits, mismatches = compare(cfg, packets, expected, run)
    return Replay(flits, cycles, mismatches, run.seconds, run)


def compare(cfg, packets, expected, run, names=ENDS) -> tuple[int, list[str]]:
    """Flits compared, and a line for each beat that differs in any cycle or bit.

    A flit is compared where it enters a host port, and where it leaves one at the other end.

    Parameters
    ----------
    packets : [ends][host_ports] lists of HostPacket
    expected : lightloom.sim.rack.PairRun, or what has its `accepted` and `delivered`
    run : PairRun, or what has its `sent` and `received`
    names : sequence of str
        Of the ends.
    """
    flits, mismatches = 0, []
    for end, name in enumerate(names):
        for host in range(cfg.chiplet.host_ports):
            for way, model, beats in (("in", expected.accepted, run.sent),
                                      ("out", expected.delivered, run.received)):
                want, labels = _beats(cfg, packets, model[end][host], names)
                seen = beats[end][host]
                port = f"port {name}.host_{way}[{host}]"
                flits += len(want) if way == "out" else 0
                mismatches += _differences(want, labels, seen, port)
    return flits, mismatches


def _beats(cfg, packets, model, names) -> tuple[list[Beat], list[str]]:
    """Beats that the model says cross a host port, and how an error names each flit."""
    size, full = cfg.chiplet.flit_bytes, (1 << cfg.chiplet.flit_bytes) - 1
    beats, labels = [], []
    for cycle, end, host, number, index in zip(
            model.cycle.tolist(), model.end.tolist(), model.host.tolist(), model.packet.tolist(),
            model.index.tolist(), strict=True):
        packet = packets[end][host][number]
        data = packet.data[size * index:size * (index + 1)]
        last = size * (index + 1) >= len(packet.data)
        beats.append(Beat(
            cycle=cycle, last=int(last), user=packet.vc, src=packet.src, dst=packet.dst,
            keep=(1 << len(data)) - 1 if last else full, data=int.from_bytes(data, "little")))
        labels.append(f"flit {index} of packet {number} from {names[end]}.host_in[{host}] "
                      f"(GPU {packet.src} to {packet.dst}, VC {packet.vc})")
    return beats, labels


def _differences(want, labels, seen, port) -> list[str]:
    lines = []
    for k in range(max(len(want), len(seen))):
        if k >= len(want):
            lines.append(f"{port}, cycle {seen[k].cycle}: expected nothing, seen {_text(seen[k])}")
        elif k >= len(seen):
            lines.append(f"{labels[k]}: {port}: expected in cycle {want[k].cycle}, seen nothing")
        elif want[k] != seen[k]:
            fields = [f for f in Beat.__dataclass_fields__
                      if getattr(want[k], f) != getattr(seen[k], f)]
            lines.append(f"{labels[k]}: {port}, cycle {seen[k].cycle}: "
                         f"expected {_text(want[k], fields)}, seen {_text(seen[k], fields)}")
    return lines


def _text(beat: Beat, fields=tuple(Beat.__dataclass_fields__)) -> str:
    return ", ".join(f"{field} " + (f"{value:#x}" if field in ("data", "keep") else str(value))
                     for field in fields for value in [getattr(beat, field)])
