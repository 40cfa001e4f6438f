"""Alignment of the lanes of a port by their markers (docs/serdes.md)."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

MOST_WRONG = 4


class Aligner(wiring.Component):
    """Reads rows, counts off the marker rows, starts over when they are wrong.

    Attributes
    ----------
    ready, own : In(lanes)
        Lane l has a block to read, and it is the marker of lane l.
    overflow, locked : In(lanes)
        Of each lane's FIFO and block lock.
    read : Out(1)
        A row is read in this cycle.
    give, last : Out(1)
        It is a payload row of an aligned port; it completes a beat.
    clear : Out(1)
        Start over at the end of this cycle.
    aligned, lost : Out(1)
        The port is aligned; a pulse when it no longer is.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "ready": In(lanes), "own": In(lanes), "overflow": In(lanes), "locked": In(lanes),
            "read": Out(1), "give": Out(1), "last": Out(1), "clear": Out(1),
            "aligned": Out(1), "lost": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        period, parts = self._cfg.serdes.marker_period, self._cfg.derived.rows_per_beat
        at_marker = Signal(init=1)
        rows = Signal(range(period))    # payload rows to come before the next marker row, less one
        once = Signal()                 # the first marker row was right
        misses = Signal(range(MOST_WRONG))
        right, wrong = Signal(), Signal()
        m.d.comb += [
            self.read.eq(self.ready.all()),
            right.eq(self.read & at_marker & self.own.all()),
            wrong.eq(self.read & at_marker & ~self.own.all()),
            self.give.eq(self.read & ~at_marker & self.aligned),
            self.clear.eq(
                self.overflow.any()
                | (wrong & (~self.aligned | (misses == MOST_WRONG - 1)))
                | (self.aligned & ~self.locked.all())),
            self.lost.eq(self.aligned & self.clear),
        ]
        with m.If(self.clear):
            m.d.sync += [at_marker.eq(1), once.eq(0), misses.eq(0), self.aligned.eq(0)]
        with m.Else():
            with m.If(self.read):
                m.d.sync += [rows.eq(Mux(at_marker, period - 1, rows - 1)),
                             at_marker.eq(~at_marker & (rows == 0))]
            with m.If(right):
                m.d.sync += [once.eq(1), self.aligned.eq(once), misses.eq(0)]
            with m.Elif(wrong):
                m.d.sync += misses.eq(misses + 1)
        if parts == 1:
            m.d.comb += self.last.eq(1)
        else:
            part = Signal(range(parts))
            m.d.comb += self.last.eq(part == parts - 1)
            with m.If(self.read):
                m.d.sync += part.eq(Mux(at_marker | self.last, 0, part + 1))
        return m
