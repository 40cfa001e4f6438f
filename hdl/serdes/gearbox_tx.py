"""Blocks of 66 bits to words of a transceiver."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .barrel import shift_up
from .linecode import CODED
from .schedule import offset_bits, stride


class GearboxTx(wiring.Component):
    """Lays blocks end to end: a block given at c begins in `word` at c+1, at bit `offset`.

    The word is zero before the first block. `offset` is in units of :func:`stride`, as
    :class:`Schedule` gives it: just where the block before ends.
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
            m.d.sync += self.word.eq(block)
            return m
        shifted = shift_up(m, block, self.offset, stride=step, width=CODED + word - step,
                           name="shifted")
        rest = Signal(CODED - step)    # sent after the word of this cycle
        m.d.sync += Cat(self.word, rest).eq(shifted | rest)
        return m
