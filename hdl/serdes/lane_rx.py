"""One lane of the receive adapter: words to entries for the crossing."""

from amaranth import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import BlockType
from .bip import BITS, parity
from .blocklock import IGNORED, BlockLock
from .gearbox_rx import GearboxRx, is_register
from .linecode import CODED, PAYLOAD, STATE, descramble, header
from .pattern import PatternChecker
from .types import Kind, LaneEntry, LaneRxControl, Pattern

TYPES = {BlockType.IDLE: Kind.IDLE, BlockType.PAD: Kind.PAD, BlockType.TRAIN: Kind.CONTROL,
         BlockType.TAIL: Kind.CONTROL}
"""Kinds of the control blocks, but for the marker, which has more to show."""


class LaneRx(Component):
    """Gearbox, block lock, FEC, descrambler, pattern checker (docs/serdes.md).

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    word : In(word_bits)
        Bit 0 was first on the wire.
    signal : In(1)
        There is light, and the word is worth reading.
    control : In(LaneRxControl)
    valid, entry : Out
        A block whose last bit was in the word at y, at y+1 (with FEC, when the decoder gives it).
        Of `entry.data` only bit 0 is meant with `UNLOCKED`, bits 15:0 with `PATTERN`.
    slip : Out(1)
        A pulse: the transceiver is to leave one bit out, if it is its task.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "word": In(cfg.serdes.word_bits), "signal": In(1), "control": In(LaneRxControl),
            "valid": Out(1), "entry": Out(LaneEntry(cfg)), "slip": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        word, light = Signal.like(self.word), Signal()
        m.d.comb += word.eq(self.word ^ self.control.invert.replicate(len(word)))
        m.d.sync += light.eq(self.signal)

        # A block of the line, and what follows from it.
        here, sync, plain, added = Signal(), Signal(2), Signal(PAYLOAD), Signal(BITS)
        seen = Signal(STATE)    # on the line before the block
        m.submodules.lock = lock = BlockLock(IGNORED[cfg.serdes.slip])
        slot = Signal()         # there is a block, locked or not
        locked, spoiled = Signal(), Signal()
        m.d.comb += [
            lock.enable.eq(self.signal & light), lock.valid.eq(slot),
            locked.eq(lock.locked),
        ]
        m.d.sync += self.slip.eq(lock.slip)
        if is_register(cfg) and cfg.serdes.fec == "none":
            # A word is a block: it is descrambled in front of the register.
            m.d.comb += [slot.eq(here), lock.bad.eq(sync[0] == sync[1])]
            m.d.sync += [
                here.eq(1), sync.eq(word[:2]), plain.eq(descramble(word[2:], seen)),
                added.eq(parity(word[:2], word[2:])), seen.eq(word[-STATE:]),
            ]
        else:
            m.submodules.gearbox = gearbox = GearboxRx(cfg)
            block = Signal(CODED)
            m.d.comb += [
                gearbox.word.eq(word), gearbox.slip.eq(lock.slip), slot.eq(gearbox.valid),
                lock.bad.eq(gearbox.block[0] == gearbox.block[1]),
            ]
            if cfg.serdes.fec == "none":
                m.d.comb += [here.eq(gearbox.valid), block.eq(gearbox.block)]
            else:
                fec = self._decoder(m, gearbox, lock)
                m.d.comb += [
                    here.eq(fec.o.valid), block.eq(Cat(header(fec.o.ctrl), fec.o.payload)),
                    locked.eq(fec.locked), spoiled.eq(fec.o.bad),
                ]
            m.d.comb += [
                sync.eq(block[:2]), plain.eq(descramble(block[2:], seen)),
                added.eq(parity(block[:2], block[2:])),
            ]
            with m.If(here):
                m.d.sync += seen.eq(block[-STATE:])

        m.d.comb += [self.entry.data.eq(plain), self.valid.eq(here)]
        marker = self._classify(m, sync, plain, locked, spoiled)
        self._check_parity(m, here, locked, marker, plain, added)
        with m.If(~locked):
            m.d.comb += [self.valid.eq(slot), self.entry.kind.eq(Kind.UNLOCKED),
                         self.entry.data[0].eq(light)]
        if cfg.serdes.diagnostics:
            m.submodules.checker = checker = PatternChecker(cfg)
            m.d.comb += [checker.word.eq(word), checker.pattern.eq(self.control.pattern)]
            with m.If(self.control.pattern != Pattern.NONE):
                # Block lock would have the transceiver slip, in the middle of a pattern.
                m.d.comb += [
                    lock.enable.eq(0), self.valid.eq(checker.valid),
                    self.entry.kind.eq(Kind.PATTERN),
                    self.entry.data[:len(checker.errors)].eq(checker.errors),
                ]
        return m

    def _decoder(self, m, gearbox, lock):
        from .fec.code import CODES
        from .fec.decoder import FecDecoder

        code = CODES[self._cfg.serdes.fec]
        m.submodules.fec = fec = FecDecoder(code, CODED // self._cfg.serdes.word_bits)
        m.d.comb += [
            fec.i.valid.eq(gearbox.valid), fec.i.header.eq(gearbox.block[:2]),
            fec.i.payload.eq(gearbox.block[2:]), fec.block_lock.eq(lock.locked),
            self.entry.corrected.eq(fec.o.corrected), self.entry.uncorrected.eq(fec.o.uncorrected),
        ]
        return fec

    def _classify(self, m, sync, plain, locked, spoiled):
        """Say the kind of a block of a lane that is locked; return whether it is a marker."""
        marker, kind = Signal(), self.entry.kind
        m.d.comb += marker.eq(
            (sync == 0b01) & ~spoiled & (plain[:8] == BlockType.MARKER)
            & (plain[8:16] == ~plain[16:24]))
        with m.If(spoiled):
            m.d.comb += kind.eq(Kind.UNCORRECTED)
        with m.Elif(sync[0] == sync[1]):
            m.d.comb += kind.eq(Kind.BAD_HEADER)
        with m.Elif(sync[1]):
            m.d.comb += kind.eq(Kind.DATA)
        with m.Else():
            with m.Switch(plain[:8]):
                for block_type, meant in TYPES.items():
                    with m.Case(block_type):
                        m.d.comb += kind.eq(meant)
                with m.Default():
                    m.d.comb += kind.eq(Kind.BAD_TYPE)
            with m.If(marker):
                m.d.comb += kind.eq(Kind.MARKER)
        return marker

    def _check_parity(self, m, here, locked, marker, plain, added):
        """Compare what a marker says with the parity from the one before it on."""
        bip, known = Signal(BITS), Signal()
        m.d.comb += self.entry.bip_error.eq(
            marker & locked & known & (bip != plain[-2 * BITS:-BITS]))
        with m.If(here):
            with m.If(marker):
                m.d.sync += [bip.eq(added), known.eq(1)]
            with m.Else():
                m.d.sync += bip.eq(bip ^ added)
        with m.If(~locked):
            m.d.sync += known.eq(0)
