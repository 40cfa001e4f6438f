"""Two exported links, each with its SerDes adapter, joined by fibres."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import data

from lightloom.hdl.link.format import Tail
from lightloom.hdl.link.layer import LinkControl, LinkStatus
from lightloom.hdl.serdes.types import RxControl, TxControl, WireHealth

from .bench import VERILOG, harness
from .flits import Flit, FlitCodec
from .layouts import decode
from .runner import simulate

ENDS = "ab"
FILES = ("flit_source.v", "flit_sink.v", "fibre.v", "beat_recorder.v")


@dataclass(frozen=True)
class LinkRun:
    """What a run left, for ends a and b.

    `delivered`: (cycle, flit) lists; `beats`: (cycle, beat) of the transmitter; `status`: fields
    of `LinkStatus`; `active`: first cycle with both ends ACTIVE, or None; `errors`: bit errors on
    the fibre from this end.
    """

    delivered: list[list[tuple[int, Flit]]]
    beats: list[list[tuple[int, int]]]
    status: list[dict]
    active: int | None
    errors: list[int]


def run_links(cfg, verilog: list[dict[str, str]], stimulus: list[list[tuple[int, Flit]]], *,
              cycles: int, folder: Path, ber: float = 0.0, seed: int = 0, cut: int = 0,
              simulator: str = "icarus") -> LinkRun:
    """Run two links on flits offered at their inputs.

    Parameters
    ----------
    verilog : [2] dicts
        Exported blocks of each end: "link", "adapter_tx", "adapter_rx".
    stimulus : [2] lists of (cycle, flit)
    cut : int
        Cycle from which end a's fibre carries zeros for 200 cycles; 0 for never.
    """
    codec, d = FlitCodec(cfg), cfg.derived
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    lanes, status = cfg.serdes.lanes, LinkStatus(cfg).size
    words = lanes * cfg.serdes.word_bits
    body, sources = [], {f: (VERILOG / f).read_text() for f in FILES}
    for end, blocks in zip(ENDS, verilog, strict=True):
        for name, text in blocks.items():
            sources[f"{name}_{end}.v"] = text
        i, o = f"{end}_i", f"{end}_o"
        flits = stimulus[ENDS.index(end)]
        codec.write_list(folder / f"{end}_in.hex", flits)
        beats = f"{d.blocks * 65 - 1}:0"
        body += [
            codec.wires(i), codec.wires(o), f"wire {i}_done;",
            f"wire {end}_tx_valid, {end}_tx_ready, {end}_rx_valid, {end}_aligned;",
            f"wire [{beats}] {end}_tx; wire [{d.blocks * 66 - 1}:0] {end}_rx;",
            f"wire [{words - 1}:0] {end}_out, {end}_in, {end}_line; wire [31:0] {end}_errors;",
            f"wire [{status - 1}:0] {end}_status; wire [{lanes - 1}:0] {end}_lanes_off;",
            f"wire [{lanes * data.Layout.cast(WireHealth).size - 1}:0] {end}_wires;",
            codec.source(f"{end}_source", folder / f"{end}_in.hex", len(flits),
                         cfg.xbar.egress_depth, i),
            codec.sink(f"{end}_sink", folder / f"{end}_out.log", o),
            f'beat_recorder #(.BITS({d.blocks * 65}), .FILE("{folder}/{end}_beats.log")) '
            f"{end}_recorder (.clk(clk), .rst(rst), .cycle(cycle), .valid({end}_tx_valid), "
            f".ready({end}_tx_ready), .beat({end}_tx));",
            f"link_{end} {end}_link (.clk(clk), .rst(rst), "
            + ", ".join(f".{p[-1]}__{w}({p}_{w})" for p in (i, o)
                        for w in ("valid", "flit", "credit"))
            + f", .tx__valid({end}_tx_valid), .tx__ready({end}_tx_ready), .tx__payload({end}_tx), "
            f".rx__valid({end}_rx_valid), .rx__beat({end}_rx), .aligned({end}_aligned), "
            f".wires({end}_wires), .lanes_off({end}_lanes_off), "
            f".control({data.Layout.cast(LinkControl).size}'b0), .status({end}_status));",
            f"adapter_tx_{end} {end}_adapter_tx (.clk(clk), .rst(rst), .tx_clk(clk), "
            f".i__valid({end}_tx_valid), .i__ready({end}_tx_ready), .i__payload({end}_tx), "
            f".words({end}_out), "
            f".control({{{TxControl(cfg).size - lanes}'b0, {end}_lanes_off}}));",
            f"adapter_rx_{end} {end}_adapter_rx (.clk(clk), .rst(rst), "
            + ", ".join(f".rx_clk__{lane}(clk)" for lane in range(lanes))
            + f", .words({end}_in), .rx_signal({{{lanes}{{1'b1}}}}), "
            f".control({RxControl(cfg).size}'b0), .valid({end}_rx_valid), .beat({end}_rx), "
            f".aligned({end}_aligned), .wires({end}_wires));",
        ]
    for k, (end, other) in enumerate(zip(ENDS, reversed(ENDS), strict=True)):
        broken = f"(cycle >= {cut} && cycle < {cut + 200})" if cut and end == "a" else "1'b0"
        body += [
            f"assign {end}_line = {broken} ? 0 : {end}_out;",
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
        left["active"], [int(left[f"{end}_errors"], 2) for end in ENDS])


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
