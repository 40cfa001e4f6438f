"""A block of several clocks, made as the adapter is, and ways to get its crossings wrong."""

from amaranth import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer
from amaranth.lib.wiring import In, Out

LANES = 2


class Crossing(wiring.Component):
    """An AsyncFIFO with both handshakes left out: always written, always read."""

    def __init__(self, write: str, read: str, depth: int = 8):
        self._write, self._read, self._depth = write, read, depth
        super().__init__({"i": In(8), "o": Out(8), "valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = queue = fifo.AsyncFIFO(
            width=8, depth=self._depth, w_domain=self._write, r_domain=self._read)
        m.d.comb += [queue.w_data.eq(self.i), queue.w_en.eq(1), queue.r_en.eq(1),
                     self.o.eq(queue.r_data), self.valid.eq(queue.r_rdy)]
        return m


class Toy(wiring.Component):
    """`sent` crosses from clk to tx_clk, each word of `came` from its rx_clk to clk.

    `fault` names one thing that is done wrong.
    """

    def __init__(self, cfg=None, fault: str = ""):
        self._fault = fault
        super().__init__({
            "tx_clk": In(1), "rx_clk": In(1).array(LANES), "send": In(8), "sent": Out(8),
            "words": In(8 * LANES), "came": Out(8).array(LANES), "extra": Out(8),
        })

    def elaborate(self, platform):
        m = Module()
        for name, clock in [("tx", self.tx_clk),
                            *((f"rx_{k}", self.rx_clk[k]) for k in range(LANES))]:
            domain = ClockDomain(name, local=True)
            m.domains += domain
            m.d.comb += domain.clk.eq(clock)
            reset = ResetSignal("sync") | (self.send[0] if self._fault == "reset" else 0)
            if self._fault == "unsynchronised reset" and name == "tx":
                m.d.comb += domain.rst.eq(reset)
            else:
                m.submodules[f"reset_{name}"] = ResetSynchronizer(reset, domain=name)
        m.submodules.up = up = Crossing("sync", "tx")
        mine = Signal(8)
        m.d.sync += mine.eq(self.send)
        m.d.comb += up.i.eq(mine ^ 1)
        with m.If(up.valid & (mine[0] if self._fault == "enable" else 1)):
            m.d.tx += self.sent.eq(mine if self._fault == "register" else up.o)
        for k in range(LANES):
            word = Signal(8, name=f"word_{k}")
            m.d[f"rx_{k}"] += word.eq(self.words.word_select(k, 8))
            m.submodules[f"down_{k}"] = down = Crossing(f"rx_{k}", "sync")
            m.d.comb += down.i.eq(word)
            with m.If(down.valid):
                m.d.sync += self.came[k].eq(down.o)
        if self._fault == "input":
            m.d.sync += self.extra.eq(self.words[:8])
        if self._fault == "output":
            m.d.comb += self.extra.eq(mine ^ word)
        if self._fault == "gated":
            gated = ClockDomain("gated", local=True, reset_less=True)
            m.domains += gated
            m.d.comb += gated.clk.eq(ClockSignal("tx") & mine[0])
            m.d.gated += self.extra.eq(self.send)
        if self._fault == "plain synchroniser":
            m.submodules.plain = FFSynchronizer(mine[0], self.extra[0], o_domain="tx")
        return m


class OneFlop(Elaboratable):
    """FFSynchronizer with a flop too few."""

    def __init__(self, i, o, *, o_domain):
        self._i, self._o, self._domain = i, o, o_domain

    def elaborate(self, platform):
        m = Module()
        stage0 = Signal.like(self._i, reset_less=True)
        m.d[self._domain] += stage0.eq(self._i)
        m.d.comb += self._o.eq(stage0)
        return m


class LogicBefore(Elaboratable):
    """FFSynchronizer that samples what a gate makes of the pointer."""

    def __init__(self, i, o, *, o_domain):
        self._i, self._o, self._domain = i, o, o_domain

    def elaborate(self, platform):
        m = Module()
        stage0, stage1 = (Signal.like(self._i, reset_less=True, name=f"stage{k}")
                          for k in range(2))
        m.d[self._domain] += [stage0.eq(self._i ^ (self._i >> 1)), stage1.eq(stage0)]
        m.d.comb += self._o.eq(stage1)
        return m


class ReadEarly(LogicBefore):
    """FFSynchronizer whose first flop is used as well."""

    def elaborate(self, platform):
        m = Module()
        stage0, stage1 = (Signal.like(self._i, reset_less=True, name=f"stage{k}")
                          for k in range(2))
        m.d[self._domain] += [stage0.eq(self._i), stage1.eq(stage0)]
        m.d.comb += self._o.eq(stage1 & stage0)
        return m
