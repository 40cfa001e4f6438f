"""Two exported adapters, each with its own clocks, and the lanes between them.

Transceivers have clocks of their own: each end's core and transmit clock, and on each lane a
receive clock of the far transmitter's rate at a phase of its own. Beats are offered at end a and
recorded at end b, and with `both` (blocks `adapter`) also the other way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from amaranth.lib.data import Layout

from lightloom.hdl.serdes.port import AdapterControl, AdapterStatus
from lightloom.hdl.serdes.types import RxControl, RxStatus, TxControl, TxStatus
from lightloom.sim.serdes import Beats

from .bench import VERILOG
from .layouts import decode
from .runner import simulate
from .serdes_harness import (
    lines_of_bits,
    prepare,
    read_beats,
    read_log,
    read_status,
    script,
    write_offers,
)

FILES = ("beat_source.v", "beat_recorder.v", "script_source.v", "status_recorder.v",
         "serial_lane.v")
KINDS = {"flip": 1, "noise": 2, "dark": 3, "stop": 4}
FOR_EVER = 2**40 - 1


@dataclass(frozen=True)
class Event:
    """What befalls a wire for `bits` bits from the `bit`-th one sent after reset; see
    ``serial_lane.v``."""

    wire: int
    kind: str
    bit: int
    bits: int = 1


@dataclass(frozen=True)
class Line:
    """One direction: receiver's wire w carries the transmitter's lane `order[w]`.

    `skew` in bits, `phase` (of the receive clock) in parts of a period, `invert`: polarity, all
    by wire; `ppm`: of the transmit clock, and so of the receive clocks.
    """

    ppm: float = 0.0
    order: tuple = ()
    skew: tuple = ()
    phase: tuple = ()
    invert: tuple = ()
    events: tuple = ()


@dataclass(frozen=True)
class End:
    """One end: its core clock's `ppm` and phase, its reset's end in ns; `offers` and `control` as
    in :mod:`lightloom.tb.serdes_harness`, by its core cycles."""

    ppm: float = 0.0
    phase: float = 0.0
    reset_ns: float = 20.0
    offers: tuple = ()
    control: tuple = ()


@dataclass(frozen=True)
class EndRun:
    """What an end did. `taken` int64: core cycle of each beat taken; `beats`: those received.

    `status`: (core cycle, fields) whenever `aligned` or `control` changed, every
    `status_every` cycles, and at the end.
    """

    taken: np.ndarray | None = None
    beats: Beats | None = None
    status: list = field(default_factory=list)


def run_line(cfg, verilog: dict[str, str], a: End, b: End, cycles: int, *, there: Line = Line(),
             back: Line | None = None, status_every: int = 0, folder: Path, seed: int = 1,
             simulator: str = "icarus") -> tuple[EndRun, EndRun]:
    """Run two ends for `cycles` core cycles after their resets.

    Parameters
    ----------
    verilog : dict
        Exported blocks: "adapter_tx" and "adapter_rx", or, with `back`, "adapter".
    there, back : Line
        The lanes from a to b, and from b to a.
    """
    folder = prepare(folder)
    lines, both = {"a": there, "b": back}, back is not None
    body = []
    for name, end in (("a", a), ("b", b)):
        body += _clocks(cfg, name, end, lines[name] or Line(), cycles)
    for name, other in (("a", "b"), ("b", "a")):
        if lines[name] is not None:
            body += _lanes(cfg, name, other, lines[name], folder, seed)
    sends, receives = {"a": True, "b": both}, {"a": both, "b": True}
    for name, end in (("a", a), ("b", b)):
        body += _end(cfg, name, end, sends[name], receives[name], folder, status_every)
    text = "\n".join(
        ["// Generated harness: two adapters with clocks of their own.", "`timescale 1ps/1fs",
         "module line_harness (output done);", *("  " + line for line in body),
         "  assign done = a_done && b_done;", "endmodule", ""])
    simulate("line_harness", "lightloom.tb.tb_serdes",
             {**{f"{block}.v": source for block, source in verilog.items()},
              **{file: (VERILOG / file).read_text() for file in FILES}, "harness.v": text},
             test="run_line", folder=folder, name=f"{folder.name}-line", simulator=simulator,
             seed=seed)
    return tuple(_read_end(cfg, name, sends[name], receives[name], folder) for name in "ab")


def _clocks(cfg, name, end, line, cycles) -> list[str]:
    core, word = ((1e6 / mhz / (1 + ppm * 1e-6)) for mhz, ppm in (
        (cfg.chiplet.core_mhz, end.ppm), (cfg.derived.word_mhz, line.ppm)))
    return [
        f"reg {name}_core = 0, {name}_tx_clk = 0, {name}_rst = 1, {name}_done = 0;",
        f"initial begin #({core * end.phase:.3f}); "
        f"forever #({core / 2:.4f}) {name}_core = ~{name}_core; end",
        f"initial forever #({word / 2:.4f}) {name}_tx_clk = ~{name}_tx_clk;",
        f"always @(negedge {name}_core) if ($realtime > {end.reset_ns * 1000}) {name}_rst = 0;",
        f"reg [31:0] {name}_cycle;",
        f"always @(posedge {name}_core) begin if ({name}_rst) {name}_cycle <= 0; "
        f"else {name}_cycle <= {name}_cycle + 1; "
        f"if (!{name}_rst && {name}_cycle > {cycles}) {name}_done <= 1; end",
        f"wire {name}_last = {name}_cycle == {cycles};",
    ]


def _lanes(cfg, name, other, line, folder, seed) -> list[str]:
    lanes, bits = cfg.serdes.lanes, cfg.serdes.word_bits
    # The same text as the transmit clock's half period, or the two would drift.
    period = f"2 * {1e6 / cfg.derived.word_mhz / (1 + line.ppm * 1e-6) / 2:.4f}"
    order, skew, phase, invert = (
        each or default for each, default in (
            (line.order, range(lanes)), (line.skew, [0] * lanes), (line.phase, [0.5] * lanes),
            (line.invert, [0] * lanes)))
    slip = "{other}_slip[{wire}]" if cfg.serdes.slip == "request" else "1'b0"
    body = [f"wire [{lanes * bits - 1}:0] {name}_words, {other}_in; "
            f"wire [{lanes - 1}:0] {other}_signal, {other}_slip, {other}_rx_clk;"]
    for wire in range(lanes):
        events = sorted((e for e in line.events if e.wire == wire), key=lambda e: e.bit)
        path = folder / f"{name}_events_{wire}.hex"
        path.write_text("".join(
            f"{e.bit << 48 | KINDS[e.kind] << 40 | e.bits:x}\n" for e in events))
        part = lambda lane: f"[{lane * bits} +: {bits}]"
        body.append(
            f"serial_lane #(.BITS({bits}), .SKEW({int(skew[wire])}), "
            f'.INVERT({int(invert[wire])}), .EVENTS({len(events)}), .FILE("{path}"), '
            f".SEED({seed % 2**20 * 64 + wire}), .PERIOD({period}), "
            f".PHASE({phase[wire] * 1e6 / cfg.derived.word_mhz:.3f})) {name}_lane_{wire} "
            f"(.in_clk({name}_tx_clk), .in_rst({name}_rst), .in({name}_words{part(order[wire])}), "
            f".out_clk({other}_rx_clk[{wire}]), .slip({slip.format(other=other, wire=wire)}), "
            f".out({other}_in{part(wire)}), .signal({other}_signal[{wire}]));")
    return body


def _end(cfg, name, end, sends, receives, folder, every) -> list[str]:
    d, lanes = cfg.derived, range(cfg.serdes.lanes)
    both = sends and receives
    control, status, block = (
        (AdapterControl(cfg), AdapterStatus(cfg), "adapter") if both
        else (TxControl(cfg), Layout.cast(TxStatus), "adapter_tx") if sends
        else (RxControl(cfg), RxStatus(cfg), "adapter_rx"))
    tx, rx = ("tx__", "rx__") if both else ("i__", "")
    words = lambda way: f"{way}_words" if both else "words"
    clocking = f".clk({name}_core), .rst({name}_rst)"
    timing = clocking + f", .cycle({name}_cycle)"
    body = script(control, end.control, folder / f"{name}_control.hex", name=f"{name}_control",
                  clock=f"{name}_core", rst=f"{name}_rst", cycle=f"{name}_cycle")
    body.append(f"wire [{status.size - 1}:0] {name}_status; wire {name}_aligned;")
    pins = [clocking, f".control({name}_control), .status({name}_status)"]
    if sends:
        write_offers(cfg, folder / f"{name}_offers.hex", end.offers)
        bits = d.blocks * 65
        stream = f".valid({name}_valid), .ready({name}_ready), .beat({name}_beat)"
        body += [
            f"wire {name}_valid, {name}_ready; wire [{bits - 1}:0] {name}_beat;",
            f"beat_source #(.BITS({bits}), .LENGTH({len(end.offers)}), "
            f'.FILE("{folder}/{name}_offers.hex")) {name}_source ({timing}, {stream});',
            f'beat_recorder #(.BITS({bits}), .FILE("{folder}/{name}_taken.log")) '
            f"{name}_taker ({timing}, {stream});"]
        pins += [f".tx_clk({name}_tx_clk), .{tx}valid({name}_valid), .{tx}ready({name}_ready), "
                 f".{tx}payload({name}_beat), .{words('tx')}({name}_words)"]
    if receives:
        bits = d.blocks * 66
        body += [
            f"wire {name}_given; wire [{bits - 1}:0] {name}_out;",
            f'beat_recorder #(.BITS({bits}), .FILE("{folder}/{name}_beats.log")) '
            f"{name}_recorder ({timing}, .valid({name}_given), .ready(1'b1), .beat({name}_out));"]
        pins += [*(f".rx_clk__{lane}({name}_rx_clk[{lane}])" for lane in lanes),
                 f".{words('rx')}({name}_in), .rx_signal({name}_signal), .rx_slip({name}_slip), "
                 f".{rx}valid({name}_given), .{rx}beat({name}_out), .aligned({name}_aligned)"]
    else:
        body.append(f"assign {name}_aligned = 0;")
    body += [
        f'status_recorder #(.BITS({status.size}), .EVERY({every}), .FILE("{folder}/{name}_status.'
        f'log")) {name}_watch ({timing}, .watch({name}_aligned), .sample({name}_last || '
        f"{name}_control_steps), .status({name}_status));",
        f"{block} {name}_end ({', '.join(pins)});"]
    return body


def _read_end(cfg, name, sends, receives, folder) -> EndRun:
    layout = (AdapterStatus(cfg) if sends and receives
              else Layout.cast(TxStatus) if sends else RxStatus(cfg))

    def fields(word):
        if not receives:
            return decode(layout, word)
        if not sends:
            return read_status(cfg, word)
        rx = layout["rx"]
        return {**decode(layout, word), "rx": read_status(cfg, word >> rx.offset)}

    cycles, bits = read_log(folder / f"{name}_status.log", layout.size)
    words = [int(line, 16) for line in lines_of_bits(bits)] if len(cycles) else []
    return EndRun(
        read_log(folder / f"{name}_taken.log", cfg.derived.blocks * 65)[0] if sends else None,
        read_beats(cfg, folder / f"{name}_beats.log") if receives else None,
        [(int(c), fields(w)) for c, w in zip(cycles, words, strict=True)])
