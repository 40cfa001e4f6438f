"""The soak of the link layer: two links in Verilator, and all that a channel and a partner can do.

``python -m lightloom.tb.soak --help`` runs a campaign from the command line.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import time
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path

from amaranth.lib.data import Layout

from lightloom.config import load, override
from lightloom.config.derived import STAGES
from lightloom.flow.cache import to_verilog
from lightloom.hdl.link.format import Tail
from lightloom.hdl.link.layer import Link, LinkControl, LinkStatus
from lightloom.hdl.serdes.types import RxControl, TxControl

from .bench import VERILOG
from .flits import FlitCodec
from .runner import SimulationError, packaged_verilator

CACHE = Path("build/cache/soak")
RECORDS = ("frames", "crc_errors", "gaps", "duplicates", "replays", "timeouts", "bad_acks",
           "retrains", "link_downs", "sessions", "lane_removals", "lost_flits", "aborts")
"""Counters of a link's status, in the order in which the harness sums them."""


@dataclass(frozen=True)
class Scenario:
    """What befalls the links: bit errors in 10^9, and mean cycles between two events of a kind.

    0 is never. Each channel has events of its own, the ends share theirs.
    """

    ppb: int = 0
    burst: int = 0      # up to 64 beats of noise
    flag: int = 0       # a block that the adapter flags
    slip: int = 0       # a beat is missing
    silence: int = 0    # nothing arrives for up to 2^`hush` cycles, and nobody says so
    hush: int = 12
    outage: int = 0     # no alignment for up to 2^`gloom` cycles, half the time no light
    gloom: int = 13
    death: int = 0      # a lane is dead for up to 65,536 cycles
    sickness: int = 0   # a lane is noisy for up to 16,384 cycles
    forge: int = 0      # a frame with a good CRC that is none of the stream
    reset: int = 0      # an end is reset, mostly with its lanes
    freeze: int = 0     # an end's clock stops for up to 8,192 cycles
    sleep: int = 0      # sleep is allowed, or no longer

    @property
    def keeps_sessions(self) -> bool:
        """Nothing happens that an end may answer with a new session."""
        return not self.reset and self.hush < 14

    def arguments(self) -> list[str]:
        return [f"+{f.name}={getattr(self, f.name)}" for f in fields(self)]


SCENARIOS = {
    "clean": Scenario(),
    "ber 1e-6": Scenario(ppb=1000),
    "ber 1e-4": Scenario(ppb=100_000),
    "bursts": Scenario(ppb=1000, burst=2000, flag=500, slip=3000),
    "silence": Scenario(ppb=1000, silence=20_000, hush=18),
    "outages": Scenario(ppb=1000, silence=10_000, outage=10_000),
    "lanes": Scenario(ppb=1000, death=8000, sickness=8000),
    "resets": Scenario(ppb=1000, reset=5000),
    "frozen": Scenario(ppb=1000, freeze=5000, sleep=2000),
    "forged": Scenario(ppb=1000, forge=100, reset=10_000),
    "all": Scenario(ppb=10_000, burst=5000, flag=5000, slip=5000, silence=50_000, outage=50_000,
                    death=100_000, sickness=100_000, forge=500, reset=20_000, freeze=20_000,
                    sleep=5000),
}
WITH_ADAPTERS = {
    "lanes": Scenario(ppb=1000, outage=20_000, gloom=15, death=8000, sickness=8000),
    "all": Scenario(ppb=1000, burst=50_000, outage=100_000, death=50_000, sickness=50_000,
                    reset=100_000, freeze=100_000, sleep=20_000),
}
"""What a channel of adapters and fibres can do, at a pace that leaves time to align."""

SIGNS = {
    "clean": (), "ber 1e-6": ("errors",), "ber 1e-4": ("errors", "crc_errors", "gaps", "replays"),
    "bursts": ("bursts", "crc_errors", "replays"), "silence": ("outages",),
    "outages": ("outages", "retrains"), "lanes": ("deaths", "lane_removals"),
    "resets": ("resets", "sessions", "gone", "lost_flits", "ended"),
    "frozen": ("freezes", "slept"),
    "forged": ("forged", "gaps", "duplicates", "bad_acks"), "all": ("forged", "resets"),
}
"""What a hundred thousand flits of each scenario must have met, whatever the seed."""
LANE_SIGNS = ("outages", "deaths", "searches", "lane_removals", "returns", "retrains", "replays")
"""The same of "lanes" with adapters."""


def configuration(profile: str):
    """A profile whose lanes come back soon: a run has no time for more."""
    return override(load(profile), link__lane_retry_cycles=1024)


def parameters(cfg) -> dict[str, int]:
    """Parameters of the harness for a configuration."""
    d, tail = cfg.derived, Tail(cfg)
    fixed = STAGES.adapter_tx + STAGES.adapter_rx + d.fibre_cycles
    return {
        "PAYLOAD": d.flit_bits, "VC_BITS": d.vc_bits, "ID_BITS": d.id_bits,
        "VCS": cfg.chiplet.vcs, "FIFO": cfg.xbar.egress_depth, "DEPTH": cfg.xbar.vc_depth,
        "LANES": cfg.serdes.lanes, "FRAME": cfg.link.frame_flits,
        "REPLAY": cfg.link.replay_flits,
        "RATE": int(2**16 * min(1, d.lane_bits * d.code_rate / (64 * d.blocks))),
        # The round trip of the configuration is the most that the channel may take.
        "LEAST": fixed, "MOST": d.round_trip // 2 - STAGES.link_tx - STAGES.link_rx - 2,
        "MARKERS": d.lane_patience // 4,
        **{f"{name.upper()}_LSB": tail[name].offset for name in ("count", "seq", "ack", "info")},
        "COUNT_BITS": d.count_bits, "SEQ_BITS": d.seq_bits,
        "PATIENCE": 16 * (cfg.serdes.lanes + 1) * d.bringup_cycles, "QUIET": 4 * d.timeout_cycles,
        "RECORDS": len(RECORDS),
    }


def wrap(cfg) -> str:
    """Verilog of `soak_end`: the exported link, its status taken apart."""
    d, status = cfg.derived, LinkStatus(cfg)
    lanes, blocks, vcs = cfg.serdes.lanes, d.blocks, cfg.chiplet.vcs
    flit = FlitCodec(cfg).bits
    receiver = Layout.cast(status["rx"].shape)

    def offset(name):
        if name in dict(receiver):
            return status["rx"].offset + receiver[name].offset
        return status[name].offset

    records = ", ".join(f"status[{offset(name)} +: 16]" for name in reversed(RECORDS))
    control = ", ".join(name for name, _ in reversed(list(Layout.cast(LinkControl))))
    return f"""
module soak_end (
    input clk, input rst, input i_valid, input [{flit - 1}:0] i_flit,
    output [{vcs - 1}:0] i_credit, output o_valid, output [{flit - 1}:0] o_flit,
    input [{vcs - 1}:0] o_credit, output tx_valid, input tx_ready,
    output [{65 * blocks - 1}:0] tx_beat, input rx_valid, input [{66 * blocks - 1}:0] rx_beat,
    input aligned, input [{8 * lanes - 1}:0] wires, input restart, input sleep,
    output [{lanes - 1}:0] off, output [{lanes - 1}:0] asked, output [3:0] state,
    output [15:0] session,
    output [{16 * len(RECORDS) - 1}:0] records
);
    wire [{status.size - 1}:0] status;
    link link (
        .clk(clk), .rst(rst), .i__valid(i_valid), .i__flit(i_flit), .i__credit(i_credit),
        .o__valid(o_valid), .o__flit(o_flit), .o__credit(o_credit), .tx__valid(tx_valid),
        .tx__ready(tx_ready), .tx__payload(tx_beat), .rx__valid(rx_valid), .rx__beat(rx_beat),
        .aligned(aligned), .wires(wires), .control({{{control}}}), .lanes_off(off),
        .status(status));
    assign asked = status[{status["off"].offset} +: {lanes}];
    assign state = status[{status["state"].offset} +: 4];
    assign session = status[{status["session"].offset} +: 16];
    assign records = {{{records}}};
endmodule
"""


def wrap_adapters(cfg) -> str:
    """Verilog of `soak_tx` and `soak_rx`: the exported adapters, on one clock."""
    lanes, blocks = cfg.serdes.lanes, cfg.derived.blocks
    words = lanes * cfg.serdes.word_bits
    clocks = ", ".join(f".rx_clk__{lane}(clk)" for lane in range(lanes))
    return f"""
module soak_tx (
    input clk, input rst, input i_valid, output i_ready, input [{65 * blocks - 1}:0] i_beat,
    input [{lanes - 1}:0] off, output [{words - 1}:0] words
);
    adapter_tx adapter (
        .clk(clk), .rst(rst), .tx_clk(clk), .i__valid(i_valid), .i__ready(i_ready),
        .i__payload(i_beat), .words(words), .control({{{TxControl(cfg).size - lanes}'b0, off}}));
endmodule

module soak_rx (
    input clk, input rst, input [{words - 1}:0] words, input [{lanes - 1}:0] light, output valid,
    output [{66 * blocks - 1}:0] beat, output aligned, output [{8 * lanes - 1}:0] wires
);
    adapter_rx adapter (
        .clk(clk), .rst(rst), {clocks}, .words(words), .rx_signal(light),
        .control({RxControl(cfg).size}'b0), .valid(valid), .beat(beat), .aligned(aligned),
        .wires(wires));
endmodule
"""


@dataclass(frozen=True)
class SoakRun:
    """What one run did; `records` are sums over both ends and all their resets."""

    seed: int
    figures: dict[str, int]
    records: dict[str, int]


def build(cfg, link: str, adapters: str = "") -> Path:
    """The soak of an exported `link`, compiled, from the cache when it is there.

    `adapters`: exported `adapter_tx` and `adapter_rx`, to stand in the channel themselves.
    """
    channel = "soak_fibre.v" if adapters else "soak_channel.v"
    files = ("soak.v", "soak_flow.v", channel, "soak_main.cpp", "soak_events.vh", "soak_random.vh")
    texts = {f: (VERILOG / f).read_text() for f in files}
    texts |= {"link.v": link, "soak_end.v": wrap(cfg)}
    if adapters:
        texts["adapters.v"] = adapters + wrap_adapters(cfg)
    options = [
        "--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "--x-initial", "fast",
        "--noassert", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-MULTIDRIVEN",
        "--top-module", "soak", f"-DSOAK_WORD={cfg.serdes.word_bits}",
        f"-DSOAK_DELAY={cfg.derived.fibre_cycles}",
        *(f"-G{name}={value}" for name, value in parameters(cfg).items()),
    ]
    key = "\n".join([version("verilator"), *options, *texts.values()])
    folder = CACHE / hashlib.sha256(key.encode()).hexdigest()
    binary = folder / "obj_dir" / "Vsoak"
    CACHE.mkdir(parents=True, exist_ok=True)
    # Tests that run at once wait for the first one's build.
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="utf-8")
            sources = [file for file in texts if not file.endswith(".vh")]
            with packaged_verilator():
                done = subprocess.run(["verilator", *options, *sources], cwd=folder, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            (folder / "build.log").write_text(done.stdout, encoding="utf-8")
            if done.returncode:
                raise SimulationError(f"soak: Verilator failed:\n{done.stdout[-4000:]}")
    return binary


def run(binary: Path, scenario: Scenario, *, flits: int, seed: int, extra: tuple = ()) -> SoakRun:
    """Deliver `flits` in one scenario.

    Raises
    ------
    SimulationError
        Something was lost, duplicated, reordered, altered, not accounted for, or never came.
    """
    command = [str(binary.resolve()), f"+seed={seed}", f"+flits={flits}", *scenario.arguments(),
               *extra]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = done.stdout.splitlines()
    passed = [line for line in lines if line.startswith("SOAK PASS")]
    if done.returncode or not passed or any("SOAK FAIL" in line for line in lines):
        raise SimulationError(f"soak, seed {seed}, exit code {done.returncode}: "
                              f"{' '.join(command)}\n{done.stdout[-4000:]}")
    figures = dict(part.split("=") for part in passed[0].split()[2:])
    records = next(line for line in lines if line.startswith("SOAK RECORDS")).split()[2:]
    result = SoakRun(seed, {name: int(value) for name, value in figures.items()},
                     dict(zip(RECORDS, map(int, records), strict=True)))
    if scenario.keeps_sessions and (result.records["sessions"] or result.figures["gone"]):
        raise SimulationError(f"SOAK FAIL a session was lost without a reset or a long silence, "
                              f"seed {seed}: {result}")
    return result


def campaign(binary: Path, *, flits: int, seed: int, name: str, each: int = 250_000,
             report=None) -> dict[str, dict[str, int]]:
    """Deliver `flits` in all, in runs of up to `each`, scenario by scenario; sums by scenario.

    Runs have seeds of their own: `seed`, `seed` + 1, ... `report` is called with a line of text
    after each run, which also goes to ``build/soak/<name>.log``.
    """
    log = Path("build/soak") / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, int]] = {}
    done, began = 0, time.monotonic()
    share = -(-flits // len(SCENARIOS))
    with log.open("w") as file:
        for scenario, what in SCENARIOS.items():
            row = rows.setdefault(scenario, {"runs": 0})
            while row.get("flits", 0) < share:
                size = min(each, share - row.get("flits", 0))
                one = run(binary, what, flits=size, seed=seed)
                seed += 1
                row["runs"] += 1
                counted = one.figures | one.records
                # Numbers that a source passed over when it was reset were never sent.
                counted["gone"] -= counted["skipped"]
                for key, value in counted.items():
                    row[key] = max(row.get(key, 0), value) if key == "settled" else (
                        row.get(key, 0) + value)
                done += one.figures["flits"]
                line = (f"{name}: {scenario}, seed {one.seed}: {done:,} of {flits:,} flits, "
                        f"{done / (time.monotonic() - began):,.0f} a second")
                file.write(line + "\n")
                file.flush()
                if report is not None:
                    report(line)
    return rows


COLUMNS = {
    "flits": "flits", "cycles": "cycles", "errors": "bit errors", "replays": "replays",
    "retrains": "retrains", "lane_removals": "lanes out", "forged": "forged", "resets": "resets",
    "sessions": "sessions", "gone": "flits not delivered", "lost_flits": "reported lost",
    "ended": "ABORTs", "settled": "longest return",
}
"""Figures of a campaign and their titles in its table."""


def table(rows: dict[str, dict[str, int]]) -> str:
    """The sums of a campaign in Markdown."""
    lines = [f"| scenario | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    total = {c: (max if c == "settled" else sum)(row[c] for row in rows.values()) for c in COLUMNS}
    lines += [f"| {name} | " + " | ".join(f"{row[c]:,}" for c in COLUMNS) + " |"
              for name, row in [*rows.items(), ("sum", total)]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="ecp5")
    parser.add_argument("--flits", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cfg = configuration(options.profile)
    binary = build(cfg, to_verilog(Link(cfg), name="link"))
    print(table(campaign(binary, flits=options.flits, seed=options.seed, name=cfg.name,
                         report=lambda line: print(line, flush=True))))


if __name__ == "__main__":
    main()
