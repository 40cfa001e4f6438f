"""A small rack in RTL against the model: every flit in its cycle (docs/minirack.md)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from .. import config
from ..hdl.chiplet import Chiplet
from ..sim.link.end.ports import UP
from ..sim.rack import PairRun
from ..sim.rack.beats import BeatModel
from ..sim.rack.exact import ExactModel, ExactRun, LineFaults
from ..tb.pair_harness import HostPacket
from ..tb.rack_harness import RackRun, build, run_rack
from ..tb.rack_verilog import switch_config
from . import cache
from .errors import FlowError, writable
from .replay import SETTLE, compare

CHIPLETS = {"chiplet__host_ports": 2, "chiplet__optical_ports": 1, "chiplet__endpoints": 8,
            "rack__radix": 6, "rack__planes": 1}
RACKS = {
    "clos2": {"rack__topology": "clos2", "rack__endpoints": 8, "rack__switch_endpoints": 4,
              "rack__uplinks": 2, "rack__spines": 2},
    "direct": {"rack__topology": "direct", "rack__endpoints": 3, "rack__switch_endpoints": 0,
               "rack__uplinks": 0, "rack__spines": 0},
}
"""8 GPUs, 2 leaves of 4 GPUs and 2 uplinks, 2 spines; or 3 GPUs at one switch; in any profile."""

SMALL = {
    "chiplet__flit_bytes": 16, "serdes__lanes": 2, "serdes__marker_period": 32,
    "serdes__deskew_blocks": 8, "serdes__diagnostics": False, "link__frame_flits": 8,
    "link__replay_flits": 128, "link__keepalive_cycles": 32, "link__lane_budget": 16,
    "link__lane_retry_cycles": 1024, "xbar__vc_depth": 128, "xbar__max_packet_flits": 16,
    "xbar__statistics": False, "xbar__multicast": False, "rack__fibre_m": 1.0,
}
"""What makes 12 chiplets quick to convert, to compile and to run."""

MOST = 40
"""Cycles that an exact run may take, in those of the same traffic without errors."""


@dataclass(frozen=True)
class MiniRack:
    """What RTL and model made of the same traffic.

    `lanes`: of each link direction that lost some, as "gpu 3 -> leaf 0", how many carry data at
    the end; `outage`: of the lane that died, (cycles until an end of its link left the states that
    carry flits, cycles until both were back), None where nothing died.
    """

    flits: int
    cycles: int
    mismatches: list[str]
    replays: int
    lanes: dict[str, int]
    outage: tuple[int, int] | None
    model: str                   # "fast" or "exact"
    model_seconds: float
    rtl_seconds: float
    expected: PairRun | ExactRun
    run: RackRun

    @property
    def ok(self) -> bool:
        return not self.mismatches


def mini(profile: str | None = None, rack: str = "clos2", **changes):
    """The configuration of an endpoint of the mini-rack: of a profile, or small."""
    if rack not in RACKS:
        raise FlowError(f"rack = {rack}: must be one of {', '.join(RACKS)}")
    base = config.load(profile or "sim")
    return config.override(base, **{**CHIPLETS, **RACKS[rack], **({} if profile else SMALL),
                                    **changes})


def traffic(cfg, seed: int, start: int, count: int) -> list[list[list[HostPacket]]]:
    """Random packets at each host port, `count` of them, in bursts, of 1 to the most flits.

    A message is at host port `dst` mod H. The last third of one port is for one GPU, in packets of
    the most flits: they wait in the switches, and where they are many, at the hosts.
    """
    rng, hosts, target = random.Random(seed), cfg.chiplet.host_ports, cfg.rack.endpoints - 3
    size, longest = cfg.chiplet.flit_bytes, cfg.xbar.max_packet_flits

    def port(src, host):
        cycle = start
        for k in range(count):
            cycle += rng.choice((0, 0, 0, 1, 7, 40))
            near = [dst for dst in range(cfg.rack.endpoints) if dst % hosts == host]
            hot = target % hosts == host and k >= count - count // 3
            flits = longest if hot else rng.choice((1, 1, 2, 3, rng.randint(1, longest)))
            yield HostPacket(
                cycle=cycle, src=src, dst=target if hot else rng.choice(near),
                vc=rng.randrange(cfg.chiplet.vcs),
                data=rng.randbytes(size * flits - rng.choice((0, 0, rng.randrange(size)))))

    return [[list(port(src, host)) for host in range(hosts)]
            for src in range(cfg.rack.endpoints)]


def run(profile: str | None = None, *, rack: str = "clos2", seed: int = 1, packets: int = 12,
        errors: int = 0, lane_death: bool = False, exact: bool | None = None,
        simulator: str = "verilator", out: Path = Path("build/minirack"), chiplet=Chiplet,
        changes=None, model_changes=None, quiet: bool = False) -> MiniRack:
    """Run the mini-rack in RTL and in the model, and compare every flit in every cycle.

    Parameters
    ----------
    profile : str, optional
        Name or path of a profile for chiplets and links; default: a small one.
    rack : {"clos2", "direct"}
        12 chiplets, or 4.
    packets : int
        Packets at each host port.
    errors : int
        Bits that are inverted on the fibres while there is traffic, at places drawn with `seed`.
    lane_death : bool
        One lane of one fibre goes dark for good in the middle of the traffic.
    exact : bool, optional
        Compare with the exact model; by default where there are errors or a lane dies, else with
        the model of the rack.
    chiplet : type
        Component class of the RTL.
    changes, model_changes : dict, optional
        Fields of the configuration that are other than the profile's; and, of the model alone,
        what a test breaks.
    quiet : bool
        Print nothing.

    Raises
    ------
    ConfigError, FlowError, SimulationError
    """
    cfg = mini(profile, rack, **(changes or {}))
    for name, value, least in (("packets", packets, 1), ("errors", errors, 0)):
        if value < least:
            raise FlowError(f"{name} = {value}: must be at least {least}")
    writable(out)
    own = config.override(cfg, **model_changes) if model_changes else cfg
    start = cfg.derived.bringup_cycles
    offered = traffic(cfg, seed, start, packets)
    fast, began = BeatModel(own), perf_counter()
    topology = fast.topology
    expected = fast.run([[[(p.cycle, p.src, p.dst, p.vc, len(p.data)) for p in port]
                          for port in end] for end in offered])
    seconds, span = perf_counter() - began, expected.cycles - start
    faults = draw_faults(cfg, topology, seed, start, span, errors, lane_death)
    exact = bool(errors or lane_death) if exact is None else exact
    if (errors or lane_death) and not exact:
        raise FlowError("exact = False: the model of the rack has no errors on its fibres")
    if exact:
        # A link whose lane died comes back within this time (docs/minirack.md).
        settle = SETTLE + lane_death * 2 * (cfg.derived.lane_patience + cfg.derived.round_trip)
        expected = ExactModel(own, faults).run(offered, start + MOST * span, settle=settle)
        seconds = expected.seconds
    cycles = expected.cycles if exact else expected.cycles + SETTLE
    verilog = {"endpoint": _verilog(chiplet, cfg, "endpoint"),
               "switch": _verilog(chiplet, switch_config(cfg), "switch")}
    room = max(1024, packets * (cfg.xbar.max_packet_flits + 1), errors + 1)
    program = build(cfg, topology, verilog, simulator=simulator, room=room)
    seen = run_rack(cfg, topology, program, offered, cycles=cycles, start=start, folder=out,
                    faults=faults, room=room)
    flits, mismatches = compare(cfg, offered, expected, seen,
                                topology.names[:topology.endpoints])
    if exact:
        mismatches += compare_links(topology, expected, seen)
    done = MiniRack(
        flits, cycles, mismatches, sum(status.replays for status in seen.status),
        lanes_left(cfg, topology, seen), outage(topology, faults, seen.changes),
        "exact" if exact else "fast", seconds, seen.seconds, expected, seen)
    if not quiet:
        show(done)
    return done


@lru_cache
def _verilog(chiplet, cfg, name: str) -> str:
    """A chiplet, exported; made once in a process, as even its elaboration takes a while."""
    return cache.to_verilog(chiplet(cfg), name=name)


def draw_faults(cfg, topology, seed, start, span, errors, lane_death) -> LineFaults:
    """Bit errors anywhere within `span` cycles from `start`; a lane that dies after a third."""
    rng, ends, lanes = random.Random(seed + 1), topology.ends.size, cfg.serdes.lanes
    if lane_death and lanes < 2:
        raise FlowError(f"serdes.lanes = {lanes}: a link with one lane does not survive it")
    flips = tuple((rng.randrange(ends), start + rng.randrange(span), rng.randrange(lanes),
                   rng.randrange(cfg.serdes.word_bits)) for _ in range(errors))
    dark = ((rng.randrange(ends), rng.randrange(lanes), start + span // 3),) if lane_death else ()
    return LineFaults(flips, dark)


def compare_links(topology, expected, seen) -> list[str]:
    """A line for each link end whose status, or whose changes of state, are other than expected."""
    lines = []
    for end, name in enumerate(topology.link_names):
        want, got = expected.status[end], seen.status[end]
        for field in want._fields:
            if getattr(want, field) != getattr(got, field):
                lines.append(f"{name}: {field}: expected {getattr(want, field)}, "
                             f"seen {getattr(got, field)}")
        changes = [(cycle, *shown) for cycle, shown in expected.changes[end]]
        if changes != seen.changes[end]:
            first = next((pair for pair in zip(changes, seen.changes[end], strict=False)
                          if pair[0] != pair[1]), ("of another number", ""))
            lines.append(f"{name}: (cycle, state, aligned, live): expected {first[0]}, "
                         f"seen {first[1]}")
    return lines


def lanes_left(cfg, topology, seen) -> dict[str, int]:
    """Lanes that carry data in the last cycle, of each direction in which some do not."""
    full = cfg.serdes.lanes
    left = {name: changes[-1][3].bit_count() if changes else 0
            for name, changes in zip(topology.link_names, seen.changes, strict=True)}
    return {name: lanes for name, lanes in left.items() if lanes < full}


def outage(topology, faults, changes) -> tuple[int, int] | None:
    """How long a lane's death stopped its link: cycles to the loss, and to the recovery."""
    if not faults.dark:
        return None
    end, _, death = faults.dark[0]
    events = sorted((cycle, k, state in UP) for k, each in enumerate((
        end, int(topology.peers[end]))) for cycle, state, *_ in changes[each])
    up, lost = [False, False], None
    for cycle, k, is_up in events:
        up[k] = is_up
        if cycle >= death and lost is None and not all(up):
            lost = cycle - death
        elif lost is not None and all(up):
            return lost, cycle - death
    return None


def show(done: MiniRack) -> None:
    console = Console(width=100)
    table = Table(title="mini-rack: RTL against the " + (
        "exact model" if done.model == "exact" else "model"))
    for column in ("flits compared", "cycles", "mismatches", "replays", "RTL s", "model s"):
        table.add_column(column, justify="right")
    table.add_row(str(done.flits), str(done.cycles), str(len(done.mismatches)), str(done.replays),
                  f"{done.rtl_seconds:.1f}", f"{done.model_seconds:.1f}")
    console.print(table)
    for name, lanes in done.lanes.items():
        console.print(f"{name}: {lanes} lanes carry data")
    if done.outage is not None:
        console.print("the link of the lane that died: down after {} cycles, back after {}".format(
            *done.outage))
    for line in done.mismatches[:20]:
        console.print(line, highlight=False)
