"""The exported lane FEC: its encoder on blocks, its decoder on a line, cycle by cycle."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .block_harness import run_block


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
    given = run_block(
        "fec_encoder", verilog, words, in_bits=67, out_bits=65,
        ports=".en(in[0]), .parity(in[1]), .ctrl(in[2]), .payload(in[66:3]), "
        ".sent_ctrl(out[0]), .sent(out[64:1])", folder=folder, simulator=simulator)
    return [Sent(word & 1, word >> 1) for word in given]


def run_decoder(verilog: str, cycles, *, corrected_bits: int, folder: Path,
                simulator: str = "icarus") -> list[Given]:
    """Give `fec_decoder` one of (block_lock, valid, header, payload) in each cycle."""
    words = [lock | valid << 1 | header << 2 | payload << 4
             for lock, valid, header, payload in cycles]
    top = 68 + corrected_bits
    given = run_block(
        "fec_decoder", verilog, words, in_bits=68, out_bits=top + 1,
        ports=".block_lock(in[0]), .i__valid(in[1]), .i__header(in[3:2]), .i__payload(in[67:4]), "
        ".locked(out[0]), .o__valid(out[1]), .o__ctrl(out[2]), .o__payload(out[66:3]), "
        f".o__bad(out[67]), .o__corrected(out[{top - 1}:68]), .o__uncorrected(out[{top}])",
        folder=folder, simulator=simulator)
    return [Given(word >> 1 & 1, word >> 3 & (1 << 64) - 1, word >> 2 & 1, word >> 67 & 1,
                  word >> 68 & (1 << corrected_bits) - 1, word >> top & 1, word & 1)
            for word in given]
