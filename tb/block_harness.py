"""One exported block on a script: every input given, every output recorded, cycle by cycle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .bench import VERILOG, harness
from .runner import simulate

_FILES = ("word_source.v", "word_recorder.v")


def run_block(top: str, verilog: str, words: Sequence[int], *, in_bits: int, out_bits: int,
              ports: str, folder: Path, simulator: str = "icarus",
              quiet: bool = False, reset: str = "rst") -> list[int]:
    """Outputs of module `top` in each cycle from 0 on.

    Parameters
    ----------
    words : sequence of int
        Inputs of each cycle.
    ports : str
        Connections of `top` to the harness' wires `in`, of `in_bits`, and `out`, of `out_bits`.
    reset : str
        What its `rst` is connected to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    (folder / "in.hex").write_text("".join(f"{word:x}\n" for word in words))
    body = [
        f"wire [{in_bits - 1}:0] in; wire [{out_bits - 1}:0] out; wire [0:0] status = 1'b0;",
        f'word_source #(.BITS({in_bits}), .LENGTH({len(words)}), .FILE("{folder}/in.hex")) '
        "source (.cycle(cycle), .words(in));",
        f"{top} dut (.clk(clk), .rst({reset}), {ports});",
        f'word_recorder #(.BITS({out_bits}), .FILE("{folder}/out.log")) recorder (.clk(clk), '
        ".rst(rst), .words(out));",
    ]
    simulate("block_harness", "lightloom.tb.tb_serdes",
             {f"{top}.v": verilog, **{file: (VERILOG / file).read_text() for file in _FILES},
              "harness.v": harness("block_harness", top, body)},
             folder=folder, name=f"{folder.name}-{top}", simulator=simulator, test="run_traffic",
             seed=0, env={"CYCLES": str(len(words))}, quiet=quiet)
    lines = (folder / "out.log").read_text().split()[:len(words)]
    return [int(line, 16) for line in lines]
