"""The link layer of one port (docs/link.md)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..counters import count
from ..interfaces import FlitPort, RxBeats, beat_layout
from ..serdes.types import WireHealth
from .admission import Admission
from .delivery import Delivery
from .format import PARAMETERS, Session, State
from .framer import Framer
from .lanes import LanePolicy
from .receiver import Receiver, ReceiverCounters
from .replay import ReplayRing
from .training import Training
from .transmit_lanes import TransmitLanes
from .watch import Silence, Sleep, Strikes


class LinkControl(data.Struct):
    """All zero is normal operation. `restart`: a pulse leaves FAULT; `sleep`: lanes may rest."""

    restart: 1
    sleep: 1


class LinkStatus(data.StructLayout):
    """What software sees of a link; counters saturate (docs/link.md, Status)."""

    def __init__(self, cfg):
        lanes = cfg.serdes.lanes
        super().__init__({
            "state": State, "session": Session, "mismatch": len(PARAMETERS),
            "off": lanes, "off_heard": lanes,
            "rx": ReceiverCounters, "replays": 16, "timeouts": 16, "bad_acks": 16, "retrains": 16,
            "link_downs": 16, "sessions": 16, "lane_removals": 16, "lost_flits": 16, "aborts": 16,
            "stalled": data.ArrayLayout(32, cfg.chiplet.vcs),
        })


class Link(Component):
    """Reliable, credit-controlled transport of flits between two partners.

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "i": In(FlitPort(cfg)), "o": Out(FlitPort(cfg)),
            "tx": Out(stream.Signature(beat_layout(cfg))), "rx": In(RxBeats(cfg)),
            "aligned": In(1), "wires": In(data.ArrayLayout(WireHealth, lanes)),
            "lanes_off": Out(lanes), "control": In(LinkControl), "status": Out(LinkStatus(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        cfg, d = self._cfg, self._cfg.derived
        m.submodules.admission = admission = Admission(cfg)
        m.submodules.ring = ring = ReplayRing(cfg)
        m.submodules.framer = framer = Framer(cfg)
        m.submodules.receiver = receiver = Receiver(cfg)
        m.submodules.delivery = delivery = Delivery(cfg)
        m.submodules.training = training = Training(cfg)
        m.submodules.policy = policy = LanePolicy(cfg)
        wiring.connect(m, wiring.flipped(self.i), admission.i)
        wiring.connect(m, framer.o, wiring.flipped(self.tx))
        wiring.connect(m, wiring.flipped(self.rx), receiver.i)

        limits = data.ArrayLayout(d.credit_bits, cfg.chiplet.vcs)
        granted, freed = Signal(limits), Signal(limits)
        up, renew = training.up, training.renew
        m.d.comb += [
            admission.limit.eq(granted), admission.space.eq(ring.space & up),
            ring.write.eq(admission.valid), ring.flit.eq(admission.flit),
            ring.ack_valid.eq(receiver.tail), ring.ack.eq(receiver.news.ack),
            ring.take.eq(framer.take), ring.seek.eq(framer.seek),
            ring.position.eq(framer.position),
            framer.have.eq(ring.have), framer.flit.eq(ring.head), framer.tx.eq(ring.tx),
            framer.acked.eq(ring.acked), framer.behind.eq(ring.behind),
            framer.up.eq(up), framer.fresh.eq(training.fresh), framer.hears.eq(training.hears),
            framer.feedback.ack.eq(receiver.expected), framer.feedback.nak.eq(receiver.nak),
            framer.feedback.nak_epoch.eq(receiver.nak_epoch), framer.feedback.limit.eq(freed),
            framer.feedback.off.eq(policy.off),
            receiver.open.eq(training.open),
            delivery.write.eq(receiver.write), delivery.write_addr.eq(receiver.write_addr),
            delivery.write_data.eq(receiver.write_data),
            delivery.accept.eq(receiver.accept), delivery.frame.eq(receiver.frame),
            delivery.closing.eq(training.state == State.RESET),
            delivery.credit.eq(self.o.credit),
            self.o.valid.eq(delivery.valid), self.o.flit.eq(delivery.flit),
        ]
        m.d.comb += [part.renew.eq(renew) for part in (admission, ring, framer, receiver)]
        m.d.comb += [part.session.eq(training.session) for part in (framer, receiver)]
        m.d.sync += [freed[v].eq(freed[v] + self.o.credit[v]) for v in range(cfg.chiplet.vcs)]
        with m.If(training.state == State.RESET):
            m.d.sync += freed.eq(delivery.free)
        with m.If(receiver.tail):
            m.d.sync += granted.eq(receiver.news.limit)
        with m.If(renew):
            m.d.sync += granted.eq(0)
        timeout = self._request_replays(m, ring, receiver, framer, training)
        self._train(m, admission, ring, framer, receiver, delivery, training, policy)
        m.d.comb += self.status.rx.eq(receiver.counters)
        m.d.sync += [
            count(self.status.replays, framer.replaying),
            count(self.status.timeouts, timeout),
            count(self.status.bad_acks, ring.bad_ack),
            count(self.status.lost_flits, Mux(renew, ring.filled, admission.dropped)),
            count(self.status.aborts, delivery.aborted),
            *(count(self.status.stalled[v], admission.stalled[v])
              for v in range(cfg.chiplet.vcs)),
        ]
        return m

    def _request_replays(self, m, ring, receiver, framer, training):
        limit = self._cfg.derived.timeout_cycles
        timer = Signal(range(limit + 1))
        timeout, asked = Signal(), Signal()
        m.d.comb += [
            timeout.eq(timer == limit),
            asked.eq(receiver.tail & receiver.news.nak
                     & (receiver.news.nak_epoch == framer.epoch)),
        ]
        m.d.sync += timer.eq(Mux(
            ring.progress | timeout | ~ring.unacknowledged | ~training.up, 0, timer + 1))
        with m.If(framer.replaying | training.renew):
            m.d.sync += framer.replay.eq(0)
        # A request for the epoch that just ends is about flits already being replayed.
        with m.Elif(asked | timeout):
            m.d.sync += framer.replay.eq(1)
        return timeout

    def _train(self, m, admission, ring, framer, receiver, delivery, training, policy):
        """The state machine, what it watches, and the lanes."""
        cfg, status = self._cfg, self.status
        m.submodules.silence = silence = Silence(cfg)
        m.submodules.strikes = strikes = Strikes(cfg)
        m.submodules.sleep = sleep = Sleep(cfg)
        m.submodules.transmit_lanes = lanes = TransmitLanes(cfg)
        m.d.comb += [
            training.light.eq(Cat(wire.signal for wire in self.wires).any()),
            training.lock.eq(Cat(wire.locked for wire in self.wires).any()),
            training.aligned.eq(self.aligned), training.settled.eq(delivery.settled),
            training.tail.eq(receiver.tail), training.tail_off.eq(receiver.news.off),
            training.train.eq(receiver.train), training.beat.eq(receiver.beat),
            training.silence.eq(silence.silence), training.strike.eq(strikes.strike),
            training.last_strike.eq(strikes.last), training.restart.eq(self.control.restart),
            training.asleep.eq(sleep.asleep),
            training.lane_out.eq((policy.off | strikes.struck).any()),
            silence.up.eq(training.up), silence.good.eq(receiver.tail | training.theirs),
            strikes.replaying.eq(framer.replaying), strikes.progress.eq(ring.progress),
            strikes.renew.eq(training.renew),
            sleep.calm.eq(self.control.sleep & training.up & ~framer.replay & (ring.filled == 0)
                          & admission.empty),
            policy.aligned.eq(self.aligned), policy.wires.eq(self.wires),
            lanes.aligned.eq(self.aligned), lanes.heard.eq(training.heard),
            lanes.taken.eq(training.taken), lanes.struck.eq(strikes.struck),
            lanes.asleep.eq(sleep.asleep), self.lanes_off.eq(lanes.lanes_off),
            status.state.eq(training.state), status.session.eq(training.session),
            status.mismatch.eq(training.mismatch), status.off.eq(policy.off),
            status.off_heard.eq(training.heard),
        ]
        m.d.sync += [
            count(status.retrains, training.retrain),
            count(status.link_downs, silence.silence),
            count(status.sessions, training.renew),
            count(status.lane_removals, policy.removals),
        ]
