"""What is wrong in each symbol of a block (Chien search and Forney's formula)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ...component import Component
from .field import Field

CYCLES = 4
"""From a block's turn to its errors."""


class Forney(Component):
    """Errors of the symbols of one data block after another.

    Parameters
    ----------
    code : Code

    Attributes
    ----------
    start, locator, evaluator : In
        Begin with the first data block (:class:`~.solver.Solver` explains the two).
    step, turn : In
        From block `turn` (modulo `code.turns`), which is here now, go on to the next one.
    errors : Out
        `CYCLES` after its block is here: errors of the `code.touched` symbols that it has
        bits of, first symbol lowest.
    """

    def __init__(self, code):
        self._code = code
        super().__init__({
            "start": In(1), "locator": In((code.correct + 1) * code.m),
            "evaluator": In(code.correct * code.m),
            "step": In(1), "turn": In(range(code.turns)),
            "errors": Out(code.touched * code.m),
        })

    def elaborate(self, platform):
        m = Module()
        code, field = self._code, Field(self._code)
        lanes, size = code.touched, code.m
        powers = range(code.correct + 1)
        shifts = range(code.first_root + code.parity,
                       code.first_root + code.parity + code.correct)
        locator, evaluator = Signal(len(self.locator)), Signal(len(self.evaluator))

        def moved(terms, exponents, places):
            return Cat(field.times(field.power(e * places), terms.word_select(k, size))
                       for k, e in enumerate(exponents))

        with m.If(self.start):
            # The first symbol has degree n - 1.
            m.d.sync += [locator.eq(moved(self.locator, powers, 1 - code.n)),
                         evaluator.eq(moved(self.evaluator, shifts, 1 - code.n))]
        with m.Elif(self.step):
            with m.Switch(self.turn):
                for turn in range(code.turns):
                    with m.Case(turn):
                        places = code.stride(turn)
                        m.d.sync += [locator.eq(moved(locator, powers, places)),
                                     evaluator.eq(moved(evaluator, shifts, places))]

        for lane in range(lanes):
            def at(exponents, terms, parity=None, lane=lane):
                return field.weighted(
                    [[0 if parity is not None and e % 2 != parity else field.power(e * lane)
                      for e in exponents]], terms)

            def cell(name, width=size, lane=lane):
                return Signal(width, name=f"{name}_{lane}")

            even, odd, top = cell("even"), cell("odd"), cell("top")
            m.d.sync += [
                even.eq(at(powers, locator, 0)), odd.eq(at(powers, locator, 1)),
                top.eq(at(shifts, evaluator)),
            ]
            # top / odd = top × conjugate / (odd × conjugate), a divisor of half the bits.
            above, divisor = cell("above"), cell("divisor", field.subfield)
            conjugate, norm = cell("conjugate"), cell("norm")
            m.d.comb += [
                conjugate.eq(field.conjugate(odd)),
                norm.eq(field.product(m, odd, conjugate, name=f"norm_partial_{lane}")),
            ]
            m.d.sync += [
                above.eq(Mux(even == odd, field.product(
                    m, top, conjugate, name=f"above_partial_{lane}"), 0)),
                divisor.eq(field.coordinates(norm)),
            ]
            above_then, inverse = cell("above_then"), cell("inverse", field.subfield)
            m.d.sync += [
                above_then.eq(above), inverse.eq(field.inverted(divisor)),
                self.errors.word_select(lane, size).eq(field.scaled(above_then, inverse)),
            ]
        return m
