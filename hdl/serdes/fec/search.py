"""How many roots has the locator among the codeword's places? (Chien search)"""

from amaranth import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from ...component import Component
from .field import Field


class RootCount(Component):
    """Looks at `scan_symbols` places a cycle, from the last symbol on.

    Parameters
    ----------
    code : Code

    Attributes
    ----------
    start, locator : In
        A locator that is not zero.
    early : Out(1)
        A pulse `scan` - 3 cycles after `start`.
    done, count : Out
        A pulse `scan` + 1 cycles after `start`, and the number of roots with it.
    """

    def __init__(self, code):
        self._code = code
        super().__init__({
            "start": In(1), "locator": In((code.correct + 1) * code.m),
            "early": Out(1), "done": Out(1), "count": Out(range(code.correct + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        code, field = self._code, Field(self._code)
        lanes, scan = code.scan_symbols, code.scan
        powers = range(code.correct + 1)
        # The locator's terms at the first place of this cycle.
        terms, at = Signal(len(self.locator)), Signal(range(scan))
        running, ended = Signal(), Signal()
        roots = Signal(lanes)
        before = Signal(len(self.count))
        with m.If(self.start):
            m.d.sync += [terms.eq(self.locator), at.eq(0), running.eq(1)]
        with m.Elif(running):
            m.d.sync += [
                terms.eq(Cat(field.times(field.power(-lanes * k), terms.word_select(k, code.m))
                             for k in powers)),
                at.eq(at + 1), running.eq(at != scan - 1),
            ]
        here = Signal(lanes)
        for lane in range(lanes):
            value = field.weighted([[field.power(-lane * k) for k in powers]], terms)
            inside = lane < code.n - (scan - 1) * lanes or at != scan - 1
            m.d.comb += here[lane].eq((value == 0) & running & inside)
        m.d.sync += [roots.eq(here), ended.eq(running & (at == scan - 1))]
        with m.If(self.start):
            m.d.sync += before.eq(0)
        with m.Else():
            m.d.sync += before.eq(self.count)
        m.d.comb += [
            # A locator has no more roots than its degree: the sum cannot overflow.
            self.count.eq(before + sum(roots)),
            self.early.eq(running & (at == scan - 4)),
            self.done.eq(ended),
        ]
        return m
