"""One lane of the transmit adapter: blocks to words."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from lightloom.config import scrambler_seed

from ..component import Component
from ..interfaces import Block, BlockType
from .bip import BITS, parity, parity_of
from .gearbox_tx import GearboxTx
from .linecode import PAYLOAD, STATE, header, scramble
from .pattern import PatternGenerator
from .schedule import offset_bits
from .types import LaneTxControl, Pattern

LIVE, PHASE = 16, 3
"""Width of what a marker says of the live lanes, and of the begun beat."""


class LaneTx(Component):
    """Marker, scrambler, FEC and gearbox: a row pulled at c begins in `word` at c+2.

    Parameters
    ----------
    cfg : lightloom.config.Config
    number : int
        The lane: for its markers, and the scrambler's state after reset.

    Attributes
    ----------
    en, offset : In
        A row is pulled in this cycle, and where it begins; as :class:`Schedule` gives it.
    parity, marker : In(1)
        It is a parity row of the FEC, a marker row.
    live, phase : In
        What a marker says.
    block : In(Block)
        What is sent in any other row.
    control : In(LaneTxControl)
        In effect on the word that follows.
    word : Out(word_bits)
        Bit 0 is first on the wire; zero before the first row.
    """

    def __init__(self, cfg, number: int):
        self._cfg, self._number = cfg, number
        super().__init__({
            "en": In(1), "offset": In(offset_bits(cfg)), "parity": In(1), "marker": In(1),
            "live": In(LIVE), "phase": In(PHASE), "block": In(Block),
            "control": In(LaneTxControl), "word": Out(cfg.serdes.word_bits),
        })

    def elaborate(self, platform):
        m = Module()
        sync, sent = self._scrambler(m)
        m.submodules.gearbox = gearbox = GearboxTx(self._cfg)
        offset = Signal.like(self.offset)
        here = Signal()
        m.d.sync += [here.eq(self.en), offset.eq(self.offset)]
        m.d.comb += [gearbox.en.eq(here), gearbox.offset.eq(offset)]
        if self._cfg.serdes.fec == "none":
            m.d.comb += gearbox.block.eq(Cat(header(sync), sent))
        else:
            from .fec.code import CODES
            from .fec.encoder import FecEncoder

            m.submodules.fec = fec = FecEncoder(CODES[self._cfg.serdes.fec])
            is_parity = Signal()
            m.d.sync += is_parity.eq(self.parity)
            m.d.comb += [
                fec.en.eq(here), fec.parity.eq(is_parity), fec.ctrl.eq(sync),
                fec.payload.eq(sent),
                gearbox.block.eq(Cat(header(fec.sent_ctrl), fec.sent)),
            ]
        line = gearbox.word
        if self._cfg.serdes.diagnostics:
            m.submodules.pattern = pattern = PatternGenerator(self._cfg)
            m.d.comb += pattern.pattern.eq(self.control.pattern)
            line = Mux(self.control.pattern == Pattern.NONE, line, pattern.word)
        begun = Signal()
        with m.If(here | begun):
            m.d.sync += [begun.eq(1),
                         self.word.eq(line ^ self.control.invert.replicate(len(self.word)))]
        return m

    def _scrambler(self, m):
        """The sync bit and the scrambled payload of the row pulled last."""
        # What was sent last is the scrambler's state. Reset puts the seed there: its bit i is
        # the bit sent i+1 bits ago.
        seed = scrambler_seed(self._number)
        last = sum((seed >> i & 1) << PAYLOAD - 1 - i for i in range(STATE))
        scrambled, sync = Signal(PAYLOAD, init=last), Signal()

        # A marker's last bytes are the parity of what was sent up to the block before it, and
        # the complement. That is too late for the scrambler when there is a row in every cycle:
        # it takes 0x00 and 0xFF, and `late` is added behind it. A bit of the parity covers both
        # places of a bit of `late`: it is the same with and without.
        bip, late = Signal(BITS, init=parity_of(0b10, last)), Signal(BITS)
        before = Signal(BITS)    # parity up to and with the block that is scrambled now
        payload = Signal(PAYLOAD)
        sent = Cat(scrambled[:-2 * BITS], scrambled[-2 * BITS:] ^ Cat(late, late))
        marker = Cat(Const(BlockType.MARKER.value, 8), Const(self._number, 8),
                     Const(self._number ^ 0xFF, 8), self.live,
                     self.phase, Const(0, 8 - PHASE), Const(0x00, BITS), Const(0xFF, BITS))
        m.d.comb += [
            before.eq(bip ^ parity(header(sync), scrambled)),
            payload.eq(Mux(self.marker, marker, self.block.data)),
        ]
        with m.If(self.en & ~self.parity):
            m.d.sync += [
                scrambled.eq(scramble(payload, sent)),
                sync.eq(self.marker | self.block.ctrl),
                bip.eq(Mux(self.marker, 0, before)),
                late.eq(Mux(self.marker, before, 0)),
            ]
        return sync, sent
