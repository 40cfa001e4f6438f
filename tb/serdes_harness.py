"""The exported SerDes adapter: its transmitter on offered beats, its receiver on words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.lib.data import Layout

from lightloom.hdl.serdes.layer import AdapterCounters
from lightloom.sim.serdes import Beats

from .bench import VERILOG, harness
from .layouts import decode
from .runner import simulate


@dataclass(frozen=True)
class Received:
    """What the receiver gave.

    `beats` with the cycles of their `valid`; `aligned` and `lane_lock` at the end; `counters`
    as fields of `AdapterCounters`.
    """

    beats: Beats
    aligned: bool
    lane_lock: list[bool]
    counters: dict


def run_transmitter(cfg, verilog: str, offers, cycles: int, *, folder: Path,
                    simulator: str = "icarus") -> tuple[np.ndarray, np.ndarray]:
    """Offer beats to the transmitter from cycle 0 on.

    Parameters
    ----------
    verilog : str
        The exported `adapter_tx`.
    offers : sequence of (int, uint64[W], bool[W])
        First cycle, blocks and sync bits of each beat; each is held until it is taken.

    Returns
    -------
    accepted : int64[len(offers)]
        Cycle in which each was taken, -1 if it was not.
    words : uint8[cycles, lanes, word_bits]
    """
    folder = _prepare(folder)
    bits, width = cfg.derived.blocks * 65, _width(cfg)
    (folder / "offers.hex").write_text("".join(
        f"{cycle << bits | _beat(data, ctrl):x}\n" for cycle, data, ctrl in offers))
    body = [
        f"wire valid, ready; wire [{bits - 1}:0] beat; wire [{width - 1}:0] words;",
        f'beat_source #(.BITS({bits}), .LENGTH({len(offers)}), .FILE("{folder}/offers.hex")) '
        "source (.clk(clk), .rst(rst), .cycle(cycle), .valid(valid), .ready(ready), .beat(beat));",
        f'beat_recorder #(.BITS({bits}), .FILE("{folder}/taken.log")) recorder (.clk(clk), '
        ".rst(rst), .cycle(cycle), .valid(valid), .ready(ready), .beat(beat));",
        "adapter_tx dut (.clk(clk), .rst(rst), .i__valid(valid), .i__ready(ready), "
        ".i__payload(beat), .words(words));",
        f'word_recorder #(.BITS({width}), .FILE("{folder}/words.log")) line (.clk(clk), '
        ".rst(rst), .words(words));",
        "wire [0:0] status = 1'b0;",
    ]
    _simulate("transmitter", folder, body, cycles, simulator, {"adapter_tx.v": verilog},
              ("beat_source.v", "beat_recorder.v", "word_recorder.v"))
    taken = [int(line.split()[0]) for line in (folder / "taken.log").read_text().splitlines()]
    taken = [cycle for cycle in taken if cycle < cycles]
    accepted = np.array(taken + [-1] * (len(offers) - len(taken)), np.int64)
    lines = (folder / "words.log").read_text().split()
    return accepted, words_of_lines(cfg, lines[:cycles])


def run_receiver(cfg, verilog: str, words: np.ndarray, *, folder: Path,
                 simulator: str = "icarus") -> Received:
    """Give the receiver words from cycle 0 on, for as many cycles as there are words.

    Parameters
    ----------
    verilog : str
        The exported `adapter_rx`.
    words : uint8[cycles, lanes, word_bits]
    """
    folder = _prepare(folder)
    bits, width = cfg.derived.blocks * 66, _width(cfg)
    counters = Layout.cast(AdapterCounters(cfg)).size
    lanes = cfg.serdes.lanes
    (folder / "words.hex").write_text("\n".join(lines_of_words(words)) + "\n")
    body = [
        f"wire valid, aligned; wire [{bits - 1}:0] beat; wire [{width - 1}:0] words;",
        f"wire [{lanes - 1}:0] lock; wire [{counters - 1}:0] counters;",
        f'word_source #(.BITS({width}), .LENGTH({len(words)}), .FILE("{folder}/words.hex")) '
        "source (.cycle(cycle), .words(words));",
        "adapter_rx dut (.clk(clk), .rst(rst), .words(words), .valid(valid), .beat(beat), "
        ".aligned(aligned), .lane_lock(lock), .counters(counters));",
        f'beat_recorder #(.BITS({bits}), .FILE("{folder}/beats.log")) recorder (.clk(clk), '
        ".rst(rst), .cycle(cycle), .valid(valid), .ready(1'b1), .beat(beat));",
        f"wire [{counters + lanes}:0] status = {{counters, lock, aligned}};",
    ]
    _simulate("receiver", folder, body, len(words), simulator, {"adapter_rx.v": verilog},
              ("word_source.v", "beat_recorder.v"))
    status = int((folder / "status.txt").read_text(), 2)
    lock = [bool(status >> 1 + lane & 1) for lane in range(lanes)]
    return Received(_beats(cfg, folder / "beats.log", len(words)), bool(status & 1), lock,
                    decode(AdapterCounters(cfg), status >> 1 + lanes))


def lines_of_words(words: np.ndarray) -> list[str]:
    """Hexadecimal text of each cycle's words, lane 0 in the low bits."""
    packed = np.packbits(words.reshape(len(words), -1), axis=1, bitorder="little")
    return [row[::-1].tobytes().hex() for row in packed]


def words_of_lines(cfg, lines: list[str]) -> np.ndarray:
    """Undo :func:`lines_of_words`."""
    lanes, bits = cfg.serdes.lanes, cfg.serdes.word_bits
    size = -(-lanes * bits // 8)
    packed = np.array([list(bytes.fromhex(line.zfill(2 * size))[::-1]) for line in lines], np.uint8)
    flat = np.unpackbits(packed, axis=1, bitorder="little")[:, :lanes * bits]
    return flat.reshape(len(lines), lanes, bits)


def _width(cfg) -> int:
    return cfg.serdes.lanes * cfg.serdes.word_bits


def _prepare(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _beat(data, ctrl) -> int:
    return sum((int(c) << 64 | int(d)) << 65 * b
               for b, (d, c) in enumerate(zip(data, ctrl, strict=True)))


def _beats(cfg, log: Path, cycles: int) -> Beats:
    rows = [line.split() for line in log.read_text().splitlines()]
    rows = [(int(cycle), int(beat, 16)) for cycle, beat in rows if int(cycle) < cycles]
    blocks = [[beat >> 66 * b & (1 << 66) - 1 for b in range(cfg.derived.blocks)]
              for _, beat in rows]
    shape = (len(rows), cfg.derived.blocks)
    return Beats(
        np.array([cycle for cycle, _ in rows], np.int64),
        np.array([[b & (1 << 64) - 1 for b in beat] for beat in blocks], np.uint64).reshape(shape),
        np.array([[b >> 64 & 1 for b in beat] for beat in blocks], bool).reshape(shape),
        np.array([[b >> 65 for b in beat] for beat in blocks], bool).reshape(shape))


def _simulate(name, folder, body, cycles, simulator, sources, files) -> None:
    simulate("serdes_harness", "lightloom.tb.tb_serdes",
             {**sources, **{file: (VERILOG / file).read_text() for file in files},
              "harness.v": harness("serdes_harness", f"the adapter's {name}", body)},
             folder=folder, name=f"{folder.name}-{name}", simulator=simulator, seed=0,
             env={"CYCLES": str(cycles)})
