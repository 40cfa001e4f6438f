"""Checks frames, and judges them by their tails (docs/link.md, receiver)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..counters import count
from ..interfaces import BlockType, RxBeats
from .crc import CRC_BITS, INIT, residue, seed, update
from .format import Feedback, FrameInfo, Session, Tail, Train


class Frame(data.StructLayout):
    """An accepted frame: where its flits are in the frame buffer, and their sideband."""

    def __init__(self, cfg):
        super().__init__({
            "start": buffer_bits(cfg), "count": cfg.derived.count_bits, "info": FrameInfo(cfg)})


class ReceiverCounters(data.Struct):
    """What a receiver saw, saturating."""

    frames: 16
    crc_errors: 16
    gaps: 16
    duplicates: 16


def buffer_bits(cfg) -> int:
    """Address bits of the frame buffer: room for a frame that arrives, one judged, one leaving."""
    return (4 * cfg.link.frame_flits - 1).bit_length()


class Receiver(Component):
    """Beats in; flit writes to the frame buffer, accepted frames and the partner's news out.

    Attributes
    ----------
    i : In, RxBeats
    open, session, renew : In
        Frames may be accepted; see :class:`~lightloom.hdl.link.training.Training`.
    write, write_addr, write_data : Out
        Store a flit in the frame buffer.
    accept, frame : Out
        A frame is accepted in this cycle.
    tail, news : Out
        A tail with a good CRC, what it says to our transmitter.
    train, beat : Out
        A train beat with a good CRC, and its fields.
    expected, nak, nak_epoch : Out
        For the partner's transmitter.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        d = cfg.derived
        super().__init__({
            "i": In(RxBeats(cfg)), "open": In(1), "session": In(Session), "renew": In(1),
            "write": Out(1), "write_addr": Out(buffer_bits(cfg)), "write_data": Out(d.flit_bits),
            "accept": Out(1), "frame": Out(Frame(cfg)),
            "tail": Out(1), "news": Out(Feedback(cfg)),
            "train": Out(1), "beat": Out(Train(cfg)),
            "expected": Out(d.seq_bits), "nak": Out(1), "nak_epoch": Out(2),
            "counters": Out(ReceiverCounters),
        })

    def elaborate(self, platform):
        m = Module()
        cfg, d = self._cfg, self._cfg.derived
        valid, beat = Signal(), Signal.like(self.i.beat)
        m.d.sync += [valid.eq(self.i.valid), beat.eq(self.i.beat)]

        bits = Signal(d.flit_bits)
        clean, is_flit, is_tail, is_train = Signal(), Signal(), Signal(), Signal()
        controls = Cat(block.ctrl for block in beat)
        m.d.comb += [
            bits.eq(Cat(block.data for block in beat)),
            clean.eq(valid & ~Cat(block.error for block in beat).any()),
            is_flit.eq(clean & (controls == 0)),
            is_tail.eq(clean & (controls == 1) & (bits[:8] == BlockType.TAIL)),
            is_train.eq(clean & (controls == 1) & (bits[:8] == BlockType.TRAIN)),
        ]

        # Stage 1: CRC and frame buffer.
        limit = cfg.link.frame_flits
        crc, passed = Signal(CRC_BITS), Signal(CRC_BITS)
        seen = Signal(range(limit + 2))
        pointer, start = Signal(buffer_bits(cfg)), Signal(buffer_bits(cfg))
        m.d.comb += [
            passed.eq(update(Mux(is_train, INIT, crc), bits)),
            self.write.eq(is_flit & (seen < limit)),
            self.write_addr.eq(pointer), self.write_data.eq(bits),
        ]
        m.d.sync += pointer.eq(pointer + self.write)
        with m.If(is_flit):
            m.d.sync += [crc.eq(passed), seen.eq(Mux(seen > limit, seen, seen + 1))]
        with m.Elif(is_tail | is_train | (seen == 0)):
            m.d.sync += crc.eq(seed(self.session.theirs, self.session.ours))
        with m.If(is_tail | is_train):
            m.d.sync += [seen.eq(0), start.eq(pointer)]
        with m.If(self.renew):
            m.d.sync += [seen.eq(0), start.eq(pointer + self.write)]

        # Stage 2: judge.
        tail_seen, train_seen, crc_good = Signal(), Signal(), Signal()
        held = Signal(d.flit_bits)
        counted, first = Signal.like(seen), Signal.like(start)
        m.d.sync += [
            tail_seen.eq(is_tail), train_seen.eq(is_train), crc_good.eq(passed == residue()),
            held.eq(bits), counted.eq(seen), first.eq(start),
        ]
        self._judge(m, tail_seen, crc_good, Tail(cfg)(held), counted, first)
        m.d.comb += [self.train.eq(train_seen & crc_good), self.beat.eq(Train(cfg)(held))]
        return m

    def _judge(self, m, tail_seen, crc_good, tail, counted, first):
        d = self._cfg.derived
        distance = Signal(d.seq_bits)
        in_order, ahead, bare, whole, nak = Signal(), Signal(), Signal(), Signal(), Signal()
        bad, gap, duplicate = Signal(), Signal(), Signal()
        m.d.comb += [
            distance.eq(tail.seq - self.expected),
            in_order.eq(distance == 0), ahead.eq(~in_order & ~distance[-1]),
            bare.eq(tail.count == 0),
            # A frame that was longer than a frame may be was not stored whole.
            whole.eq((tail.count == counted) & (counted <= self._cfg.link.frame_flits)),
            bad.eq(tail_seen & self.open & ~crc_good),
            self.tail.eq(tail_seen & self.open & crc_good),
            gap.eq(self.tail & (~whole | ahead)),
            duplicate.eq(self.tail & whole & ~bare & ~in_order & ~ahead),
            self.accept.eq(self.tail & whole & ~bare & in_order),
            self.news.ack.eq(tail.ack), self.news.nak.eq(tail.nak),
            self.news.nak_epoch.eq(tail.nak_epoch), self.news.off.eq(tail.off),
            self.news.limit.eq(tail.limit),
            self.frame.start.eq(first), self.frame.count.eq(tail.count),
            self.frame.info.eq(tail.info),
            # A new epoch means that the replay asked for has begun.
            nak.eq(self.nak & ~(self.tail & (tail.epoch != self.nak_epoch))),
        ]
        m.d.sync += [
            self.nak.eq((nak | bad | gap) & ~(self.tail & whole & in_order)),
            count(self.counters.frames, self.accept),
            count(self.counters.crc_errors, bad),
            count(self.counters.gaps, gap),
            count(self.counters.duplicates, duplicate),
        ]
        with m.If(self.tail):
            m.d.sync += self.nak_epoch.eq(tail.epoch)
        with m.If(self.accept):
            m.d.sync += self.expected.eq(self.expected + tail.count)
        with m.If(self.renew):
            m.d.sync += [self.expected.eq(0), self.nak.eq(0), self.nak_epoch.eq(0)]
