"""Blocks of a codeword to its symbols."""

from amaranth import Cat, Const, Module, Signal
from amaranth.lib.wiring import In, Out

from ...component import Component
from .code import PAYLOAD


class Grouping(Component):
    """The symbols that each block completes; bits of one that is begun are kept.

    Parameters
    ----------
    code : Code

    Attributes
    ----------
    en, ctrl, payload : In
        A block of the codeword.
    turn, last, parity : In
        Which one (:class:`~.slots.Slots`).
    symbols : Out
        `code.group` symbols, first symbol lowest. They end with the last one; a block that
        completes fewer has zeros before its first.
    size : Out
        Index in `code.sizes` of their number.
    """

    def __init__(self, code):
        self._code = code
        super().__init__({
            "en": In(1), "ctrl": In(1), "payload": In(PAYLOAD),
            "turn": In(range(code.turns)), "last": In(1), "parity": In(1),
            "symbols": Out(code.group * code.m), "size": Out(range(len(code.sizes))),
        })

    def elaborate(self, platform):
        m = Module()
        code = self._code
        block = Cat(self.ctrl, Const(0, code.ctrl_bits - 1), self.payload)
        kept = Signal(max(map(code.offset, range(code.turns))))

        def give(bits, count):
            missing = Const(0, (code.group - count) * code.m)
            m.d.comb += [
                self.symbols.eq(Cat(missing, bits[:count * code.m])),
                self.size.eq(code.sizes.index(count)),
            ]

        last = code.data_blocks - 1
        with m.If(self.parity):
            give(self.payload, code.block_parity)
        with m.Elif(self.last):
            give(Cat(kept[:code.offset(last)], block, Const(0, code.m)), code.completed(last))
        with m.Else():
            with m.Switch(self.turn):
                for turn in range(code.turns):
                    with m.Case(turn):
                        bits = Cat(kept[:code.offset(turn)], block)
                        count = code.stride(turn)
                        give(bits, count)
                        with m.If(self.en):
                            m.d.sync += kept.eq(bits[count * code.m:])
        return m
