"""A small rack in RTL: endpoint and switch chiplets as exported, joined by their fibres."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib.data import Layout

from lightloom import config
from lightloom.hdl.chiplet import PortControl, PortStatus
from lightloom.sim.link.end import Status
from lightloom.sim.rack.exact import LineFaults

from .bench import VERILOG, harness
from .layouts import StructCodec, decode
from .link_end_harness import link_status
from .pair_harness import WIRES, Beat, HostPacket, read_beats, watched
from .routes import TableCodec, table_writes, written
from .runner import simulate

FILES = ("scripted_fibre.v", "beat_source.v", "axis_recorder.v", "change_log.v", "table_writer.v")
NEVER = 2**32 - 1


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


def run_rack(cfg, topology, verilog: dict[str, str], packets: list[list[list[HostPacket]]], *,
             cycles: int, start: int, folder: Path, faults: LineFaults | None = None,
             simulator: str = "verilator", on_cycle=None) -> RackRun:
    """Run the chiplets of a topology on packets offered at their host ports.

    Parameters
    ----------
    cfg : lightloom.config.Config
        Of an endpoint: one optical port.
    topology : lightloom.sim.rack.topology.Topology
    verilog : dict
        Exported chiplets, top modules `endpoint` (of `cfg`) and `switch`
        (of :func:`switch_config`).
    packets : [endpoints][host_ports] lists of HostPacket, each in the order of its cycles
    cycles : int
        Cycles to run.
    start : int
        Cycle in which all links must be up; no packet is offered earlier.
    faults : LineFaults, optional
        What befalls the words on the fibres.
    on_cycle : callable, optional
        Called from time to time with (cycles done, cycles to do).

    Raises
    ------
    SimulationError
        A link is not up in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    rack = _Rack(cfg, topology, folder, faults or LineFaults())
    ready = max(written(cfg, writes) for _, writes in rack.tables)
    first = min((p.cycle for end in packets for port in end for p in port), default=start)
    if start < ready or first < start:
        raise ValueError(f"start = {start}: the tables are written by {ready}, "
                         f"the first packet is offered in {first}")
    body = rack.body(packets)
    (folder / "stimulus.json").write_text(json.dumps(
        {"start": start, "cycles": cycles, "ends": topology.ends.size}))
    sources = {"endpoint.v": verilog["endpoint"], "switch.v": verilog["switch"],
               "harness.v": harness("rack_harness", "a rack of chiplets", body),
               **{file: (VERILOG / file).read_text() for file in FILES}}
    progress = folder / "cycle.txt"
    progress.unlink(missing_ok=True)
    with watched(progress, cycles, on_cycle):
        simulate("rack_harness", "lightloom.tb.tb_rack", sources, folder=folder,
                 name=folder.name, simulator=simulator, seed=1, quiet=on_cycle is not None)
    seen = json.loads((folder / "status.json").read_text())
    logs = [[[_until(read_beats(folder / f"{way}_{e}_{h}.log"), cycles)
              for h in range(topology.hosts)] for e in range(topology.endpoints)]
            for way in ("in", "out")]
    return RackRun(*logs, [rack.status(int(word, 2)) for word in seen["status"]],
                   [rack.changes(end, cycles) for end in range(topology.ends.size)],
                   seen["seconds"], folder)


def _until(beats, cycles):
    return [beat for beat in beats if beat.cycle < cycles]


class _Rack:
    """Verilog of one rack, and how to read what it leaves."""

    def __init__(self, cfg, topology, folder, faults):
        self.cfg, self.topology, self.folder, self.faults = cfg, topology, folder, faults
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

    def body(self, packets) -> list[str]:
        lanes, word = self.cfg.serdes.lanes, self.cfg.serdes.word_bits
        lines = []
        for end in range(self.topology.ends.size):
            peer = self.topology.peers[end]
            length, file = self._script(end)
            dark = [self.faults.first_dark(end, lane) for lane in range(lanes)]
            cycles = ", ".join(f"32'd{NEVER if at is None else at}" for at in reversed(dark))
            lines += [
                f"wire [{lanes * word - 1}:0] tx{end}, rx{end}; wire [{lanes - 1}:0] light{end};",
                f"wire [{PortStatus(self._owner(end)).size - 1}:0] status{end};",
            ]
            lines += [
                f"scripted_fibre #(.LANES({lanes}), .WORD({word}), "
                f".DELAY({self.cfg.derived.fibre_cycles}), .LENGTH({length}), "
                f'.FILE("{file}"), .DARK({{{cycles}}})) fibre{end} (.clk(clk), .rst(rst), '
                f".cycle(cycle), .in(tx{peer}), .out(rx{end}), .signal(light{end}));",
                f"change_log #(.WIDTH({lanes + 5}), "
                f'.FILE("{self.folder}/end_{end}.log")) log{end} (.clk(clk), .rst(rst), '
                f".cycle(cycle), .value({{{self._slices(end)}}}));",
            ]
        for node, (cfg, writes) in enumerate(self.tables):
            lines += self._node(node, cfg, writes, packets)
        return lines

    def _owner(self, end):
        """Configuration of the chiplet that a link end belongs to."""
        return self.tables[self.topology.node(self.topology.ends[end])][0]

    def _script(self, end):
        """The file of a fibre's bit errors."""
        word, lines = self.cfg.serdes.word_bits, []
        masks = self.faults.masks(self.cfg.serdes.lanes)
        own = masks[end] if end < len(masks) else {}
        for cycle, bits in sorted(own.items()):
            mask = sum(each << word * lane for lane, each in enumerate(bits))
            lines.append(f"{cycle << word * len(bits) | mask:x}\n")
        path = self.folder / f"errors_{end}.hex"
        path.write_text("".join(lines))
        return len(lines), path

    def _slices(self, end):
        return ", ".join(f"status{end}[{at + width - 1}:{at}]"
                         for at, width in self._places.values())

    def _node(self, node, cfg, writes, packets) -> list[str]:
        topology = self.topology
        host = node < topology.endpoints
        hosts = topology.hosts if host else 0
        first = (node * topology.endpoint_ports if host else
                 topology.endpoints * topology.endpoint_ports
                 + (node - topology.endpoints) * topology.switch_ports)
        pins, lines = [".clk(clk)", ".rst(rst)", ".clear(1'b0)"], []
        for h in range(hosts):
            lines += self._host(node, h, packets[node][h])
            pins += [f".host_{way}__{h}__{wire}({way}_{node}_{h}_{wire})"
                     for way in ("in", "out") for wire, _ in WIRES]
        for p in range(cfg.chiplet.optical_ports):
            pins += self._optical(p, self.end_of.get(first + hosts + p))
        codec = TableCodec(cfg)
        path = self.folder / f"tables_{node}.hex"
        path.write_text("".join(f"{codec.pack(write):x}\n" for write in writes))
        table = f"table_{node}"
        lines += [
            f"wire {table}_valid, {table}_ready; wire [{codec.bits - 1}:0] {table};",
            f'table_writer #(.WIDTH({codec.bits}), .LENGTH({len(writes)}), .FILE("{path}")) '
            f"{table}_writer (.clk(clk), .rst(rst), .cycle(cycle), .valid({table}_valid), "
            f".payload({table}), .ready({table}_ready));",
            f"{'endpoint' if host else 'switch'} chip_{node} ({', '.join(pins)}, "
            f".tables__payload({table}), .tables__valid({table}_valid), "
            f".tables__ready({table}_ready));"]
        return lines

    def _host(self, node, h, packets) -> list[str]:
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
                f'.USER({d.vc_bits + 1}), .FILE("{self.folder}/{port}.log")) {port}_recorder '
                f"(.clk(clk), .rst(rst), .cycle(cycle), {taps});")
        port, beats = f"in_{node}_{h}", [
            beat for packet in packets for beat in beats_of(cfg, packet)]
        path = self.folder / f"{port}.hex"
        path.write_text("".join(f"{beat.cycle << self.beat.bits | self.beat.pack(beat):x}\n"
                                for beat in beats))
        given = ", ".join(f"{port}_{wire}" for wire in (
            "tdata", "tkeep", "tdest", "tid", "tuser", "tlast"))
        lines += [
            f'beat_source #(.BITS({self.beat.bits}), .LENGTH({len(beats)}), .FILE("{path}")) '
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

    def changes(self, end, cycles) -> list[tuple[int, int, int, int]]:
        lanes, found = self.cfg.serdes.lanes, []
        for line in (self.folder / f"end_{end}.log").read_text().splitlines():
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
