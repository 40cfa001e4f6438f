"""Chooses the lanes of our transmitter (docs/link.md, Lanes)."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..xbar.roundrobin import lowest_set, onehot_when


class TransmitLanes(Component):
    """What the partner, strikes and sleep take out; or, while searching, all but one lane.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    aligned : In(1)
    heard : In(lanes)
        What the partner asked for last; `taken` says that it does so in this cycle.
    taken : In(1)
    struck : In(lanes)
        The lane that strikes took out.
    asleep : In(1)
        The link needs no more than one lane.
    lanes_off : Out(lanes)
        In the same cycle. It may be all lanes: the adapter then changes nothing.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "aligned": In(1), "heard": In(lanes), "taken": In(1), "struck": In(lanes),
            "asleep": In(1), "lanes_off": Out(lanes),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, limit = self._cfg.serdes.lanes, self._cfg.derived.bringup_cycles
        if lanes == 1:
            return m    # the last lane is never taken out

        timer = Signal(range(limit + 1))
        searching, ends = Signal(), Signal()
        pick = Signal(range(lanes))
        m.d.comb += ends.eq(~self.aligned & (timer == limit))
        m.d.sync += timer.eq(Mux(self.aligned | ends, 0, timer + 1))
        with m.If(ends & searching):
            m.d.sync += pick.eq(Mux(pick == lanes - 1, 0, pick + 1))
        with m.If(self.taken):
            m.d.sync += searching.eq(0)
        with m.Elif(ends):
            m.d.sync += searching.eq(1)

        out, lowest = Signal(lanes), Signal(lanes)
        m.d.comb += [
            out.eq(self.heard | self.struck), lowest.eq(lowest_set(~out)),
            self.lanes_off.eq(Mux(self.asleep, ~lowest, out)),
        ]
        with m.If(searching):
            m.d.comb += self.lanes_off.eq(~onehot_when(1, pick, lanes))
        return m
