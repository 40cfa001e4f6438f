"""Blocks of 66 bits to words of a transceiver."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from .barrel import shift_up
from .linecode import CODED
from .schedule import offset_bits, stride


class GearboxTx(Component):
    """Lays blocks end to end: a block begins in `word` in its cycle, at bit `offset`.

    `word` is meant for a register; it is zero before the first block. `offset` is in units of
    :func:`stride`, as :class:`Schedule` gives it: just where the block before ends.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "en": In(1), "offset": In(offset_bits(cfg)), "block": In(CODED),
            "word": Out(cfg.serdes.word_bits),
        })

    def elaborate(self, platform):
        m = Module()
        word, step = self._cfg.serdes.word_bits, stride(self._cfg)
        block = Signal(CODED)
        m.d.comb += block.eq(Mux(self.en, self.block, 0))
        if step == word:
            m.d.comb += self.word.eq(block)
            return m
        shifted = shift_up(m, block, self.offset, stride=step, width=CODED + word - step,
                           name="shifted", smallest_first=True)
        rest = Signal(CODED - step)    # for the words after this one
        line = Signal(len(shifted))
        m.d.comb += [line.eq(shifted | rest), self.word.eq(line)]
        m.d.sync += rest.eq(line[word:])
        return m
