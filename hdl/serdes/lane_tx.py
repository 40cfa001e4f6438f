"""One lane of the transmit adapter: blocks to words."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.config import scrambler_seed

from ..interfaces import Block
from .gearbox_tx import GearboxTx
from .linecode import PAYLOAD, STATE, header, scramble
from .schedule import offset_bits


class LaneTx(wiring.Component):
    """Scrambler and gearbox (IEEE 802.3 cl. 49.2.5, 49.2.6): a block at c begins in `word` at c+2.

    Parameters
    ----------
    cfg : lightloom.config.Config
    lane : int
        Chooses the scrambler's state after reset.

    Attributes
    ----------
    en, offset, block : In
        A block, and where it begins in its word, one cycle after :class:`Schedule` pulled it.
        With words of 66 bits there is a block in every cycle and `offset` is 0.
    word : Out(word_bits)
        Bit 0 is first on the wire; zero before the first block.
    """

    def __init__(self, cfg, lane: int):
        self._cfg, self._lane = cfg, lane
        super().__init__({
            "en": In(1), "offset": In(offset_bits(cfg)), "block": In(Block),
            "word": Out(cfg.serdes.word_bits),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.gearbox = gearbox = GearboxTx(self._cfg)
        # What was sent last is the scrambler's state. Reset puts the seed there: its bit i is
        # the bit sent i+1 bits ago.
        seed = scrambler_seed(self._lane)
        last = sum((seed >> i & 1) << PAYLOAD - 1 - i for i in range(STATE))
        scrambled = Signal(PAYLOAD, init=last)
        sync = Signal(2)
        with m.If(self.en):
            m.d.sync += [scrambled.eq(scramble(self.block.data, scrambled)),
                         sync.eq(header(self.block.ctrl))]
        m.d.sync += [gearbox.en.eq(self.en), gearbox.offset.eq(self.offset)]
        m.d.comb += [gearbox.block.eq(Cat(sync, scrambled)), self.word.eq(gearbox.word)]
        return m
