"""One exported link with every input given and every output recorded, cycle by cycle."""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path

from amaranth.lib.data import Layout

from lightloom.hdl.interfaces import Block, RxBeats
from lightloom.hdl.link.layer import LinkControl, LinkStatus
from lightloom.hdl.serdes.types import WireHealth
from lightloom.sim.link.end import Beat, Flit, Inputs, Outputs, State, Status

from .block_harness import run_block
from .flits import Flit as PortFlit
from .flits import FlitCodec
from .layouts import decode


def run_link_end(cfg, verilog: str, inputs: list[Inputs], *, folder: Path, seed: int = 0,
                 simulator: str = "icarus") -> list[Outputs]:
    """Outputs of the exported `link` in each cycle from 0 on.

    Parameters
    ----------
    inputs : list of Inputs
        Of each cycle. What is not valid in a cycle is given as noise, drawn with `seed`.
    """
    codec, rng = FlitCodec(cfg), random.Random(seed)
    vcs, lanes = cfg.chiplet.vcs, cfg.serdes.lanes
    beat_bits = Layout.cast(RxBeats(cfg).members["beat"].shape).size
    wires_bits = lanes * Layout.cast(WireHealth).size
    control_bits = Layout.cast(LinkControl).size
    given = [("i__valid", 1), ("i__flit", codec.bits), ("o__credit", vcs), ("tx__ready", 1),
             ("rx__valid", 1), ("rx__beat", beat_bits), ("aligned", 1), ("wires", wires_bits),
             ("control", control_bits)]
    # The last bit of a word is a reset of the link alone.
    seen = [("i__credit", vcs), ("o__valid", 1), ("o__flit", codec.bits), ("tx__valid", 1),
            ("tx__payload", cfg.derived.blocks * Layout.cast(Block).size), ("lanes_off", lanes),
            ("status", Layout.cast(LinkStatus(cfg)).size)]

    def word(cycle: Inputs) -> int:
        flit = (rng.getrandbits(codec.bits) if cycle.flit is None
                else codec.pack(PortFlit(**cycle.flit._asdict())))
        beat = (rng.getrandbits(beat_bits) if cycle.beat is None
                else _rx_beat(cfg, cycle.beat))
        wires = 0
        for number, wire in enumerate(cycle.wires):
            fields = dict(zip(("signal", "locked", "marker_lock", "lane", "error"), wire,
                              strict=True))
            wires |= _word(WireHealth, **fields) << number * Layout.cast(WireHealth).size
        return cycle.rst << in_bits | _join(given, (
            cycle.flit is not None, flit, cycle.credit, cycle.ready, cycle.beat is not None, beat,
            cycle.aligned, wires, _word(LinkControl, restart=cycle.restart, sleep=cycle.sleep)))

    in_bits, out_bits = (sum(width for _, width in ports) for ports in (given, seen))
    words = run_block(
        "link", verilog, [word(cycle) for cycle in inputs], in_bits=in_bits + 1, out_bits=out_bits,
        ports=", ".join(_connections("in", given) + _connections("out", seen)), folder=folder,
        simulator=simulator, quiet=True, reset=f"rst | in[{in_bits}]")
    read = _Reader(cfg, codec, seen)
    return [read(word) for word in words]


class _Reader:
    """Outputs of a recorded word; the status, which rarely changes, is kept."""

    def __init__(self, cfg, codec, ports):
        self._ports, self._codec, self._blocks = ports, codec, cfg.derived.blocks
        self._status = lru_cache(lambda word: _status(cfg, word))

    def __call__(self, word: int) -> Outputs:
        values = {}
        for name, width in self._ports:
            values[name] = word & (1 << width) - 1
            word >>= width
        tx = flit = None
        if values["tx__valid"]:
            tx = _tx_beat(self._blocks, values["tx__payload"])
        if values["o__valid"]:
            fields = self._codec.unpack(values["o__flit"])
            flit = Flit(*(getattr(fields, name) for name in Flit._fields))
        return Outputs(tx, flit, values["i__credit"], values["lanes_off"],
                       self._status(values["status"]))


def _status(cfg, word: int) -> Status:
    return link_status(decode(LinkStatus(cfg), word))


def link_status(fields: dict) -> Status:
    """A decoded `LinkStatus`; its fields are used up."""
    session = fields.pop("session")
    fields.update(fields.pop("rx"), session=session["ours"], theirs=session["theirs"],
                  state=State[fields["state"]], stalled=tuple(fields["stalled"].values()))
    return Status(**fields)


def _tx_beat(blocks: int, word: int) -> Beat:
    payload = ctrl = 0
    for block in range(blocks):
        fields = decode(Block, word >> 65 * block)
        payload |= fields["data"] << 64 * block
        ctrl |= fields["ctrl"] << block
    return Beat(payload, ctrl)


def _rx_beat(cfg, beat: Beat) -> int:
    return RxBeats(cfg).members["beat"].shape.const([
        {"data": beat.payload >> 64 * block & 2**64 - 1, "ctrl": beat.ctrl >> block & 1,
         "error": beat.error >> block & 1} for block in range(cfg.derived.blocks)]).as_bits()


@lru_cache
def _word(layout, **fields) -> int:
    return Layout.cast(layout).const(fields).as_bits()


def _join(ports, values) -> int:
    word = at = 0
    for (name, width), value in zip(ports, values, strict=True):
        if value >> width:
            raise ValueError(f"{name} = {value} does not fit {width} bits")
        word |= int(value) << at
        at += width
    return word


def _connections(bus: str, ports) -> list[str]:
    at, text = 0, []
    for name, width in ports:
        text.append(f".{name}({bus}[{at + width - 1}:{at}])")
        at += width
    return text
