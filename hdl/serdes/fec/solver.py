"""The key equation: inversion-free Berlekamp-Massey, one iteration a cycle.

Sarwate and Shanbhag, "High-speed architectures for Reed-Solomon decoders" (2001), algorithm riBM:
the discrepancy of the next step is computed along with this one, so that no product waits for
another. With `correct` below half of the parity symbols, only 2 `correct` steps are made. A
locator of degree `correct` or less that explains all syndromes is then final, and the
discrepancies that the other steps would meet, all there, are zero.
"""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from ...component import Component
from .field import Field


class Solver(Component):
    """Error locator and evaluator from the syndromes.

    Parameters
    ----------
    code : Code

    Attributes
    ----------
    start, sums : In
        The syndromes of a codeword.
    done : Out(1)
        A pulse 2 `correct` + 1 cycles after `start`. The results stay until the next `start`.
    locator : Out
        `correct` + 1 coefficients, x^0 lowest; its roots are alpha^-(degree of a wrong symbol).
    evaluator : Out
        `correct` coefficients w, x^0 lowest: at a root x the error is
        x^(`first_root` + `parity`) w(x) / (odd terms of the locator at x).
    errors : Out
        Wrong symbols, if the locator has as many roots.
    failed : Out(1)
        There are more than `correct`.
    """

    def __init__(self, code):
        self._code = code
        super().__init__({
            "start": In(1), "sums": In(code.parity * code.m), "done": Out(1),
            "locator": Out((code.correct + 1) * code.m), "evaluator": Out(code.correct * code.m),
            "errors": Out(range(code.correct + 1)), "failed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        code, field = self._code, Field(self._code)
        steps = 2 * code.correct

        def cells(name, count):
            return [Signal(code.m, name=f"{name}_{k}") for k in range(count)]

        def times(a, b, name):
            return field.product(m, a, b, name=name)

        # `delta` are the coefficients of syndromes × locator from x^step on, `theta` those of
        # syndromes × `spare`, the locator before its degree last grew.
        delta, theta = cells("delta", code.parity), cells("theta", code.parity)
        locator, spare = cells("locator", code.correct + 1), cells("spare", code.correct + 1)
        gamma = Signal(code.m)
        # step - 2 × (degree of the locator)
        balance = Signal(signed(steps.bit_length() + 1))
        step, running = Signal(range(steps)), Signal()

        grows = Signal()
        m.d.comb += grows.eq((delta[0] != 0) & (balance >= 0))
        m.d.sync += self.done.eq(running & (step == steps - 1))
        with m.If(self.start):
            m.d.sync += [
                Cat(delta).eq(self.sums), Cat(theta).eq(self.sums),
                Cat(locator).eq(1), Cat(spare).eq(1), gamma.eq(1), balance.eq(0),
                step.eq(0), running.eq(1),
            ]
        with m.Elif(running):
            m.d.sync += [step.eq(step + 1), running.eq(step != steps - 1)]
            for k in range(code.parity):
                above = delta[k + 1] if k + 1 < code.parity else 0
                change = times(delta[0], theta[k], f"delta_change_{k}")
                kept = times(gamma, above, f"delta_kept_{k}") if k + 1 < code.parity else 0
                m.d.sync += delta[k].eq(kept ^ change)
                with m.If(grows):
                    m.d.sync += theta[k].eq(above)
            for k in range(code.correct + 1):
                below = spare[k - 1] if k else 0
                change = times(delta[0], below, f"locator_change_{k}") if k else 0
                kept = times(gamma, locator[k], f"locator_kept_{k}")
                m.d.sync += [locator[k].eq(kept ^ change),
                             spare[k].eq(Mux(grows, locator[k], below))]
            m.d.sync += balance.eq(Mux(grows, ~balance, balance + 1))
            with m.If(grows):
                m.d.sync += gamma.eq(delta[0])

        unused = code.parity - steps
        m.d.comb += [
            self.locator.eq(Cat(locator)),
            self.evaluator.eq(Cat(delta[unused:unused + code.correct])),
            self.errors.eq(code.correct - (balance >> 1)),
            self.failed.eq((balance < 0) | Cat(delta[:unused]).any()),
        ]
        return m
