"""Syndromes of a received codeword."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ...component import Component
from .field import Field


class Syndromes(Component):
    """Horner's rule, all symbols of a block in one cycle.

    Parameters
    ----------
    code : Code

    Attributes
    ----------
    en, symbols, size, end : In
        Symbols of a block (:class:`~.grouping.Grouping`); it is the codeword's last one.
    sums : Out
        With the last block, in the same cycle: the value of the codeword at each root of the
        generator, first root lowest.
    """

    def __init__(self, code):
        self._code = code
        super().__init__({
            "en": In(1), "symbols": In(code.group * code.m), "size": In(range(len(code.sizes))),
            "end": In(1), "sums": Out(code.parity * code.m),
        })

    def elaborate(self, platform):
        m = Module()
        code, field = self._code, Field(self._code)
        roots = range(code.first_root, code.first_root + code.parity)
        before, moved = Signal(len(self.sums)), Signal(len(self.sums))
        with m.Switch(self.size):
            for index, count in enumerate(code.sizes):
                with m.Case(index):
                    m.d.comb += moved.eq(Cat(
                        field.times(field.power(root * count), before.word_select(k, code.m))
                        for k, root in enumerate(roots)))
        weights = [[field.power(root * (code.group - 1 - k)) for k in range(code.group)]
                   for root in roots]
        m.d.comb += self.sums.eq(moved ^ field.weighted(weights, self.symbols))
        with m.If(self.en):
            m.d.sync += before.eq(Mux(self.end, 0, self.sums))
        return m
