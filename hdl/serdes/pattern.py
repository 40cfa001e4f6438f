"""Test patterns of a lane, a word at a time: generator and self-synchronising checker.

PRBS31 is x^31 + x^28 + 1, sent inverted (IEEE 802.3 cl. 49.2.8); PRBS13 is
x^13 + x^12 + x^2 + x + 1 (cl. 94.3.10.8); the square wave is eight ones, eight zeros.
"""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from .linecode import combine, shift_register
from .types import Pattern

TAPS = {Pattern.PRBS31: (28, 31), Pattern.PRBS13: (1, 2, 12, 13)}
"""A bit is the XOR of the bits that many bits before it."""

INVERTED = {Pattern.PRBS31}
"""Sent inverted: on the line, the register of the polynomial holds complements."""

HALF = 8
"""Ones, and zeros, of a period of the square wave."""

WINDOW, ERROR_BITS = 64, 16
"""Words whose errors the checker adds up; width of the sum."""


class PatternGenerator(Component):
    """The next word of `pattern`; of any, when it is `NONE`.

    What is not sent rests: that saves power, and a simulator's time. A change of pattern needs no
    start.
    """

    def __init__(self, cfg):
        self._bits = cfg.serdes.word_bits
        super().__init__({"pattern": In(Pattern), "word": Out(self._bits)})

    def elaborate(self, platform):
        m = Module()
        bits = self._bits
        with m.Switch(self.pattern):
            for pattern, taps in TAPS.items():
                order = max(taps)
                state = Signal(order, init=1, name=pattern.name.lower())
                word = Signal(bits, name=f"{pattern.name.lower()}_word")
                m.d.comb += word.eq(combine(state, shift_register(bits, order, taps, data=False)))
                with m.Case(pattern):
                    m.d.sync += state.eq(Cat(state, word)[-order:])
                    m.d.comb += self.word.eq(~word if pattern in INVERTED else word)
            square = Signal(2 * HALF, init=2**HALF - 1)
            with m.Case(Pattern.SQUARE):
                m.d.sync += square.eq(square.rotate_right(bits % (2 * HALF)))
                m.d.comb += self.word.eq(square.replicate(-(-bits // (2 * HALF))))
        return m


class PatternChecker(Component):
    """Counts the bits that do not follow from the received bits before them.

    So it needs no start, at any phase; a wrong bit counts once for itself and once for each tap.
    A line that stands still is wrong in every bit, though a PRBS register of zeros is none.

    Attributes
    ----------
    word : In(word_bits)
    pattern : In(Pattern)
        What is expected; with `NONE` the checker rests.
    valid, errors : Out
        A pulse every 64 words, and the wrong bits of that many words some cycles ago.
    """

    def __init__(self, cfg):
        self._bits = cfg.serdes.word_bits
        super().__init__({
            "word": In(self._bits), "pattern": In(Pattern),
            "valid": Out(1), "errors": Out(ERROR_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        bits, most = self._bits, max(map(max, TAPS.values()))
        before, on, word = Signal(most), Signal(), Signal(bits)
        m.d.comb += [on.eq(self.pattern != Pattern.NONE), word.eq(Mux(on, self.word, 0))]
        line = Cat(before, word)
        with m.If(on):
            m.d.sync += before.eq(line[-most:])
        at = lambda distance: line[most - distance:][:bits]
        wrong = Signal(bits)
        with m.Switch(self.pattern):
            for pattern, taps in TAPS.items():
                odd = word
                for tap in taps:
                    odd = odd ^ at(tap)
                last = before[-max(taps):]
                if pattern in INVERTED:
                    # All bits and their prediction are inverted: that leaves one inversion.
                    odd, still = odd if len(taps) % 2 else ~odd, last.all()
                else:
                    still = ~last.any()
                with m.Case(pattern):
                    m.d.sync += wrong.eq(odd | still.replicate(bits))
            with m.Case(Pattern.SQUARE):
                m.d.sync += wrong.eq(~(word ^ at(HALF)))
            with m.Default():
                m.d.sync += wrong.eq(0)

        # Add up by threes, each level in a register.
        terms = [wrong[i] for i in range(bits)]
        level = 0
        while len(terms) > 1:
            level += 1
            sums = []
            for i in range(0, len(terms), 3):
                total = sum(terms[i + 1:i + 3], terms[i])
                sums.append(Signal.like(total, name=f"sum_{level}_{i // 3}"))
                m.d.sync += sums[-1].eq(total)
            terms = sums

        words, total = Signal(range(WINDOW)), Signal((WINDOW * bits).bit_length())
        end = Signal()
        m.d.comb += end.eq(words == WINDOW - 1)
        m.d.sync += [
            words.eq(words + 1), self.valid.eq(end),
            total.eq(Mux(end, 0, total) + terms[0]),
        ]
        with m.If(end):
            m.d.sync += self.errors.eq(total)
        with m.If(~on):
            m.d.sync += [words.eq(0), total.eq(0), self.valid.eq(0)]
        return m
