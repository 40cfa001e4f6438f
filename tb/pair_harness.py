"""Two exported chiplets, their optical ports joined by fibres, their host ports open."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from lightloom.hdl.chiplet import HostStatus, PortControl, PortStatus

from .bench import VERILOG, harness
from .layouts import decode
from .routes import TableCodec, table_writes, written
from .runner import simulate

ENDS = "ab"
WIRES = (("tvalid", 1), ("tready", 1), ("tlast", 1), ("tuser", 0), ("tid", 0), ("tdest", 0),
         ("tkeep", 0), ("tdata", 0))


@dataclass(frozen=True)
class HostPacket:
    """A packet at a host port: `data` is whole, `cycle` the first in which it may be offered."""

    cycle: int
    src: int
    dst: int
    vc: int
    data: bytes
    error: bool = False


@dataclass(frozen=True)
class Beat:
    """A beat that crossed a host output."""

    cycle: int
    last: int
    user: int
    src: int
    dst: int
    keep: int
    data: int


@dataclass(frozen=True)
class PairRun:
    """What a run left: each end's beats at each host port, in and out, and the status.

    `status` holds, by name, `PortStatus` of joined port p of end e (``"a_status0"``), its fibre's
    bit errors (``"a_errors0"``), and `HostStatus` of its host ports (``"a_host0"``). `seconds` is
    the wall time of the simulation alone.
    """

    sent: list[list[list[Beat]]]
    received: list[list[list[Beat]]]
    status: dict
    seconds: float
    folder: Path


def run_pair(cfg, verilog: str, packets: list[list[list[HostPacket]]], routes, *, cycles: int,
             start: int, folder: Path, ber: float = 0.0, seed: int = 0, waves: int = 0,
             pauses: float = 0.0, joined: int | None = None, simulator: str = "icarus",
             check: bool = True, on_cycle=None) -> PairRun:
    """Run two chiplets, `a` and `b`, on packets offered at their host ports.

    Parameters
    ----------
    verilog : str
        The exported chiplet, top module `chiplet`.
    packets : [2][host_ports] lists of HostPacket, each in the order of its cycles
    routes : [2] sequences of (kind, set of ports), one for each destination
    cycles : int
        Cycles to run at the most; every packet must have arrived by then. With `check` the run
        ends soon after the last has.
    start : int
        Cycle by which the joined links must be up; packets are not offered earlier. The tables
        must be written by then.
    ber : float
        Bit error rate of each lane.
    waves : int
        Levels of hierarchy in the waveform `waves.fst`; 0 for none.
    pauses : float
        Probability that a host input or output pauses in a cycle.
    joined : int, optional
        Join only the first so many optical ports.
    check : bool
        Fail when a packet does not arrive as it was sent; else that is the caller's to find out.
    on_cycle : callable, optional
        Called from time to time with (cycles done, cycles to do).

    Raises
    ------
    SimulationError
        A link is not up in time, or a packet is lost, altered, duplicated or out of order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    hosts = cfg.chiplet.host_ports
    joined = cfg.chiplet.optical_ports if joined is None else joined
    writes = [table_writes(cfg, entries) for entries in routes]
    ready = max(written(cfg, each) for each in writes)
    if start < ready:
        raise ValueError(f"start = {start}: the tables are written by {ready}")
    body = _body(cfg, writes, folder, joined, ber, seed, waves)
    stimulus = {
        "start": start, "cycles": cycles, "joined": joined, "hosts": hosts, "pauses": pauses,
        "vc_bits": cfg.derived.vc_bits, "check": check,
        "packets": [[[{**asdict(p), "data": p.data.hex()} for p in port] for port in end]
                    for end in packets],
    }
    (folder / "stimulus.json").write_text(json.dumps(stimulus))
    sources = {"chiplet.v": verilog,
               "harness.v": harness("pair_harness", "two chiplets joined by fibres", body),
               **{f: (VERILOG / f).read_text()
                  for f in ("fibre.v", "axis_recorder.v", "table_writer.v")}}
    progress = folder / "cycle.txt"
    progress.unlink(missing_ok=True)
    with _watched(progress, cycles, on_cycle):
        simulate("pair_harness", "lightloom.tb.tb_pair", sources, folder=folder, name=folder.name,
                 simulator=simulator, seed=seed, waves=waves > 0,
                 quiet=on_cycle is not None)
    logs = {d: [[_read(folder / f"{e}_{d}{h}.log") for h in range(hosts)] for e in ENDS]
            for d in ("in", "out")}
    words = json.loads((folder / "status.json").read_text())
    seconds = words.pop("seconds")
    status = {name: decode((PortStatus if "status" in name else HostStatus)(cfg), int(word, 2))
              if "errors" not in name else int(word, 2) for name, word in words.items()}
    return PairRun(logs["in"], logs["out"], status, seconds, folder)


@contextlib.contextmanager
def _watched(path: Path, cycles: int, on_cycle):
    """Report the cycle that the testbench writes to `path`, while the simulator runs."""
    done = threading.Event()

    def watch():
        while not done.wait(0.2):
            with contextlib.suppress(OSError, ValueError):
                on_cycle(int(path.read_text()), cycles)

    thread = threading.Thread(target=watch, daemon=True)
    if on_cycle is not None:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if on_cycle is not None:
            thread.join()


def _read(path: Path) -> list[Beat]:
    rows = (line.split() for line in path.read_text().splitlines())
    return [Beat(int(row[0]), *(int(field, 16) for field in row[1:])) for row in rows]


def _body(cfg, writes, folder, joined, ber, seed, waves) -> list[str]:
    d, lanes, word = cfg.derived, cfg.serdes.lanes, cfg.serdes.word_bits
    widths = {"tuser": d.vc_bits + 1, "tid": d.id_bits, "tdest": d.id_bits,
              "tkeep": cfg.chiplet.flit_bytes, "tdata": d.flit_bits}
    bits, body = lanes * word, []
    for end, other in zip(ENDS, reversed(ENDS), strict=True):
        pins = [".clk(clk)", ".rst(rst)"]
        for h in range(cfg.chiplet.host_ports):
            for side in ("in", "out"):
                port = f"{end}_{side}{h}"
                for wire, width in WIRES:
                    # What the testbench drives must be a register: a value that is put on an
                    # undriven net does not reach every operator in Icarus.
                    driven = (side == "in") == (wire != "tready")
                    body.append(f"{'reg' if driven else 'wire'} [{widths.get(wire, width) - 1}:0] "
                                f"{port}_{wire}{' = 0' if driven else ''};")
                    pins.append(f".host_{side}__{h}__{wire}({port}_{wire})")
                taps = ", ".join(f".{wire}({port}_{wire})" for wire, _ in WIRES)
                body.append(
                    f"axis_recorder #(.BYTES({cfg.chiplet.flit_bytes}), .ID({d.id_bits}), "
                    f'.USER({d.vc_bits + 1}), .FILE("{folder}/{port}.log")) {port}_recorder '
                    f"(.clk(clk), .rst(rst), .cycle(cycle), {taps});")
        for p in range(cfg.chiplet.optical_ports):
            body.append(f"wire [{bits - 1}:0] {end}_tx{p}, {end}_rx{p};")
            for lane in range(lanes):
                part = f"[{lane * word + word - 1}:{lane * word}]"
                pins += [f".tx_words__{p}__{lane}({end}_tx{p}{part})",
                         f".rx_words__{p}__{lane}({end}_rx{p}{part})"]
            if p < joined:
                body.append(f"wire [31:0] {end}_errors{p};")
                body.append(
                    f"fibre #(.BITS({bits}), .DELAY({d.fibre_cycles}), "
                    f".BER_PPB({round(ber * 1e9)}), .SEED({seed * 64 + 2 * p + (end == 'b') + 1})) "
                    f"fibre_{end}{p} (.clk(clk), .rst(rst), .in({end}_tx{p}), "
                    f".out({other}_rx{p}), .errors({end}_errors{p}));")
            else:
                body.append(f"assign {end}_rx{p} = 0;")
            # The transceivers of a port without a fibre are off: no light, no clocks.
            on = int(p < joined)
            clock = "clk" if on else "1'b0"
            pins += [f".clocks__{p}__tx_clk({clock})", f".rx_signal__{p}({{{lanes}{{1'b{on}}}}})",
                     *(f".clocks__{p}__rx_clk__{lane}({clock})" for lane in range(lanes)),
                     f".control__{p}({PortControl(cfg).size}'b0)",
                     f".ports__{p}({end}_status{p})"]
            body.append(f"wire [{PortStatus(cfg).size - 1}:0] {end}_status{p};")
        for h in range(cfg.chiplet.host_ports):
            pins.append(f".hosts__{h}({end}_host{h})")
            body.append(f"wire [{HostStatus(cfg).size - 1}:0] {end}_host{h};")
        codec, list_ = TableCodec(cfg), writes[ENDS.index(end)]
        (folder / f"tables_{end}.hex").write_text(
            "".join(f"{codec.pack(write):x}\n" for write in list_))
        body += [
            f"wire {end}_table_valid, {end}_table_ready; "
            f"wire [{codec.bits - 1}:0] {end}_table;",
            f"table_writer #(.WIDTH({codec.bits}), .LENGTH({len(list_)}), "
            f'.FILE("{folder}/tables_{end}.hex")) {end}_writer (.clk(clk), .rst(rst), '
            f".cycle(cycle), .valid({end}_table_valid), .payload({end}_table), "
            f".ready({end}_table_ready));",
            f"chiplet chip_{end} ({', '.join(pins)}, .tables__payload({end}_table), "
            f".tables__valid({end}_table_valid), .tables__ready({end}_table_ready), "
            ".clear(1'b0));",
        ]
    if waves:
        body.append(f'initial begin $dumpfile("{folder}/waves.fst"); '
                    f"$dumpvars({waves}, pair_harness); end")
    return body
