"""The deskew FIFO of one lane."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .lane_rx import LaneBlock


class DeskewFifo(wiring.Component):
    """Drops blocks until a marker, which is its first entry, then keeps all.

    Attributes
    ----------
    valid, i : In
        A block written in this cycle; it is at the output in the next one, if the FIFO was empty.
    read, clear : In(1)
        Take the head at the end of this cycle; start over, and with the block of this cycle.
    ready, o : Out
        There is a head.
    overflow : Out(1)
        The block of this cycle finds no room: `deskew_blocks` are here and none is read.
    """

    def __init__(self, cfg):
        self._depth = cfg.serdes.deskew_blocks
        super().__init__({
            "valid": In(1), "i": In(LaneBlock), "read": In(1), "clear": In(1),
            "ready": Out(1), "o": Out(LaneBlock), "overflow": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self._depth - 1).bit_length()
        m.submodules.memory = memory = Memory(shape=LaneBlock, depth=2**bits, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        head, tail = Signal(bits), Signal(bits)
        held = Signal(range(self._depth + 1))
        started, keep = Signal(), Signal()
        m.d.comb += [
            keep.eq(self.valid & (started | self.i.marker)),
            write.addr.eq(tail), write.data.eq(self.i), write.en.eq(keep),
            read.addr.eq(head), self.o.eq(read.data),
            self.overflow.eq(keep & (held == self._depth) & ~self.read),
        ]
        with m.If(self.clear):
            # The block of this cycle is the first after it.
            begin = self.valid & self.i.marker
            m.d.sync += [started.eq(begin), held.eq(begin), self.ready.eq(begin),
                         head.eq(tail), tail.eq(tail + begin)]
        with m.Else():
            held_next = Signal.like(held)
            m.d.comb += held_next.eq(held + keep - self.read)
            m.d.sync += [started.eq(started | keep), held.eq(held_next),
                         self.ready.eq(held_next != 0),
                         head.eq(head + self.read), tail.eq(tail + keep)]
        return m
