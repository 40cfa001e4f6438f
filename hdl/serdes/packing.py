"""Beats to rows over the live lanes (docs/serdes.md, Row former)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..counters import count
from ..interfaces import Block, BlockType, beat_layout
from .barrel import shift_up

BLOCK = 65
"""Bits of a block and its sync bit."""

OWN = (BlockType.IDLE, BlockType.PAD, BlockType.MARKER)
"""Control blocks that only the adapter may send."""


class Row(data.StructLayout):
    """A row for the schedule: `after` is the phase behind it (`phase` of a marker)."""

    def __init__(self, cfg):
        lanes = cfg.serdes.lanes
        super().__init__({
            "blocks": data.ArrayLayout(Block, lanes), "live": lanes,
            "after": range(cfg.derived.blocks),
        })


def own_block(kind: BlockType):
    """A control block of the adapter with nothing in it."""
    return Block.const({"data": kind.value, "ctrl": 1})


class RowFormer(Component):
    """A rotating block shifter: W blocks a beat in, n blocks a row out.

    Attributes
    ----------
    i : In(stream of `beat_layout`)
    room, level : In
        A row can be written; rows that wait, as the crossing says.
    write, row : Out
        With `room`, the row is written.
    lanes_off : In(lanes)
    bad_beats : Out(16)
        Beats dropped because they held a block that only the adapter may send.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "i": In(stream.Signature(beat_layout(cfg))),
            "room": In(1), "level": In(4), "write": Out(1), "row": Out(Row(cfg)),
            "lanes_off": In(cfg.serdes.lanes), "bad_beats": Out(16),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, size = self._cfg.serdes.lanes, self._cfg.derived.blocks
        most = max(lanes, size) - 1
        live = Signal(lanes, init=2**lanes - 1)
        n = Signal(range(lanes + 1), init=lanes)
        wanted = Signal(lanes)
        due = Signal()
        m.d.comb += [wanted.eq(~self.lanes_off), due.eq((wanted != live) & wanted.any())]

        held = Signal(BLOCK * most)
        a = Signal(range(most + 1))
        beat = self.i.payload
        bad, taken = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~due & (a < n) & (self.room | (a + size < n))),
            bad.eq(Cat(block.ctrl & Cat(block.data[:8] == kind for kind in OWN).any()
                       for block in (beat[b] for b in range(size))).any()),
            taken.eq(self.i.valid & self.i.ready & ~bad),
        ]
        m.d.sync += count(self.bad_beats, self.i.valid & self.i.ready & bad)

        # While a >= n no beat is taken, and the shifted one is masked: a below n fits its amount.
        width = BLOCK * (lanes - 1 + size)
        moved = shift_up(m, Mux(taken, Value.cast(beat), 0), a[:(lanes - 1).bit_length()],
                         stride=BLOCK, width=width, name="moved")
        blocks = Signal(width)
        total = Signal(range(lanes + size))
        full, form, change = Signal(), Signal(), Signal()
        m.d.comb += [
            blocks.eq(moved | held),
            total.eq(a + Mux(taken, size, 0)),
            full.eq(total >= n),
            change.eq(due & (a == 0)),
            form.eq(full | ((total != 0) & ~taken & ((self.level < 2) | due))),
            self.write.eq(form | change),
        ]
        left = blocks
        for bit in range(len(n)):
            left = Mux(n[bit], left[BLOCK << bit:], left)
        with m.If(form & self.room):
            m.d.sync += [held.eq(left), a.eq(Mux(full, total - n, 0))]
        with m.Else():
            m.d.sync += [held.eq(blocks), a.eq(total)]
        phase = Signal(range(size))     # of the row that is next
        after = Signal(range(size))
        m.d.comb += after.eq(Mux(full, phase + n, 0))
        with m.If(form & self.room):
            m.d.sync += phase.eq(after)
        with m.If(change & self.room):
            m.d.sync += [live.eq(wanted), n.eq(sum(wanted[lane] for lane in range(lanes)))]

        row = self.row
        m.d.comb += [row.live.eq(Mux(change, wanted, live)), row.after.eq(Mux(change, 0, after))]
        idle, pad = own_block(BlockType.IDLE), own_block(BlockType.PAD)
        filled = []
        for j in range(lanes):
            # Above `total` there are zeros.
            filled.append(block := Signal(BLOCK, name=f"block_{j}"))
            m.d.comb += block.eq(blocks[BLOCK * j:BLOCK * (j + 1)]
                                 | Mux(total > j, 0, Value.cast(pad)))
        for lane in range(lanes):
            rank = Signal(range(lane + 1), init=lane, name=f"rank_{lane}")
            with m.If(change & self.room):
                m.d.sync += rank.eq(sum(wanted[other] for other in range(lane)))
            with m.If(change | ~live[lane]):
                m.d.comb += Value.cast(row.blocks[lane]).eq(Value.cast(idle))
            with m.Else():
                with m.Switch(rank):
                    for j in range(lane + 1):
                        with m.Case(j):
                            m.d.comb += Value.cast(row.blocks[lane]).eq(filled[j])
        return m
