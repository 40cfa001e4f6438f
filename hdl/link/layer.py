"""The link layer of one port (docs/link.md)."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..counters import count
from ..interfaces import FlitPort, RxBeats, beat_layout
from .admission import Admission
from .bringup import Bringup
from .delivery import Delivery
from .format import State
from .framer import Framer
from .receiver import Receiver, ReceiverCounters
from .replay import ReplayRing


class LinkStatus(data.Struct):
    """What software sees of a link; counters saturate."""

    state: State
    rx: ReceiverCounters
    replays: 16
    timeouts: 16
    bad_acks: 16


class Link(wiring.Component):
    """Reliable, credit-controlled transport of flits between two partners.

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "i": In(FlitPort(cfg)), "o": Out(FlitPort(cfg)),
            "tx": Out(stream.Signature(beat_layout(cfg))), "rx": In(RxBeats(cfg)),
            "aligned": In(1), "status": Out(LinkStatus),
        })

    def elaborate(self, platform):
        m = Module()
        cfg, d = self._cfg, self._cfg.derived
        m.submodules.admission = admission = Admission(cfg)
        m.submodules.ring = ring = ReplayRing(cfg)
        m.submodules.framer = framer = Framer(cfg)
        m.submodules.receiver = receiver = Receiver(cfg)
        m.submodules.delivery = delivery = Delivery(cfg)
        m.submodules.bringup = bringup = Bringup()
        wiring.connect(m, wiring.flipped(self.i), admission.i)
        wiring.connect(m, framer.o, wiring.flipped(self.tx))
        wiring.connect(m, wiring.flipped(self.rx), receiver.i)

        limits = data.ArrayLayout(d.credit_bits, cfg.chiplet.vcs)
        depth = [cfg.xbar.vc_depth] * cfg.chiplet.vcs
        granted, freed = Signal(limits, init=depth), Signal(limits, init=depth)
        active = bringup.state == State.ACTIVE
        m.d.comb += [
            admission.limit.eq(granted), admission.space.eq(ring.space & active),
            ring.write.eq(admission.valid), ring.flit.eq(admission.flit),
            ring.ack_valid.eq(receiver.tail), ring.ack.eq(receiver.news.ack),
            ring.take.eq(framer.take), ring.seek.eq(framer.seek),
            ring.position.eq(framer.position),
            framer.have.eq(ring.have), framer.flit.eq(ring.head), framer.tx.eq(ring.tx),
            framer.acked.eq(ring.acked), framer.behind.eq(ring.behind),
            framer.state.eq(bringup.state), framer.fresh.eq(bringup.fresh),
            framer.feedback.ack.eq(receiver.expected), framer.feedback.nak.eq(receiver.nak),
            framer.feedback.nak_epoch.eq(receiver.nak_epoch), framer.feedback.limit.eq(freed),
            receiver.open.eq((bringup.state == State.TRAIN) | active),
            delivery.write.eq(receiver.write), delivery.write_addr.eq(receiver.write_addr),
            delivery.write_data.eq(receiver.write_data),
            delivery.accept.eq(receiver.accept), delivery.frame.eq(receiver.frame),
            self.o.valid.eq(delivery.valid), self.o.flit.eq(delivery.flit),
            bringup.aligned.eq(self.aligned), bringup.tail.eq(receiver.tail),
            bringup.train.eq(receiver.train), bringup.train_ready.eq(receiver.train_ready),
            bringup.train_fresh.eq(receiver.train_fresh),
            bringup.train_matches.eq(receiver.train_matches),
        ]
        m.d.sync += [freed[v].eq(freed[v] + self.o.credit[v]) for v in range(cfg.chiplet.vcs)]
        with m.If(receiver.tail):
            m.d.sync += granted.eq(receiver.news.limit)
        timeout = self._request_replays(m, ring, receiver, framer, active)
        m.d.comb += [self.status.state.eq(bringup.state), self.status.rx.eq(receiver.counters)]
        m.d.sync += [
            count(self.status.replays, framer.replaying),
            count(self.status.timeouts, timeout),
            count(self.status.bad_acks, ring.bad_ack),
        ]
        return m

    def _request_replays(self, m, ring, receiver, framer, active):
        limit = self._cfg.derived.timeout_cycles
        timer = Signal(range(limit + 1))
        timeout, asked = Signal(), Signal()
        m.d.comb += [
            timeout.eq(timer == limit),
            asked.eq(receiver.tail & receiver.news.nak
                     & (receiver.news.nak_epoch == framer.epoch)),
        ]
        m.d.sync += timer.eq(Mux(
            ring.progress | timeout | ~ring.unacknowledged | ~active, 0, timer + 1))
        with m.If(framer.replaying):
            m.d.sync += framer.replay.eq(0)
        # A request for the epoch that just ends is about flits already being replayed.
        with m.Elif(asked | timeout):
            m.d.sync += framer.replay.eq(1)
        return timeout
