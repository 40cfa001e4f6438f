"""Crossings between the clocks of a port: nothing else in the design crosses (docs/serdes.md)."""

from amaranth import DomainRenamer, Module, Signal
from amaranth.hdl import ClockDomain, ResetSignal, Shape, Value
from amaranth.lib import stream
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In, Out

from lightloom.config import CROSSING_DEPTH

from ..component import Component


def lane_clock(m, name: str, clk):
    """Define domain `name`, local to `m`, on `clk`; its reset follows that of the core clock."""
    m.domains += (domain := ClockDomain(name, local=True))
    m.d.comb += domain.clk.eq(clk)
    m.submodules[f"{name}_reset"] = ResetSynchronizer(ResetSignal("sync"), domain=name)


def between(w_domain: str, r_domain: str) -> DomainRenamer:
    """Puts a crossing where it is used: its ends are the domains `write` and `read`."""
    return DomainRenamer({"write": w_domain, "read": r_domain})


class Crossing(Component):
    """An asynchronous FIFO; one clock on both sides: written at c, readable at c+3.

    Attributes
    ----------
    i : In(stream of `shape`), in domain `write`
    o : Out(stream of `shape`), in domain `read`
    level : Out, in domain `write`
        Entries written in cycles <= c-2 and not read in cycles <= c-5.
    """

    def __init__(self, shape, *, depth: int = CROSSING_DEPTH):
        self._depth = depth
        super().__init__({
            "i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        width = Shape.cast(self.i.p.shape()).width
        m.submodules.fifo = fifo = AsyncFIFO(
            width=width, depth=self._depth, w_domain="write", r_domain="read")
        m.d.comb += [
            fifo.w_data.eq(self.i.p), fifo.w_en.eq(self.i.valid), self.i.ready.eq(fifo.w_rdy),
            Value.cast(self.o.p).eq(fifo.r_data), self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready), self.level.eq(fifo.w_level),
        ]
        return m


class ControlCrossing(Component):
    """Carries a control word whenever it changes; zero after reset.

    Attributes
    ----------
    i : In(shape), in domain `write`
        A change shorter than the way through may be passed over.
    o : Out(shape), in domain `read`
    """

    def __init__(self, shape):
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        wanted = Value.cast(self.i)
        m.submodules.crossing = crossing = Crossing(len(wanted), depth=4)
        sent = Signal(len(wanted))
        m.d.comb += [
            crossing.i.valid.eq(wanted != sent), crossing.i.p.eq(wanted),
            crossing.o.ready.eq(1),
        ]
        with m.If(crossing.i.valid & crossing.i.ready):
            m.d.write += sent.eq(wanted)
        with m.If(crossing.o.valid):
            m.d.read += Value.cast(self.o).eq(crossing.o.p)
        return m
