"""Builds frames, tails and train beats, and adds the CRC (docs/link.md, transmitter)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import BlockType, FlitLayout, beat_layout
from .crc import CRC_BITS, INIT, seed, update
from .format import Feedback, Head, Meta, Session, Tail, Train, parameters


class Framer(Component):
    """Chooses each beat, stage A; adds the CRC on the way to stage B, which the adapter takes.

    Attributes
    ----------
    up, fresh, hears, session, renew : In
        See :class:`~lightloom.hdl.link.training.Training`.
    have, flit, take, tx, acked, behind, seek, position
        The replay ring, see :class:`~lightloom.hdl.link.replay.ReplayRing`.
    feedback : In
        What our receiver tells the partner.
    replay : In(1), replaying : Out(1)
        A replay is requested; it starts at the end of this cycle.
    epoch : Out(2)
        Replays so far, modulo 4.
    o : Out, stream of beats
    """

    def __init__(self, cfg):
        self._cfg = cfg
        seq = cfg.derived.seq_bits
        super().__init__({
            "up": In(1), "fresh": In(1), "hears": In(1), "session": In(Session), "renew": In(1),
            "have": In(1), "flit": In(FlitLayout(cfg)), "take": Out(1),
            "tx": In(seq), "acked": In(seq), "behind": In(1),
            "seek": Out(1), "position": Out(seq),
            "feedback": In(Feedback(cfg)), "replay": In(1), "replaying": Out(1), "epoch": Out(2),
            "o": Out(stream.Signature(beat_layout(cfg))),
        })

    def elaborate(self, platform):
        m = Module()
        cfg, d = self._cfg, self._cfg.derived
        a_valid, a_control, a_alone = Signal(), Signal(), Signal()
        a_bits = Signal(d.flit_bits)
        b_load = Signal()
        free = Signal()
        m.d.comb += [b_load.eq(~self.o.valid | self.o.ready), free.eq(~a_valid | b_load)]

        count, heads = Signal(d.count_bits), Signal(range(d.frame_heads + 1))
        begin = Signal(d.seq_bits)
        load_flit, load_tail, load_train = Signal(), Signal(), Signal()
        fits = Signal()
        dirty, keepalive = self._reasons_for_bare_tails(m, load_tail)
        m.d.comb += fits.eq((count < cfg.link.frame_flits)
                            & (~self.flit.first | (heads < d.frame_heads)))
        with m.If(free):
            with m.If(~self.up):
                m.d.comb += [load_train.eq(1), self.seek.eq(count != 0), self.position.eq(begin)]
            with m.Elif(self.replay & (count == 0)):
                m.d.comb += [self.replaying.eq(1), self.seek.eq(1), self.position.eq(self.acked)]
            with m.Elif(self.replay):
                m.d.comb += load_tail.eq(1)
            with m.Elif(self.behind & (count == 0)):
                m.d.comb += [self.seek.eq(1), self.position.eq(self.acked)]
            with m.Elif(self.have & fits):
                m.d.comb += load_flit.eq(1)
            with m.Elif((count != 0) | dirty | keepalive):
                m.d.comb += load_tail.eq(1)
        m.d.comb += self.take.eq(load_flit)
        m.d.sync += self.epoch.eq(self.epoch + self.replaying)
        with m.If(self.renew):
            m.d.sync += self.epoch.eq(0)

        tail, train = Signal(Tail(cfg)), Signal(Train(cfg))
        self._collect(m, tail.info, load_flit, load_tail | load_train, count, heads, begin)
        m.d.comb += [
            tail.type.eq(BlockType.TAIL), tail.count.eq(count),
            tail.seq.eq(Mux(count == 0, self.tx, begin)),
            tail.ack.eq(self.feedback.ack), tail.nak.eq(self.feedback.nak),
            tail.nak_epoch.eq(self.feedback.nak_epoch), tail.epoch.eq(self.epoch),
            tail.off.eq(self.feedback.off), tail.limit.eq(self.feedback.limit),
            train.type.eq(BlockType.TRAIN), train.hears.eq(self.hears),
            train.fresh.eq(self.fresh), train.session.eq(self.session.ours),
            train.echo.eq(self.session.theirs), train.off.eq(self.feedback.off),
        ]
        m.d.comb += [train[name].eq(value) for name, value in parameters(cfg).items()]

        with m.If(free):
            m.d.sync += [
                a_valid.eq(load_flit | load_tail | load_train),
                a_control.eq(load_tail | load_train), a_alone.eq(load_train),
            ]
            with m.If(load_train):
                m.d.sync += a_bits.eq(train)
            with m.Elif(load_tail):
                m.d.sync += a_bits.eq(tail)
            with m.Elif(load_flit):
                m.d.sync += a_bits.eq(self.flit.payload)
        self._stage_b(m, b_load, a_valid, a_control, a_alone, a_bits)
        return m

    def _reasons_for_bare_tails(self, m, load_tail):
        """`dirty`: the partner does not know our feedback; `keepalive`: it is time to repeat it."""
        cfg = self._cfg
        told = Signal(Feedback(cfg))
        dirty, keepalive = Signal(), Signal()
        timer = Signal(range(cfg.link.keepalive_cycles))
        m.d.comb += dirty.eq(self.feedback.as_value() != told.as_value())
        m.d.sync += timer.eq(timer + 1)
        with m.If(load_tail):
            m.d.sync += [told.eq(self.feedback), keepalive.eq(0)]
        with m.If(self.renew):
            m.d.sync += told.eq(0)
        with m.If(timer.all()):
            m.d.sync += keepalive.eq(1)
        return dirty, keepalive

    def _collect(self, m, info, load_flit, close, count, heads, begin):
        """Keep the open frame's sideband."""
        cfg = self._cfg
        meta = Signal(data.ArrayLayout(Meta(cfg), cfg.link.frame_flits))
        head = Signal(data.ArrayLayout(Head(cfg), cfg.derived.frame_heads))
        m.d.comb += [info.meta.eq(meta), info.head.eq(head)]
        with m.If(load_flit):
            m.d.sync += [count.eq(count + 1), heads.eq(heads + self.flit.first)]
            with m.If(count == 0):
                m.d.sync += begin.eq(self.tx)
            for k in range(cfg.link.frame_flits):
                with m.If(count == k):
                    m.d.sync += [meta[k].vc.eq(self.flit.vc), meta[k].first.eq(self.flit.first),
                                 meta[k].end.eq(self.flit.end)]
            for k in range(cfg.derived.frame_heads):
                with m.If(self.flit.first & (heads == k)):
                    m.d.sync += [head[k].src.eq(self.flit.src), head[k].dst.eq(self.flit.dst)]
        with m.If(close | self.renew):
            m.d.sync += [count.eq(0), heads.eq(0), meta.eq(0), head.eq(0)]

    def _stage_b(self, m, b_load, a_valid, a_control, a_alone, a_bits):
        crc = Signal(CRC_BITS)
        start = Signal(CRC_BITS)
        body = a_bits[:-CRC_BITS]
        sealed = Signal(len(a_bits))
        m.d.comb += [
            start.eq(Mux(a_alone, INIT, crc)),
            sealed.eq(Mux(a_control, Cat(body, ~update(start, body)), a_bits)),
        ]
        with m.If(b_load):
            m.d.sync += self.o.valid.eq(a_valid)
            with m.If(a_valid):
                # A train goes before the first frame of a session, so the register is set by then.
                m.d.sync += crc.eq(Mux(
                    a_control, seed(self.session.ours, self.session.theirs), update(crc, a_bits)))
                m.d.sync += self.o.payload[0].ctrl.eq(a_control)
                m.d.sync += [block.data.eq(sealed[64 * k:64 * (k + 1)])
                             for k, block in enumerate(self.o.payload)]
