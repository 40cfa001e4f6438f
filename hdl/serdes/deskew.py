"""The deskew FIFO of one lane (docs/serdes.md, Alignment)."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..component import Component
from .types import Kind


class DeskewBlock(data.Struct):
    """A block that was received under lock.

    `own`: the marker that the port's alignment expects of this wire; `other`: but for `live`.
    """

    data: 64
    kind: Kind
    own: 1
    other: 1


class DeskewFifo(Component):
    """Drops blocks until a marker, which is its first entry, then keeps all.

    Attributes
    ----------
    valid, block : In
        A block; it is the head at once, if there is no other.
    spoil : In(1)
        Not a block has come, but the news that the lane carries none.
    hunt : In(1)
        What cannot be kept empties this FIFO.
    read, clear : In(1)
        Take the head at the end of this cycle; empty the FIFO, and begin with the block of this
        cycle.
    skip : In(1)
        With `read` and `two`: take the block behind the head too.
    ready, o : Out
        There is a head.
    two : Out(1)
        There is another behind it.
    overflow : Out(1)
        The block of this cycle finds no room.
    emptied : Out(1)
        It was not by `clear` that the FIFO is emptied.
    """

    def __init__(self, cfg):
        self._depth = cfg.derived.deskew_depth
        super().__init__({
            "valid": In(1), "block": In(DeskewBlock), "spoil": In(1), "hunt": In(1),
            "read": In(1), "skip": In(1), "clear": In(1), "ready": Out(1),
            "o": Out(DeskewBlock), "two": Out(1),
            "overflow": Out(1), "emptied": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=DeskewBlock, depth=self._depth, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        head, tail = Signal(range(self._depth)), Signal(range(self._depth))
        held = Signal(range(self._depth + 1))
        started, some, begin, keep = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            begin.eq(self.valid & (self.block.kind == Kind.MARKER)),
            keep.eq(self.valid & (started | begin)),
            write.addr.eq(tail), write.data.eq(self.block), write.en.eq(keep),
            read.addr.eq(head), self.o.eq(Mux(some, read.data, self.block)),
            self.ready.eq(some | keep),
            self.overflow.eq(keep & (held == self._depth)),
            self.emptied.eq(self.hunt & (self.overflow | (self.spoil & started))),
        ]

        def after(place):
            return Mux(place == self._depth - 1, 0, place + 1)

        held_next = Signal.like(held)
        with m.If(self.clear | self.emptied):
            m.d.comb += held_next.eq(begin)
            m.d.sync += [started.eq(begin), head.eq(tail), tail.eq(Mux(begin, after(tail), tail))]
        with m.Else():
            both = self.read & self.skip
            second = Mux(head >= self._depth - 2, head == self._depth - 1, head + 2)
            m.d.comb += held_next.eq(held + keep - self.read - both)
            m.d.sync += [started.eq(started | keep),
                         head.eq(Mux(both, second, Mux(self.read, after(head), head))),
                         tail.eq(Mux(keep, after(tail), tail))]
        more = Signal()
        m.d.comb += self.two.eq(more | (some & keep))
        m.d.sync += [held.eq(held_next), some.eq(held_next != 0), more.eq(held_next >= 2)]
        return m
