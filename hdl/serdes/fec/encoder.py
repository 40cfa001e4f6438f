"""Reed-Solomon encoder of a lane."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ...component import Component
from .code import PAYLOAD
from .field import Field
from .grouping import Grouping
from .slots import Slots


def feedback(code) -> list[list[int]]:
    """For each parity symbol, the weights of the symbols of a group.

    The remainder of symbol × x^(`parity` + how many symbols of the group follow it); the parity
    symbol of the highest degree first.
    """
    field = Field(code)
    generator = field.generator(code.parity, code.first_root)
    columns, remainder = [], generator[:-1]    # x^parity
    for _ in range(code.group):
        columns.append(remainder[::-1])
        top = remainder[-1]
        remainder = [a ^ field.multiply(top, b)
                     for a, b in zip([0, *remainder[:-1]], generator[:-1], strict=True)]
    columns.reverse()
    return [[column[row] for column in columns] for row in range(code.parity)]


class FecEncoder(Component):
    """Parity of a lane's blocks. After reset the first block begins a codeword.

    Parameters
    ----------
    code : Code

    Attributes
    ----------
    en, parity : In(1)
        A block in this cycle; in place of one, a parity block is wanted. There are exactly
        `code.data_blocks` of the first, then `code.parity_blocks` of the second, and again.
    ctrl, payload : In
        The block, scrambled; in a parity slot ignored.
    sent_ctrl, sent : Out
        In the same cycle: the block, or the parity block. Meaningless without `en`.
    """

    def __init__(self, code):
        self._code = code
        super().__init__({
            "en": In(1), "parity": In(1), "ctrl": In(1), "payload": In(PAYLOAD),
            "sent_ctrl": Out(1), "sent": Out(PAYLOAD),
        })

    def elaborate(self, platform):
        m = Module()
        code = self._code
        m.submodules.slots = slots = Slots(code, code.slots)
        m.submodules.grouping = grouping = Grouping(code)
        # The remainder so far, highest degree lowest: in the order in which it is sent.
        remainder = Signal(code.parity * code.m)
        mixed, fed = Signal(code.group * code.m), Signal(code.parity * code.m)
        moved = Signal(code.parity * code.m)
        sent = code.block_parity * code.m
        m.d.comb += [
            slots.en.eq(self.en), grouping.en.eq(self.en), grouping.parity.eq(0),
            grouping.turn.eq(slots.turn), grouping.last.eq(slots.last),
            grouping.ctrl.eq(self.ctrl), grouping.payload.eq(self.payload),
            self.sent_ctrl.eq(self.ctrl & ~self.parity),
            self.sent.eq(Mux(self.parity, remainder[:sent], self.payload)),
        ]
        with m.Switch(grouping.size):
            for index, count in enumerate(code.sizes):
                with m.Case(index):
                    place = (code.group - count) * code.m
                    leaving = remainder[:count * code.m]
                    m.d.comb += [
                        mixed.eq(grouping.symbols ^ (leaving << place)),
                        moved.eq(remainder >> count * code.m),
                    ]
        m.d.comb += fed.eq(Field(code).weighted(feedback(code), mixed))
        with m.If(self.en):
            m.d.sync += remainder.eq(Mux(self.parity, remainder >> sent, moved ^ fed))
        return m
