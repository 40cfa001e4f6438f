"""The replay ring: flits stay until the partner has acknowledged them (go-back-N)."""

from amaranth import Module, Mux, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import FlitLayout


class ReplayRing(Component):
    """R flits, numbered modulo 2R, between three pointers: `acked` <= `tx` <= `wr`.

    Attributes
    ----------
    write, flit : In
        Append a flit at the end of this cycle; only while `space`.
    ack_valid, ack : In
        The partner expects flit `ack`; taken if it is between `acked` and `wr`, else `bad_ack`.
    have, head : Out
        `head` is flit number `tx`.
    take : In(1)
        Pass it: the next flit is at `head` in the next cycle, if there is one.
    seek, position : In
        Continue from flit `position` instead; `have` is 0 in the next cycle.
    behind : Out(1)
        An acknowledge has passed `tx`: seek to `acked` before the next frame.
    renew : In(1)
        A session starts: the ring is empty at the end of this cycle.
    filled : Out
        Flits in the ring.
    unacknowledged : Out(1)
        Flits have been passed and wait for their acknowledge.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        bits = cfg.derived.seq_bits
        super().__init__({
            "write": In(1), "flit": In(FlitLayout(cfg)), "space": Out(1),
            "ack_valid": In(1), "ack": In(bits), "bad_ack": Out(1), "progress": Out(1),
            "have": Out(1), "head": Out(FlitLayout(cfg)), "take": In(1),
            "seek": In(1), "position": In(bits),
            "renew": In(1), "filled": Out(bits),
            "tx": Out(bits), "acked": Out(bits), "behind": Out(1), "unacknowledged": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits, depth = self._cfg.derived.seq_bits, self._cfg.link.replay_flits
        m.submodules.ring = ring = Memory(shape=FlitLayout(self._cfg), depth=depth, init=[])
        write, read = ring.write_port(), ring.read_port()
        wr, after, ahead = Signal(bits), Signal(bits), Signal(bits)
        filled = self.filled
        passed, reach = Signal(bits), Signal(bits)
        ack_good = Signal()
        m.d.comb += [
            filled.eq(wr - self.acked), passed.eq(self.tx - self.acked),
            reach.eq(self.ack - self.acked),
            self.space.eq(filled < depth),
            self.behind.eq(passed > filled),
            self.unacknowledged.eq((passed != 0) & ~self.behind),
            ack_good.eq(self.ack_valid & (reach <= filled)),
            self.bad_ack.eq(self.ack_valid & ~ack_good),
            self.progress.eq(ack_good & (reach != 0)),
            write.addr.eq(wr), write.data.eq(self.flit), write.en.eq(self.write),
            # `take` comes late: both outcomes are ready for it.
            after.eq(self.tx + 1), ahead.eq(Mux(self.take, after, self.tx)),
            read.addr.eq(ahead), read.en.eq(1), self.head.eq(read.data),
        ]
        m.d.sync += [
            wr.eq(wr + self.write), self.tx.eq(ahead),
            self.have.eq(Mux(self.take, after != wr, self.tx != wr)),
        ]
        with m.If(self.seek):
            m.d.sync += [self.tx.eq(self.position), self.have.eq(0)]
        with m.If(ack_good):
            m.d.sync += self.acked.eq(self.ack)
        with m.If(self.renew):
            m.d.sync += [wr.eq(0), self.tx.eq(0), self.acked.eq(0), self.have.eq(0)]
        return m

