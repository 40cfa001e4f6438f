"""The exported lane FEC: its encoder on blocks, its decoder on a line, cycle by cycle."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .bench import VERILOG, harness
from .runner import simulate


class Sent(NamedTuple):
    """What the encoder gives in a cycle."""

    ctrl: int
    payload: int


class Given(NamedTuple):
    """What the decoder gives in a cycle."""

    valid: int
    payload: int
    ctrl: int
    bad: int
    corrected: int
    uncorrected: int
    locked: int


def run_encoder(verilog: str, cycles, *, folder: Path, simulator: str = "icarus") -> list[Sent]:
    """Give `fec_encoder` one of (en, parity, ctrl, payload) in each cycle."""
    words = [en | parity << 1 | ctrl << 2 | payload << 3 for en, parity, ctrl, payload in cycles]
    lines = _run(
        "fec_encoder", verilog, words, 67, 65,
        ".en(in[0]), .parity(in[1]), .ctrl(in[2]), .payload(in[66:3]), "
        ".sent_ctrl(out[0]), .sent(out[64:1])", folder, simulator)
    return [Sent(word & 1, word >> 1) for word in lines]


def run_decoder(verilog: str, cycles, *, corrected_bits: int, folder: Path,
                simulator: str = "icarus") -> list[Given]:
    """Give `fec_decoder` one of (block_lock, valid, header, payload) in each cycle."""
    words = [lock | valid << 1 | header << 2 | payload << 4
             for lock, valid, header, payload in cycles]
    top = 68 + corrected_bits
    lines = _run(
        "fec_decoder", verilog, words, 68, top + 1,
        ".block_lock(in[0]), .i__valid(in[1]), .i__header(in[3:2]), .i__payload(in[67:4]), "
        ".locked(out[0]), .o__valid(out[1]), .o__ctrl(out[2]), .o__payload(out[66:3]), "
        f".o__bad(out[67]), .o__corrected(out[{top - 1}:68]), .o__uncorrected(out[{top}])",
        folder, simulator)
    return [Given(word >> 1 & 1, word >> 3 & (1 << 64) - 1, word >> 2 & 1, word >> 67 & 1,
                  word >> 68 & (1 << corrected_bits) - 1, word >> top & 1, word & 1)
            for word in lines]


def _run(top, verilog, words, in_bits, out_bits, ports, folder, simulator) -> list[int]:
    """Outputs of module `top` in each cycle."""
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    (folder / "in.hex").write_text("".join(f"{word:x}\n" for word in words))
    body = [
        f"wire [{in_bits - 1}:0] in; wire [{out_bits - 1}:0] out; wire [0:0] status = 1'b0;",
        f'word_source #(.BITS({in_bits}), .LENGTH({len(words)}), .FILE("{folder}/in.hex")) '
        "source (.cycle(cycle), .words(in));",
        f"{top} dut (.clk(clk), .rst(rst), {ports});",
        f'word_recorder #(.BITS({out_bits}), .FILE("{folder}/out.log")) recorder (.clk(clk), '
        ".rst(rst), .words(out));",
    ]
    files = ("word_source.v", "word_recorder.v")
    simulate("fec_harness", "lightloom.tb.tb_serdes",
             {f"{top}.v": verilog, **{file: (VERILOG / file).read_text() for file in files},
              "harness.v": harness("fec_harness", top, body)},
             folder=folder, name=f"{folder.name}-{top}", simulator=simulator, test="run_traffic",
             seed=0, env={"CYCLES": str(len(words))})
    lines = (folder / "out.log").read_text().split()[:len(words)]
    return [int(line, 16) for line in lines]
