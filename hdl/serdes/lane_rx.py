"""One lane of the receive adapter: words to blocks."""

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..interfaces import BlockType, RxBlock
from .blocklock import BlockLock
from .gearbox_rx import GearboxRx
from .linecode import MARKER_BITS, STATE, descramble, marker


class LaneBlock(data.Struct):
    """A received block and what it is; the flags are 0 when it has an error."""

    block: RxBlock
    idle: 1
    marker: 1    # a marker of any lane
    own: 1       # of this lane


class LaneRx(wiring.Component):
    """Gearbox, block lock, descrambler (IEEE 802.3 cl. 49.2.9, 49.2.10).

    Parameters
    ----------
    cfg : lightloom.config.Config
    lane : int
        Whose marker is `own`.

    Attributes
    ----------
    word : In(word_bits)
        Bit 0 was first on the wire.
    valid, o : Out
        A block received under lock, whose last bit was in the word at y, at y+3.
    locked : Out(1)
        Block lock.
    bad_header : Out(1)
        A pulse for each header 00 or 11 under lock.
    """

    def __init__(self, cfg, lane: int):
        self._cfg, self._lane = cfg, lane
        super().__init__({
            "word": In(cfg.serdes.word_bits), "valid": Out(1), "o": Out(LaneBlock),
            "locked": Out(1), "bad_header": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.gearbox = gearbox = GearboxRx(self._cfg)
        m.submodules.lock = lock = BlockLock()
        sync, payload = gearbox.block[:2], gearbox.block[2:]
        bad, ctrl, known = Signal(), Signal(), Signal()
        plain = Signal(len(payload))
        before = Signal(STATE)
        kinds = {kind: Signal(name=f"is_{kind.name.lower()}") for kind in BlockType}
        m.d.comb += [
            gearbox.word.eq(self.word), gearbox.slip.eq(lock.slip),
            lock.valid.eq(gearbox.valid), lock.bad.eq(bad), self.locked.eq(lock.locked),
            bad.eq(sync[0] == sync[1]), ctrl.eq(sync == 0b01),
            plain.eq(descramble(payload, before)),
            known.eq(Cat(kinds.values()).any()),
        ]
        m.d.comb += [is_kind.eq(ctrl & (plain[:8] == kind)) for kind, is_kind in kinds.items()]
        with m.If(gearbox.valid):
            m.d.sync += [
                before.eq(payload[-STATE:]),
                self.o.block.data.eq(plain), self.o.block.ctrl.eq(ctrl),
                self.o.block.error.eq(bad | (ctrl & ~known)),
                self.o.idle.eq(kinds[BlockType.IDLE]),
                self.o.marker.eq(kinds[BlockType.MARKER]),
                self.o.own.eq(ctrl & (plain[:MARKER_BITS] == marker(self._lane))),
            ]
        m.d.sync += [
            self.valid.eq(gearbox.valid & lock.locked),
            self.bad_header.eq(gearbox.valid & lock.locked & bad),
        ]
        return m
