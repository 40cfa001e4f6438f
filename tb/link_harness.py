"""Two exported links, each with its SerDes adapter, joined by fibres."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.lib import data

from lightloom.flow.cache import to_verilog
from lightloom.hdl.link.format import Tail
from lightloom.hdl.link.layer import Link, LinkControl, LinkStatus
from lightloom.hdl.serdes.layer import AdapterRx, AdapterTx
from lightloom.hdl.serdes.types import RxControl, TxControl, WireHealth

from .bench import VERILOG, harness
from .flits import Flit, FlitCodec
from .layouts import decode
from .runner import simulate
from .serdes_harness import bits_of_lines

ENDS = "ab"
FILES = ("flit_source.v", "credit_sink.v", "fibre.v", "beat_recorder.v", "word_recorder.v")


@dataclass(frozen=True)
class Fault:
    """In cycles `start` to `stop` - 1 an end is reset, or its `lanes` (a mask) send no light."""

    end: int
    start: int
    stop: int
    lanes: int = 0
    reset: bool = False


@dataclass(frozen=True)
class LinkRun:
    """What a run left, for ends a and b.

    `delivered`: (cycle, flit) lists; `beats`: (cycle, beat) of the transmitter; `status`: fields
    of `LinkStatus`; `active`: first cycle with both ends ACTIVE, or None; `errors`: bit errors on
    the fibre from this end. Of a run with `probes` only, else empty: `received`, (cycle, beat) from
    the adapter, and `words`, what this end sends on its lanes, uint8[cycles, lanes, word_bits].
    """

    delivered: list[list[tuple[int, Flit]]]
    beats: list[list[tuple[int, int]]]
    status: list[dict]
    active: int | None
    errors: list[int]
    received: list[list[tuple[int, int]]]
    words: list[np.ndarray]


def exported_end(cfg, end: str) -> dict[str, str]:
    """Verilog of the blocks of end "a" or "b": "link", "adapter_tx", "adapter_rx"."""
    parts = {"link": Link, "adapter_tx": AdapterTx, "adapter_rx": AdapterRx}
    # The ends differ in the names of their modules alone: one conversion does for both.
    return {name: re.sub(rf"\b{name}_a(?=_|\b)", f"{name}_{end}",
                         to_verilog(part(cfg), name=f"{name}_a"))
            for name, part in parts.items()}


def both_ends(cfg) -> list[dict[str, str]]:
    """Verilog of two ends of one configuration."""
    return [exported_end(cfg, end) for end in ENDS]


def run_links(cfg, verilog: list[dict[str, str]], stimulus: list[list[tuple[int, Flit]]], *,
              cycles: int, folder: Path, ber: float = 0.0, seed: int = 0,
              faults: Sequence[Fault] = (), simulator: str = "icarus",
              probes: bool = False) -> LinkRun:
    """Run two links on flits offered at their inputs.

    Parameters
    ----------
    verilog : [2] dicts
        Of :func:`exported_end`.
    stimulus : [2] lists of (cycle, flit)
    faults : sequence of Fault
        A reset goes to the end's source and sink too.
    probes : bool
        Record `received` and `words`.
    """
    codec, d = FlitCodec(cfg), cfg.derived
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    lanes, status = cfg.serdes.lanes, LinkStatus(cfg).size
    word = cfg.serdes.word_bits
    words = lanes * word
    body = [f"wire [{lanes - 1}:0] {', '.join(f'{end}_dark' for end in ENDS)};"]
    sources = {f: (VERILOG / f).read_text() for f in FILES}
    for k, (end, blocks) in enumerate(zip(ENDS, verilog, strict=True)):
        for name, text in blocks.items():
            sources[f"{name}_{end}.v"] = text
        i, o, rst = f"{end}_i", f"{end}_o", f"{end}_rst"
        resets = _during(faults, lambda f, k=k: f.end == k and f.reset)
        flits = stimulus[ENDS.index(end)]
        codec.write_list(folder / f"{end}_in.hex", flits)
        beats = f"{d.blocks * 65 - 1}:0"
        body += [
            codec.wires(i), codec.wires(o), f"wire {i}_done;", f"wire {rst} = rst || {resets};",
            f"wire {end}_tx_valid, {end}_tx_ready, {end}_rx_valid, {end}_aligned;",
            f"wire [{beats}] {end}_tx; wire [{d.blocks * 66 - 1}:0] {end}_rx;",
            f"wire [{words - 1}:0] {end}_out, {end}_in, {end}_line; wire [31:0] {end}_errors;",
            f"wire [{status - 1}:0] {end}_status; wire [{lanes - 1}:0] {end}_lanes_off;",
            f"wire [{lanes * data.Layout.cast(WireHealth).size - 1}:0] {end}_wires;",
            codec.source(f"{end}_source", folder / f"{end}_in.hex", len(flits),
                         cfg.xbar.egress_depth, i, rst),
            codec.sink(f"{end}_sink", folder / f"{end}_out.log", o, rst),
            f'beat_recorder #(.BITS({d.blocks * 65}), .FILE("{folder}/{end}_beats.log")) '
            f"{end}_recorder (.clk(clk), .rst(rst), .cycle(cycle), .valid({end}_tx_valid), "
            f".ready({end}_tx_ready), .beat({end}_tx));",
            f"link_{end} {end}_link (.clk(clk), .rst({rst}), "
            + ", ".join(f".{p[-1]}__{w}({p}_{w})" for p in (i, o)
                        for w in ("valid", "flit", "credit"))
            + f", .tx__valid({end}_tx_valid), .tx__ready({end}_tx_ready), .tx__payload({end}_tx), "
            f".rx__valid({end}_rx_valid), .rx__beat({end}_rx), .aligned({end}_aligned), "
            f".wires({end}_wires), .lanes_off({end}_lanes_off), "
            f".control({data.Layout.cast(LinkControl).size}'b0), .status({end}_status));",
            f"adapter_tx_{end} {end}_adapter_tx (.clk(clk), .rst({rst}), .tx_clk(clk), "
            f".i__valid({end}_tx_valid), .i__ready({end}_tx_ready), .i__payload({end}_tx), "
            f".words({end}_out), "
            f".control({{{TxControl(cfg).size - lanes}'b0, {end}_lanes_off}}));",
            f"adapter_rx_{end} {end}_adapter_rx (.clk(clk), .rst({rst}), "
            + ", ".join(f".rx_clk__{lane}(clk)" for lane in range(lanes))
            + f", .words({end}_in), .rx_signal(~{ENDS[1 - k]}_dark), "
            f".control({RxControl(cfg).size}'b0), .valid({end}_rx_valid), .beat({end}_rx), "
            f".aligned({end}_aligned), .wires({end}_wires));",
        ]
        if probes:
            body += [
                f'beat_recorder #(.BITS({d.blocks * 66}), .FILE("{folder}/{end}_received.log")) '
                f"{end}_received (.clk(clk), .rst(rst), .cycle(cycle), .valid({end}_rx_valid), "
                f".ready(1'b1), .beat({end}_rx));",
                f'word_recorder #(.BITS({words}), .FILE("{folder}/{end}_words.log")) '
                f"{end}_words (.clk(clk), .rst(rst), .words({end}_out));",
            ]
    for k, (end, other) in enumerate(zip(ENDS, reversed(ENDS), strict=True)):
        dark = [_during(faults, lambda f, k=k, lane=lane: f.end == k and f.lanes >> lane & 1)
                for lane in range(lanes)]
        body += [
            *(f"assign {end}_dark[{lane}] = {when};" for lane, when in enumerate(dark)),
            *(f"assign {end}_line[{lane * word} +: {word}] = {end}_dark[{lane}] ? {word}'b0 : "
              f"{end}_out[{lane * word} +: {word}];" for lane in range(lanes)),
            f"fibre #(.BITS({words}), .DELAY({d.fibre_cycles}), .BER_PPB({round(ber * 1e9)}), "
            f".SEED({2 * seed + k + 1})) fibre_{end} (.clk(clk), .rst(rst), .in({end}_line), "
            f".out({other}_in), .errors({end}_errors));",
        ]
    simulate("link_harness", "lightloom.tb.tb_link",
             {**sources, "harness.v": harness("link_harness", "two links joined by fibres", body)},
             folder=folder, name=folder.name, simulator=simulator, seed=seed,
             env={"CYCLES": str(cycles)})
    left = json.loads((folder / "status.json").read_text())
    return LinkRun(
        [codec.read_log(folder / f"{end}_out.log") for end in ENDS],
        [_read_beats(folder / f"{end}_beats.log") for end in ENDS],
        [decode(LinkStatus(cfg), int(left[f"{end}_status"], 2)) for end in ENDS],
        left["active"], [int(left[f"{end}_errors"], 2) for end in ENDS],
        [_read_beats(folder / f"{end}_received.log") for end in ENDS if probes],
        [bits_of_lines((folder / f"{end}_words.log").read_text().split(), words).reshape(
            -1, lanes, word) for end in ENDS if probes])


def _during(faults, chosen) -> str:
    """Verilog condition: one of the chosen faults is on."""
    return " || ".join(f"(cycle >= {f.start} && cycle < {f.stop})"
                       for f in faults if chosen(f)) or "1'b0"


def _read_beats(path: Path) -> list[tuple[int, int]]:
    rows = (line.split() for line in path.read_text().splitlines())
    return [(int(cycle), int(beat, 16)) for cycle, beat in rows]


def unpack_beat(cfg, beat: int) -> tuple[int, list[int]]:
    """Payload bits and the control bit of each block."""
    blocks = [beat >> 65 * k & (1 << 65) - 1 for k in range(cfg.derived.blocks)]
    bits = sum((block & (1 << 64) - 1) << 64 * k for k, block in enumerate(blocks))
    return bits, [block >> 64 for block in blocks]


def decode_tail(cfg, bits: int) -> dict:
    """Fields of a tail."""
    return decode(Tail(cfg), bits)
