"""Two exported links with their adapters, both directions saturated; flits and errors counted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lightloom.hdl.serdes.types import RxControl, TxControl

from .bench import VERILOG, harness
from .flits import FlitCodec
from .runner import simulate

ENDS = "ab"
FILES = ("flit_pump.v", "flit_counter.v", "fibre.v")


@dataclass(frozen=True)
class Phase:
    """`cycles` with packets of `packet` flits and bit error rate `ber`, after `settle` cycles."""

    cycles: int
    packet: int
    ber: float = 0.0
    settle: int = 2000


@dataclass(frozen=True)
class Counted:
    """What one end received in a phase: `flits` in `cycles`, from a frame's first to another's,
    and the fibre's bit `errors` in all of it; `wrong` flits since reset."""

    flits: int
    cycles: int
    errors: int
    wrong: int


def run_saturated(cfg, verilog: list[dict[str, str]], phases: list[Phase], *, folder: Path,
                  seed: int = 0, simulator: str = "verilator") -> list[list[Counted]]:
    """Run two links from reset through `phases`; what each end received, [phases][2].

    The first phase's `settle` must cover bring-up. The links are not told of their wires' health,
    so no lane is taken out for its errors.

    Parameters
    ----------
    verilog : [2] dicts
        Exported blocks of each end: "link", "adapter_tx", "adapter_rx".
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = {file: (VERILOG / file).read_text() for file in FILES}
    body = ["reg [15:0] packet; reg [31:0] ber_ppb;"]
    for k, (end, blocks) in enumerate(zip(ENDS, verilog, strict=True)):
        sources |= {f"{name}_{end}.v": text for name, text in blocks.items()}
        body += _end(cfg, end, ENDS[1 - k], 2 * seed + k + 1)
    simulate("saturation_harness", "lightloom.tb.tb_saturation",
             {**sources,
              "harness.v": harness("saturation_harness", "two links under full load", body)},
             folder=folder.resolve(), name=folder.name, simulator=simulator, seed=seed,
             env={"PHASES": json.dumps([asdict(phase) for phase in phases])})
    seen = json.loads((folder / "counted.json").read_text())
    return [[Counted(b["count"] - a["count"], b["since"] - a["since"],
                     b["errors"] - a["errors"], b["wrong"])
             for a, b in zip(before, after, strict=True)]
            for before, after in zip(seen[::2], seen[1::2], strict=True)]


def _end(cfg, end, other, seed):
    """Verilog of one end, its source and sink, and the fibre that comes to it."""
    d, lanes = cfg.derived, cfg.serdes.lanes
    vcs, words = cfg.chiplet.vcs, lanes * cfg.serdes.word_bits
    codec = FlitCodec(cfg)
    health = "{" + ", ".join(f"1'b0, 4'd{lane}, 3'b111" for lane in reversed(range(lanes))) + "}"
    ports = {f"{side}__{wire}": f"{end}_{side}_{wire}" for side in "io"
             for wire in ("valid", "flit", "credit")}
    stream = {wire: f"{end}_tx_{wire}" for wire in ("valid", "ready", "payload")}
    received = {"valid": f"{end}_rx_valid", "beat": f"{end}_rx_beat"}
    wires = [
        codec.wires(f"{end}_i"), codec.wires(f"{end}_o"),
        f"wire {end}_tx_valid, {end}_tx_ready, {end}_rx_valid, {end}_aligned;",
        f"wire [{d.blocks * 65 - 1}:0] {end}_tx_payload;",
        f"wire [{d.blocks * 66 - 1}:0] {end}_rx_beat; wire [{words - 1}:0] {end}_out, {end}_in;",
        f"wire [31:0] {end}_count, {end}_since, {end}_wrong, {end}_errors;",
    ]
    return [
        *wires,
        f"flit_pump #(.PAYLOAD({d.flit_bits}), .VC_BITS({d.vc_bits}), .ID_BITS({d.id_bits}), "
        f".VCS({vcs}), .CREDITS({cfg.xbar.egress_depth})) {end}_pump (.clk(clk), .rst(rst), "
        f".packet(packet), .valid({end}_i_valid), .flit({end}_i_flit), .credit({end}_i_credit));",
        f"flit_counter #(.PAYLOAD({d.flit_bits}), .FLIT({codec.bits}), .VCS({vcs})) {end}_counter "
        f"(.clk(clk), .rst(rst), .cycle(cycle), .valid({end}_o_valid), .flit({end}_o_flit), "
        f".credit({end}_o_credit), .count({end}_count), .since({end}_since), "
        f".wrong({end}_wrong));",
        _instance(f"link_{end}", {
            **ports, **{f"tx__{name}": wire for name, wire in stream.items()},
            **{f"rx__{name}": wire for name, wire in received.items()},
            "aligned": f"{end}_aligned", "wires": health, "control": "0"}),
        _instance(f"adapter_tx_{end}", {
            "tx_clk": "clk", **{f"i__{name}": wire for name, wire in stream.items()},
            "words": f"{end}_out", "control": f"{TxControl(cfg).size}'b0"}),
        _instance(f"adapter_rx_{end}", {
            **{f"rx_clk__{lane}": "clk" for lane in range(lanes)}, **received,
            "words": f"{end}_in", "rx_signal": f"{{{lanes}{{1'b1}}}}",
            "control": f"{RxControl(cfg).size}'b0", "aligned": f"{end}_aligned"}),
        f"noisy_fibre #(.BITS({words}), .DELAY({d.fibre_cycles}), .SEED({seed})) {end}_fibre "
        f"(.clk(clk), .rst(rst), .ber_ppb(ber_ppb), .in({other}_out), .out({end}_in), "
        f".errors({end}_errors));",
    ]


def _instance(module, ports):
    used = ", ".join(f".{name}({wire})" for name, wire in ports.items())
    return f"{module} u_{module} (.clk(clk), .rst(rst), {used});"
