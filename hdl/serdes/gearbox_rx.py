"""Words of a transceiver to blocks of 66 bits, with a slip of one bit."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .barrel import shift_up
from .linecode import CODED


class GearboxRx(wiring.Component):
    """Cuts the bits of the words, from cycle 0 on, into blocks.

    Attributes
    ----------
    word : In(word_bits)
        Bit 0 was first on the wire.
    slip : In(1)
        Leave one bit out. The block that is begun, or the one after it, is spoiled.
    valid, block : Out
        A block whose last bit was in the word at y, at y+2.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "word": In(cfg.serdes.word_bits), "slip": In(1),
            "valid": Out(1), "block": Out(CODED),
        })

    def elaborate(self, platform):
        m = Module()
        bits = self._cfg.serdes.word_bits
        word, here = Signal(bits), Signal()
        m.d.sync += [word.eq(self.word), here.eq(1)]

        # `held` are the bits of the block that is begun; the next word goes to bit `place` - 1.
        # A slip takes one from `place`: the word's first bit falls on the last one held, or, when
        # none is held, off the end.
        place = Signal(range(CODED + 1), init=1)
        held = Signal(CODED - 1)
        shifted = shift_up(m, word, place, stride=1, width=CODED + bits, name="shifted")
        bits_in = Signal(CODED - 1 + bits)
        full = Signal()
        m.d.comb += [
            bits_in.eq(shifted[1:] | held),
            full.eq(place >= CODED + 1 - bits),
        ]
        m.d.sync += self.valid.eq(here & full)
        with m.If(here):
            m.d.sync += [
                place.eq(place + Mux(full, bits - CODED, bits) - self.slip),
                held.eq(Mux(full, bits_in[CODED:], bits_in[:CODED - 1])),
            ]
            with m.If(full):
                m.d.sync += self.block.eq(bits_in[:CODED])
        return m
