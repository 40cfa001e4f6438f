"""The exported SerDes adapter on one clock: its transmitter on beats, its receiver on words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.lib.data import ArrayLayout, Layout

from lightloom.hdl.serdes.types import RxControl, RxStatus, TxControl, TxStatus, WireHealth
from lightloom.sim.serdes import Beats

from .bench import VERILOG, harness
from .layouts import decode
from .runner import simulate


@dataclass(frozen=True)
class Sent:
    """What the transmitter did.

    `accepted` int64[offers] is the cycle in which each beat was taken, -1 if it was not; `words`
    uint8[cycles, lanes, word_bits]; `status` the fields of `TxStatus` at the end.
    """

    accepted: np.ndarray
    words: np.ndarray
    status: dict


@dataclass(frozen=True)
class Received:
    """What the receiver gave.

    `beats` with the cycles of their `valid`; `aligned` and `status`, fields of `RxStatus`, at the
    end; `slips` uint8[cycles, lanes], the requests to the transceivers; `wires`, fields of each
    `WireHealth` at the end, and `errors`, the cycles of its `error`.
    """

    beats: Beats
    aligned: bool
    status: dict
    slips: np.ndarray
    wires: list[dict]
    errors: list[np.ndarray]


def run_transmitter(cfg, verilog: str, offers, cycles: int, *, control=(), folder: Path,
                    simulator: str = "icarus") -> Sent:
    """Offer beats to the transmitter from cycle 0 on.

    Parameters
    ----------
    verilog : str
        The exported `adapter_tx`.
    offers : sequence of (int, uint64[W], bool[W])
        First cycle, blocks and sync bits of each beat; each is held until it is taken.
    control : sequence of (int, dict)
        Cycle and fields of `TxControl` from then on; those not named are zero.
    """
    folder = prepare(folder)
    bits, width = cfg.derived.blocks * 65, _width(cfg)
    write_offers(cfg, folder / "offers.hex", offers)
    body = [
        f"wire valid, ready; wire [{bits - 1}:0] beat; wire [{width - 1}:0] words;",
        f"wire [{Layout.cast(TxStatus).size - 1}:0] status;",
        *script(TxControl(cfg), control, folder / "control.hex"),
        f'beat_source #(.BITS({bits}), .LENGTH({len(offers)}), .FILE("{folder}/offers.hex")) '
        "source (.clk(clk), .rst(rst), .cycle(cycle), .valid(valid), .ready(ready), .beat(beat));",
        f'beat_recorder #(.BITS({bits}), .FILE("{folder}/taken.log")) recorder (.clk(clk), '
        ".rst(rst), .cycle(cycle), .valid(valid), .ready(ready), .beat(beat));",
        "adapter_tx dut (.clk(clk), .rst(rst), .tx_clk(clk), .i__valid(valid), .i__ready(ready), "
        ".i__payload(beat), .words(words), .control(control), .status(status));",
        f'word_recorder #(.BITS({width}), .FILE("{folder}/words.log")) line (.clk(clk), '
        ".rst(rst), .words(words));",
    ]
    status = _simulate("transmitter", folder, body, cycles, simulator, {"adapter_tx.v": verilog},
                       ("beat_source.v", "beat_recorder.v", "word_recorder.v"))
    taken, _ = read_log(folder / "taken.log", bits)
    taken = taken[taken < cycles]
    accepted = np.full(len(offers), -1, np.int64)
    accepted[:len(taken)] = taken
    words = _read_words(folder / "words.log", width)[:cycles]
    return Sent(accepted, words.reshape(len(words), cfg.serdes.lanes, -1),
                decode(TxStatus, status))


def run_receiver(cfg, verilog: str, words: np.ndarray, *, signal=None, control=(), folder: Path,
                 simulator: str = "icarus") -> Received:
    """Give the receiver words from cycle 0 on, for as many cycles as there are words.

    Parameters
    ----------
    verilog : str
        The exported `adapter_rx`.
    words : uint8[cycles, lanes, word_bits]
    signal : bool[cycles, lanes], optional
        `rx_signal`; default: always there.
    control : sequence of (int, dict)
        Cycle and fields of `RxControl` from then on.
    """
    folder = prepare(folder)
    lanes, bits, width = cfg.serdes.lanes, cfg.derived.blocks * 66, _width(cfg)
    health = ArrayLayout(WireHealth, lanes)
    error = Layout.cast(WireHealth)["error"].offset
    errors = " | ".join(f"wires[{health[wire].offset + error}]" for wire in range(lanes))
    signal = np.ones(words.shape[:2], bool) if signal is None else signal
    lines = np.concatenate([words.reshape(len(words), -1), signal], axis=1)
    (folder / "words.hex").write_text("\n".join(lines_of_bits(lines)) + "\n")
    body = [
        f"wire valid, aligned; wire [{bits - 1}:0] beat; wire [{width - 1}:0] words;",
        f"wire [{lanes - 1}:0] slip, signal; wire [{RxStatus(cfg).size - 1}:0] status;",
        f"wire [{health.size - 1}:0] wires;",
        *script(RxControl(cfg), control, folder / "control.hex"),
        f"word_source #(.BITS({width + lanes}), .LENGTH({len(words)}), "
        f'.FILE("{folder}/words.hex")) source (.cycle(cycle), .words({{signal, words}}));',
        "adapter_rx dut (.clk(clk), .rst(rst), "
        + ", ".join(f".rx_clk__{lane}(clk)" for lane in range(lanes))
        + ", .words(words), .rx_signal(signal), .rx_slip(slip), .control(control), .valid(valid), "
        ".beat(beat), .aligned(aligned), .wires(wires), .status(status));",
        f'beat_recorder #(.BITS({health.size}), .FILE("{folder}/wires.log")) health (.clk(clk), '
        f".rst(rst), .cycle(cycle), .valid({errors} | cycle == {len(words)}), .ready(1'b1), "
        ".beat(wires));",
        f'beat_recorder #(.BITS({bits}), .FILE("{folder}/beats.log")) recorder (.clk(clk), '
        ".rst(rst), .cycle(cycle), .valid(valid), .ready(1'b1), .beat(beat));",
        f'word_recorder #(.BITS({lanes}), .FILE("{folder}/slips.log")) slips (.clk(clk), '
        ".rst(rst), .words(slip));",
    ]
    status = _simulate("receiver", folder, body, len(words), simulator, {"adapter_rx.v": verilog},
                       ("word_source.v", "beat_recorder.v", "word_recorder.v"))
    status = read_status(cfg, status)
    cycles, wires = read_log(folder / "wires.log", health.size)
    wires = wires.reshape(len(cycles), lanes, -1)
    last = decode(health, int(lines_of_bits(wires[-1:].reshape(1, -1))[0], 16))
    return Received(read_beats(cfg, folder / "beats.log", len(words)), bool(status["aligned"]),
                    status, _read_words(folder / "slips.log", lanes)[:len(words)],
                    list(last.values()), [cycles[wires[:, wire, error] == 1]
                                          for wire in range(lanes)])


def script(layout, steps, path: Path, *, name="control", clock="clk", rst="rst",
           cycle="cycle") -> list[str]:
    """Verilog of a wire `name`, and `name`_steps, with the values of (cycle, fields) `steps`."""
    layout = Layout.cast(layout)
    path.write_text("".join(f"{at << layout.size | layout.const(fields).as_bits():x}\n"
                            for at, fields in steps))
    return [
        f"wire [{layout.size - 1}:0] {name}; wire {name}_steps;",
        f'script_source #(.WIDTH({layout.size}), .LENGTH({len(steps)}), .FILE("{path}")) '
        f"{name}_source (.clk({clock}), .rst({rst}), .cycle({cycle}), .value({name}), "
        f".steps({name}_steps));"]


def read_status(cfg, word: int) -> dict:
    """Fields of an `RxStatus`; `lanes` is a list."""
    status = decode(RxStatus(cfg), word)
    return {**status, "lanes": list(status["lanes"].values())}


def prepare(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def lines_of_bits(bits: np.ndarray) -> list[str]:
    """Hexadecimal text of each row of bits, the first bit lowest."""
    packed = np.packbits(bits, axis=1, bitorder="little")[:, ::-1]
    text, size, digits = packed.tobytes().hex(), 2 * packed.shape[1], -(-bits.shape[1] // 4)
    return [text[k + size - digits:k + size] for k in range(0, len(text), size)]


def bits_of_lines(lines: list[str], width: int) -> np.ndarray:
    """Undo :func:`lines_of_bits`, of lines of equal length: uint8[lines, width]."""
    size = -(-width // 8)
    packed = np.frombuffer(bytes.fromhex("".join(line.zfill(2 * size) for line in lines)), np.uint8)
    packed = packed.reshape(len(lines), size)[:, ::-1]
    return np.unpackbits(packed, axis=1, bitorder="little")[:, :width]


def write_offers(cfg, path: Path, offers) -> None:
    """Entries {cycle, beat} of `beat_source`."""
    if not len(offers):
        path.write_text("")
        return
    cycles, data, ctrl = (np.array(field) for field in zip(*offers, strict=True))
    shape = (len(offers), cfg.derived.blocks)
    blocks = np.zeros((*shape, 65), np.uint8)
    blocks[:, :, :64] = _bits(data.astype("<u8")).reshape(*shape, 64)
    blocks[:, :, 64] = ctrl
    entries = np.concatenate(
        [blocks.reshape(len(offers), -1), _bits(cycles.astype("<u4")[:, None])], axis=1)
    path.write_text("\n".join(lines_of_bits(entries)) + "\n")


def _bits(numbers: np.ndarray) -> np.ndarray:
    return np.unpackbits(np.ascontiguousarray(numbers).view(np.uint8), axis=-1, bitorder="little")


def read_log(path: Path, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Cycles int64[n] and bits uint8[n, width] of a recorder's lines."""
    fields = path.read_text().split()
    return np.array(fields[::2], np.int64), bits_of_lines(fields[1::2], width)


def read_beats(cfg, path: Path, cycles: int | None = None) -> Beats:
    """Received beats, of cycles below `cycles`."""
    cycle, bits = read_log(path, cfg.derived.blocks * 66)
    if cycles is not None:
        cycle = cycle[cycle < cycles]
    bits = bits[:len(cycle)].reshape(len(cycle), cfg.derived.blocks, 66)
    data = np.packbits(bits[:, :, :64], axis=2, bitorder="little").view("<u8")[:, :, 0]
    return Beats(cycle, data.astype(np.uint64), bits[:, :, 64].astype(bool),
                 bits[:, :, 65].astype(bool))


def _read_words(path: Path, width: int) -> np.ndarray:
    return bits_of_lines(path.read_text().split(), width)


def _width(cfg) -> int:
    return cfg.serdes.lanes * cfg.serdes.word_bits


def _simulate(name, folder, body, cycles, simulator, sources, files) -> int:
    simulate("serdes_harness", "lightloom.tb.tb_serdes",
             {**sources, **{file: (VERILOG / file).read_text()
                            for file in (*files, "script_source.v")},
              "harness.v": harness("serdes_harness", f"the adapter's {name}", body)},
             test="run_traffic", folder=folder, name=f"{folder.name}-{name}", simulator=simulator,
             seed=0, env={"CYCLES": str(cycles)})
    return int((folder / "status.txt").read_text(), 2)
