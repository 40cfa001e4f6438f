"""Crossings between the clocks of a port: nothing else in the design crosses (docs/serdes.md)."""

from amaranth import Module, Signal
from amaranth.hdl import ClockDomain, ResetSignal, Shape, Value
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In, Out

from lightloom.config import CROSSING_DEPTH


def lane_clock(m, name: str, clk):
    """Define domain `name`, local to `m`, on `clk`; its reset follows that of the core clock."""
    m.domains += (domain := ClockDomain(name, local=True))
    m.d.comb += domain.clk.eq(clk)
    m.submodules[f"{name}_reset"] = ResetSynchronizer(ResetSignal("sync"), domain=name)


class Crossing(wiring.Component):
    """An asynchronous FIFO; one clock on both sides: written at c, readable at c+3.

    Attributes
    ----------
    i : In(stream of `shape`), in the write domain
    o : Out(stream of `shape`), in the read domain
    level : Out, in the write domain
        Entries written in cycles <= c-2 and not read in cycles <= c-5.
    """

    def __init__(self, shape, *, w_domain: str, r_domain: str, depth: int = CROSSING_DEPTH):
        self._domains, self._depth = (w_domain, r_domain), depth
        super().__init__({
            "i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        w_domain, r_domain = self._domains
        width = Shape.cast(self.i.p.shape()).width
        m.submodules.fifo = fifo = AsyncFIFO(
            width=width, depth=self._depth, w_domain=w_domain, r_domain=r_domain)
        m.d.comb += [
            fifo.w_data.eq(self.i.p), fifo.w_en.eq(self.i.valid), self.i.ready.eq(fifo.w_rdy),
            Value.cast(self.o.p).eq(fifo.r_data), self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready), self.level.eq(fifo.w_level),
        ]
        return m


class ControlCrossing(wiring.Component):
    """Carries a control word whenever it changes; zero after reset.

    Attributes
    ----------
    i : In(shape), in the write domain
        A change shorter than the way through may be passed over.
    o : Out(shape), in the read domain
    """

    def __init__(self, shape, *, w_domain: str, r_domain: str):
        self._shape, self._domains = shape, (w_domain, r_domain)
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        w_domain, r_domain = self._domains
        m.submodules.crossing = crossing = Crossing(
            self._shape, w_domain=w_domain, r_domain=r_domain, depth=4)
        wanted = Value.cast(self.i)
        sent = Signal(len(wanted))
        m.d.comb += [
            crossing.i.valid.eq(wanted != sent), Value.cast(crossing.i.p).eq(wanted),
            crossing.o.ready.eq(1),
        ]
        with m.If(crossing.i.valid & crossing.i.ready):
            m.d[w_domain] += sent.eq(wanted)
        with m.If(crossing.o.valid):
            m.d[r_domain] += Value.cast(self.o).eq(crossing.o.p)
        return m
