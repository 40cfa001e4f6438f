"""One lane's transmitter and receiver, cycle by cycle."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from amaranth.lib import wiring
from amaranth.sim import Simulator

from lightloom.hdl.serdes.lane_rx import LaneRx
from lightloom.hdl.serdes.lane_tx import LaneTx
from lightloom.hdl.serdes.schedule import Schedule


class Row(NamedTuple):
    """A row to be sent; it is a marker if the schedule says so."""

    data: int
    ctrl: int
    live: int = 0
    phase: int = 0


class Entry(NamedTuple):
    """What the receiver writes into its crossing, and in which cycle."""

    cycle: int
    kind: str
    data: int
    bip_error: int
    corrected: int = 0
    uncorrected: int = 0


def run_tx(cfg, number: int, row, cycles: int, *, control=None):
    """Words of a lane behind its schedule.

    Parameters
    ----------
    row : callable
        Line row number to :class:`Row`.
    control : callable, optional
        Cycle to the fields of its `LaneTxControl`.

    Returns
    -------
    words : list of int
    rows : list of (cycle, kind)
        Of each row pulled: "parity", "marker" or "block".
    """
    top = _Transmitter(cfg, number)
    words, rows = [], []

    async def bench(ctx):
        for cycle in range(cycles):
            given = row(len(rows))
            ctx.set(top.lane.block, {"data": given.data, "ctrl": given.ctrl})
            ctx.set(top.lane.live, given.live)
            ctx.set(top.lane.phase, given.phase)
            if control:
                ctx.set(top.lane.control, control(cycle))
            if ctx.get(top.schedule.pull):
                rows.append((cycle, "parity" if ctx.get(top.schedule.parity) else
                             "marker" if ctx.get(top.schedule.marker) else "block"))
            words.append(ctx.get(top.lane.word))
            await ctx.tick()

    _simulate(top, bench)
    return words, rows


def run_rx(cfg, word, cycles: int, *, signal=None, control=None):
    """Entries of a lane's receiver.

    Parameters
    ----------
    word : callable
        Cycle, and whether `slip` was set in the cycle before, to the word.
    signal, control : callable, optional
        Cycle to the `signal`, to the fields of `LaneRxControl`.

    Returns
    -------
    entries : list of Entry
    slips : list of int
        Cycles of the pulses.
    """
    lane = LaneRx(cfg)
    entries, slips = [], []
    fec = cfg.serdes.fec != "none"

    async def bench(ctx):
        slipped = False
        for cycle in range(cycles):
            ctx.set(lane.word, word(cycle, slipped))
            ctx.set(lane.signal, signal(cycle) if signal else 1)
            if control:
                ctx.set(lane.control, control(cycle))
            if ctx.get(lane.valid):
                entry = lane.entry
                entries.append(Entry(
                    cycle, ctx.get(entry.kind).name, ctx.get(entry.data), ctx.get(entry.bip_error),
                    *((ctx.get(entry.corrected), ctx.get(entry.uncorrected)) if fec else ())))
            slipped = ctx.get(lane.slip)
            if slipped:
                slips.append(cycle)
            await ctx.tick()

    _simulate(lane, bench)
    return entries, slips


class _Transmitter(wiring.Component):
    """A lane behind its schedule."""

    def __init__(self, cfg, number):
        super().__init__({})
        self.schedule, self.lane = Schedule(cfg), LaneTx(cfg, number)

    def elaborate(self, platform):
        from amaranth import Module

        m = Module()
        m.submodules.schedule, m.submodules.lane = self.schedule, self.lane
        m.d.comb += [
            self.lane.en.eq(self.schedule.pull), self.lane.offset.eq(self.schedule.offset),
            self.lane.parity.eq(self.schedule.parity), self.lane.marker.eq(self.schedule.marker),
        ]
        return m


def _simulate(component, bench) -> None:
    simulator = Simulator(component)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        simulator.run()
