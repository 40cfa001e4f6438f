"""Which lanes an end uses: the exported policy and transmit lanes, cycle by cycle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, Layout, StructLayout
from amaranth.lib.wiring import In, Out

from lightloom.hdl.link.lanes import LanePolicy
from lightloom.hdl.link.transmit_lanes import TransmitLanes
from lightloom.hdl.serdes.types import WireHealth

from .block_harness import run_block
from .serdes_harness import lines_of_bits


class Story:
    """Inputs of so many cycles, to be changed: at first all is well, and wire w carries lane w.

    Arrays [cycles, lanes] of each wire: `signal`, `locked`, `marker_lock`, `lane`, `error`; arrays
    [cycles]: `aligned`, `taken`, `asleep`, and the sets of lanes `heard` and `struck`.
    """

    def __init__(self, cfg, cycles: int):
        shape = cycles, cfg.serdes.lanes
        self.signal, self.locked, self.marker_lock = (np.ones(shape, int) for _ in range(3))
        self.lane, self.error = np.tile(np.arange(shape[1]), (cycles, 1)), np.zeros(shape, int)
        self.aligned = np.ones(cycles, int)
        self.taken, self.asleep, self.heard, self.struck = (
            np.zeros(cycles, int) for _ in range(4))

    def bits(self, cfg) -> np.ndarray:
        """Bits of the port `i` of :class:`Lanes` in each cycle."""
        layout, lanes = inputs(cfg), cfg.serdes.lanes
        out = np.zeros((len(self.aligned), layout.size), np.uint8)

        def put(values, offset, width):
            out[:, offset:offset + width] = values[:, None] >> np.arange(width) & 1

        for name, field in layout:
            if name != "wires":
                put(getattr(self, name), field.offset, field.width)
        for wire in range(lanes):
            each = layout["wires"].shape[wire]
            for name, field in Layout.cast(WireHealth):
                put(getattr(self, name)[:, wire],
                    layout["wires"].offset + each.offset + field.offset, field.width)
        return out


@dataclass(frozen=True)
class Used:
    """Outputs in each cycle; sets of lanes are numbers."""

    off: np.ndarray
    removals: np.ndarray
    lanes_off: np.ndarray


def inputs(cfg) -> StructLayout:
    lanes = cfg.serdes.lanes
    return StructLayout({
        "aligned": 1, "wires": ArrayLayout(WireHealth, lanes), "heard": lanes, "taken": 1,
        "struck": lanes, "asleep": 1})


class Lanes(wiring.Component):
    """Both blocks side by side; `running` gives it a clock where they have none."""

    def __init__(self, cfg, policy=LanePolicy, transmit=TransmitLanes):
        self._parts = policy(cfg), transmit(cfg)
        lanes = cfg.serdes.lanes
        super().__init__({
            "i": In(inputs(cfg)), "off": Out(lanes), "removals": Out(1), "lanes_off": Out(lanes),
            "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.policy, m.submodules.transmit = policy, transmit = self._parts
        m.d.sync += self.running.eq(1)
        m.d.comb += [
            policy.aligned.eq(self.i.aligned), policy.wires.eq(self.i.wires),
            *(getattr(transmit, name).eq(self.i[name])
              for name in ("aligned", "heard", "taken", "struck", "asleep")),
            self.off.eq(policy.off), self.removals.eq(policy.removals),
            self.lanes_off.eq(transmit.lanes_off),
        ]
        return m


def run_lanes(cfg, verilog: str, story: Story, *, folder: Path,
              simulator: str = "icarus") -> Used:
    """Run the exported :class:`Lanes`, module `lanes`, through a story."""
    lanes, bits = cfg.serdes.lanes, story.bits(cfg)
    seen = np.array(run_block(
        "lanes", verilog, [int(line, 16) for line in lines_of_bits(bits)],
        in_bits=bits.shape[1], out_bits=2 * lanes + 1,
        ports=f".i(in), .off(out[{lanes - 1}:0]), .lanes_off(out[{2 * lanes - 1}:{lanes}]), "
        f".removals(out[{2 * lanes}]), .running()", folder=folder, simulator=simulator))
    return Used(seen & 2**lanes - 1, seen >> 2 * lanes, seen >> lanes & 2**lanes - 1)
