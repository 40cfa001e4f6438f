"""Rows to beats (docs/serdes.md, Beats)."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..counters import count
from ..interfaces import RxBeats, RxBlock
from .barrel import shift_up
from .deskew import DeskewBlock
from .types import Kind, MarkerFields

BLOCK = 66
"""Bits of a received block, its sync bit and its error flag."""


class RowRegister(Component):
    """Puts the members' heads in order: the crossbar of a row.

    Attributes
    ----------
    give, mark, first, chosen : In
        As of :class:`Aligner`, with the heads that are read in this cycle.
    heads : In
    blocks, pad, phase : Out
        The row in order, which of its blocks are `PAD`, the `phase` of a marker row.
    is_row, is_mark, is_first : Out(1)
        What is in the register.
    take : In(1)
        What is in the register is used up in this cycle.
    room : Out(1)
        A row can be read in this cycle.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "give": In(1), "mark": In(1), "first": In(1),
            "chosen": In(data.ArrayLayout(lanes, lanes)),
            "heads": In(data.ArrayLayout(DeskewBlock, lanes)),
            "blocks": Out(data.ArrayLayout(RxBlock, lanes)), "pad": Out(lanes),
            "phase": Out(range(cfg.derived.blocks)),
            "is_row": Out(1), "is_mark": Out(1), "is_first": Out(1), "take": In(1),
            "room": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._cfg.serdes.lanes
        m.d.comb += self.room.eq(self.take | ~(self.is_row | self.is_mark))
        for r in range(lanes):
            picked = Const(0, DeskewBlock.as_shape().size)
            for p in range(lanes):
                picked = picked | Mux(self.chosen[r][p], Value.cast(self.heads[p]), 0)
            block = Signal(DeskewBlock, name=f"block_{r}")
            m.d.comb += Value.cast(block).eq(picked)
            kind = block.kind
            # Whether it is a row that is kept comes late, and only the flags need to know.
            with m.If(self.room):
                m.d.sync += [
                    self.blocks[r].data.eq(block.data),
                    self.blocks[r].ctrl.eq(kind == Kind.CONTROL),
                    self.blocks[r].error.eq((kind != Kind.CONTROL) & (kind != Kind.DATA)),
                    self.pad[r].eq(kind == Kind.PAD),
                ]
                if r == 0:
                    m.d.sync += self.phase.eq(MarkerFields(block.data).phase)
        with m.If(self.room):
            m.d.sync += [self.is_row.eq(self.give), self.is_mark.eq(self.mark),
                         self.is_first.eq(self.first)]
        return m


class RowUnpacker(Component):
    """A rotating block shifter: n blocks a row in, W blocks a beat out.

    Attributes
    ----------
    n : In
        Blocks of a row.
    row : In, as the outputs of :class:`RowRegister`
    take : Out(1)
        What is in the register is used up in this cycle.
    o : Out(RxBeats)
    broken_beats : Out(16)
        Beats that were not given, as their begin was lost.
    clear : In(1)
        Of the counter.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "n": In(range(lanes + 1)), "blocks": In(data.ArrayLayout(RxBlock, lanes)),
            "pad": In(lanes), "phase": In(range(cfg.derived.blocks)),
            "is_row": In(1), "is_mark": In(1), "is_first": In(1), "take": Out(1),
            "o": Out(RxBeats(cfg)), "broken_beats": Out(16), "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, size = self._cfg.serdes.lanes, self._cfg.derived.blocks
        most = max(lanes, size) - 1
        held = Signal(BLOCK * most)
        b = Signal(range(most + 1))
        padded, row, broken = Signal(), Signal(), Signal()
        f = Signal(range(lanes + 1))
        m.d.comb += [
            padded.eq(self.pad.any()),
            self.take.eq(b < size),
            row.eq(self.take & self.is_row),
        ]
        # Blocks before the first `PAD`: the lowest one wins.
        before = self.n
        for j in reversed(range(lanes)):
            before = Mux(self.pad[j], j, before)
        m.d.comb += f.eq(before)

        width = BLOCK * (lanes - 1 + size)
        moved = shift_up(m, Mux(row, Value.cast(self.blocks), 0), b[:(size - 1).bit_length()],
                         stride=BLOCK, width=width, name="moved")
        # Above b there may be what a broken row left.
        kept = Cat(Mux(b > j, held[BLOCK * j:BLOCK * (j + 1)], 0) for j in range(most))
        blocks = Signal(width)
        total, rest = Signal(range(lanes + size)), Signal(range(lanes + size))
        full = Signal()
        m.d.comb += [
            blocks.eq(moved | kept),
            total.eq(b + Mux(row, f, 0)),
            full.eq(total >= size),
            rest.eq(Mux(full, total - size, total)),
        ]
        m.d.sync += [
            held.eq(Mux(full, blocks[BLOCK * size:], blocks)),
            b.eq(Mux(row & padded, Cat(Const(0, size.bit_length() - 1),
                                       rest[size.bit_length() - 1:]), rest)),
            self.o.valid.eq(full & ~broken),
            Value.cast(self.o.beat).eq(blocks[:BLOCK * size]),
            count(self.broken_beats, full & broken, clear=self.clear),
        ]
        with m.If(full):
            m.d.sync += broken.eq(0)
        with m.If(self.take & self.is_mark & (self.is_first | (self.phase != b))):
            m.d.sync += [b.eq(self.phase), broken.eq(self.phase != 0)]
        return m
