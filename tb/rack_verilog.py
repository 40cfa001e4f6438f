"""Verilog that joins the chiplets of a rack, the files that it is given, and what it leaves."""

from __future__ import annotations

from amaranth.lib.data import Layout

from lightloom import config
from lightloom.hdl.chiplet import PortControl, PortStatus
from lightloom.sim.link.end import Status

from .layouts import StructCodec, decode
from .link_end_harness import link_status
from .pair_harness import WIRES, Beat, HostPacket
from .routes import TableCodec, table_writes

NEVER = 2**32 - 1

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


def switch_config(cfg):
    """The configuration of a switch chiplet of the rack: optical ports alone, `rack.radix`."""
    return config.override(cfg, chiplet__host_ports=0, chiplet__optical_ports=cfg.rack.radix)


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
        if topology.switches and size != self.switch.derived.ports:
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

    def text(self) -> str:
        """Verilog of the harness."""
        return HARNESS.format(body="\n".join("  " + line for line in self._body()))

    def _body(self) -> list[str]:
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
