"""Rows to beats, in each of the three shapes (docs/units.md, "Block, beat, row")."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..interfaces import RxBeats, RxBlock


class RowUnpacker(wiring.Component):
    """Rows given at c; a beat that ends with one is out at c+1, the j-th beat of one at c+1+j.

    Attributes
    ----------
    give, last : In(1)
        A row; it completes a beat.
    row, idle : In
        Its blocks, and which of them are `IDLE`.
    o : Out(RxBeats)
        Beats that are not idle throughout.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "give": In(1), "last": In(1), "row": In(data.ArrayLayout(RxBlock, lanes)),
            "idle": In(lanes), "o": Out(RxBeats(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        self._split(m) if self._cfg.derived.beats_per_row > 1 else self._gather(m)
        return m

    def _gather(self, m):
        """A beat is one row, or several: each moves those before it down."""
        parts = self._cfg.derived.rows_per_beat
        beat, row = self.o.beat.as_value(), self.row.as_value()
        idle = Signal()    # of the rows of this beat so far
        m.d.comb += idle.eq(self.idle.all())
        if parts > 1:
            before = Signal(parts - 1)
            m.d.comb += idle.eq(self.idle.all() & before.all())
            with m.If(self.give):
                m.d.sync += before.eq(Cat(before[1:], self.idle.all()))
        m.d.sync += self.o.valid.eq(self.give & self.last & ~idle)
        with m.If(self.give):
            m.d.sync += beat.eq(Cat(beat[len(row):], row))

    def _split(self, m):
        """A row is several beats: the first at once, the others in the cycles after it.

        The next row is at least as many cycles away, by the relation of `lanes` and `word_bits`.
        """
        blocks, count = self._cfg.derived.blocks, self._cfg.derived.beats_per_row
        row = self.row.as_value()
        size = len(row) // count
        rest = Signal(len(row) - size)
        waiting = Signal(count - 1)
        full = Cat(~self.idle[j * blocks:(j + 1) * blocks].all() for j in range(count))
        m.d.sync += [
            Cat(self.o.valid, waiting).eq(Mux(self.give, full, waiting)),
            Cat(self.o.beat, rest).eq(Mux(self.give, row, rest)),
        ]
