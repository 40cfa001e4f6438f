"""Beats to rows, in each of the three shapes (docs/units.md, "Block, beat, row")."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..interfaces import Block, BlockType, beat_layout
from .linecode import marker

IDLE = {"data": BlockType.IDLE.value, "ctrl": 1}


class RowPacker(wiring.Component):
    """Forms the row that :class:`Schedule` pulls; a row pulled at c is in `row` at c+1.

    Ready does not wait for valid. `pull`, `marker` and `first` are those of the schedule;
    `row` holds its value until the next one.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "i": In(stream.Signature(beat_layout(cfg))),
            "pull": In(1), "marker": In(1), "first": In(1),
            "row": Out(data.ArrayLayout(Block, cfg.serdes.lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._cfg.serdes.lanes
        payload = (self._gather if self._cfg.derived.beats_per_row > 1 else self._split)(m)
        markers = data.ArrayLayout(Block, lanes).const(
            [{"data": marker(lane), "ctrl": 1} for lane in range(lanes)])
        with m.If(self.pull):
            m.d.sync += self.row.eq(Mux(self.marker, markers.as_value(), payload))
        return m

    def _idle(self, count):
        return data.ArrayLayout(Block, count).const([IDLE] * count)

    def _split(self, m):
        """A beat is one row, or several: the first at once, the others from `rest`."""
        cfg = self._cfg
        size = cfg.serdes.lanes * Block.as_shape().size
        beat = Signal(len(self.i.payload.as_value()))
        row = Signal(size)
        m.d.comb += [
            self.i.ready.eq(self.pull & ~self.marker & self.first),
            beat.eq(Mux(self.i.valid, self.i.payload.as_value(),
                        self._idle(cfg.derived.blocks).as_value())),
            row.eq(beat[:size]),
        ]
        if cfg.derived.rows_per_beat > 1:
            rest = Signal(len(beat) - size)
            with m.If(~self.first):
                m.d.comb += row.eq(rest[:size])
            with m.If(self.pull & ~self.marker):
                m.d.sync += rest.eq(Mux(self.first, beat[size:], rest[size:]))
        return row

    def _gather(self, m):
        """A row is several beats: those that came before its pull, one in its pull, and idle ones.

        `held` is idle where no beat is yet, so that a pull need not know how many there are.
        """
        cfg = self._cfg
        most = cfg.derived.beats_per_row - 1
        beat = self.i.payload.as_value()
        idle = self._idle(cfg.derived.blocks).as_value()
        held = [Signal(len(beat), name=f"held_{j}", init=idle) for j in range(most)]
        place = Signal(most + 1, init=1)    # one-hot: where the next beat goes
        sends = Signal()
        m.d.comb += [
            sends.eq(self.pull & ~self.marker),
            self.i.ready.eq(~place[most] | sends),
        ]
        row = [Mux(place[j] & self.i.valid, beat, held[j] if j < most else idle)
               for j in range(most + 1)]
        for j in range(most):
            with m.If(sends):
                m.d.sync += held[j].eq(idle)
            with m.Elif(place[j] & self.i.valid):
                m.d.sync += held[j].eq(beat)
        with m.If(sends):
            m.d.sync += place.eq(1)
        with m.Elif(self.i.valid & self.i.ready):
            m.d.sync += place.eq(place << 1)
        return Cat(row)
