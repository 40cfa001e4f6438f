"""Which block of the codeword it is."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ...component import Component


class Slots(Component):
    """Counts the blocks of a codeword.

    Parameters
    ----------
    code : Code
    count : int
        Blocks until it begins again.

    Attributes
    ----------
    en : In(1)
        Count this block.
    slot : Out
        Number of the block that is here now.
    turn : Out
        The same modulo `code.turns`: where in a symbol a data block begins.
    last, parity, end : Out(1)
        It is the last data block; a parity block; the last of all.
    """

    def __init__(self, code, count: int):
        self._code, self._count = code, count
        super().__init__({
            "en": In(1), "slot": Out(range(count)), "turn": Out(range(code.turns)),
            "last": Out(1, init=code.data_blocks == 1), "parity": Out(1),
            "end": Out(1, init=count == 1),
        })

    def elaborate(self, platform):
        m = Module()
        code = self._code
        after = Signal.like(self.slot)
        m.d.comb += after.eq(Mux(self.end, 0, self.slot + 1))
        with m.If(self.en):
            m.d.sync += [
                self.slot.eq(after),
                self.turn.eq(Mux(self.end | (self.turn == code.turns - 1), 0, self.turn + 1)),
                # Early, as much depends on them.
                self.last.eq(after == code.data_blocks - 1),
                self.parity.eq(after >= code.data_blocks),
                self.end.eq(after == self._count - 1),
            ]
        return m
