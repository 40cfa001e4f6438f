"""Words of a transceiver to blocks of 66 bits, with a slip of one bit."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from .barrel import shift_up
from .linecode import CODED
from .schedule import stride


def is_register(cfg) -> bool:
    """Every word is a block: there is nothing to shift."""
    return cfg.serdes.slip == "request" and cfg.serdes.word_bits == CODED


class GearboxRx(Component):
    """Cuts the bits of the words, from the first cycle on, into blocks.

    Attributes
    ----------
    word : In(word_bits)
        Bit 0 was first on the wire.
    slip : In(1)
        The block after the one that is out now comes a bit later; it is spoiled, and may be the
        one after it is, too. Ignored if the transceiver slips.
    valid, block : Out
        A block whose last bit was in the word at y, at y+1.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "word": In(cfg.serdes.word_bits), "slip": In(1),
            "valid": Out(1), "block": Out(CODED),
        })

    def elaborate(self, platform):
        m = Module()
        if is_register(self._cfg):
            m.d.sync += [self.valid.eq(1), self.block.eq(self.word)]
        elif self._cfg.serdes.slip == "request":
            self._fixed(m)
        else:
            self._slipping(m)
        return m

    def _slipping(self, m):
        # `held` are the bits of the block that is begun; the next word goes to bit `place` - 1.
        # A slip takes one from `place`: the next word's first bit falls on the last one held, or,
        # when none is held, off the end. If this word just completes a block, its last bit goes.
        bits = self._cfg.serdes.word_bits
        least = CODED + 1 - bits    # of `place`, to complete a block
        place = Signal(range(CODED + 1), init=1)
        held = Signal(CODED - 1)
        shifted = shift_up(m, self.word, place, stride=1, width=CODED + bits, name="shifted",
                           smallest_first=True)
        line = Signal(CODED - 1 + bits)
        full = Signal()
        m.d.comb += [
            line.eq(shifted[1:] | held),
            full.eq((place >= least) & ~(self.slip & (place == least))),
        ]
        m.d.sync += [
            self.valid.eq(full),
            place.eq(place + Mux(full, bits - CODED, bits) - self.slip),
            held.eq(Mux(full, line[CODED:], line[:CODED - 1])),
        ]
        with m.If(full):
            m.d.sync += self.block.eq(line[:CODED])

    def _fixed(self, m):
        # In strides: blocks and words begin at multiples of one.
        bits, step = self._cfg.serdes.word_bits, stride(self._cfg)
        word, block = bits // step, CODED // step
        place = Signal(range(block))
        held = Signal(CODED - step)
        line = Signal(CODED - step + bits)
        full = Signal()
        m.d.comb += [
            line.eq(held | shift_up(m, self.word, place, stride=step, width=len(line),
                                    name="shifted", smallest_first=True)),
            full.eq(place >= block - word),
        ]
        m.d.sync += [
            self.valid.eq(full),
            place.eq(place + Mux(full, word - block, word)),
            held.eq(Mux(full, line[CODED:], line[:CODED - step])),
        ]
        with m.If(full):
            m.d.sync += self.block.eq(line[:CODED])
