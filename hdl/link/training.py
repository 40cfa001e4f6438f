"""Training of one link end, and its sessions (docs/link.md, Sessions and Training)."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from .format import PARAMETERS, UP, Session, State, Train, parameters


class Training(Component):
    """The state machine from reset to ACTIVE and back.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    light, lock : In(1)
        A wire has signal; a wire has block lock.
    aligned : In(1)
    settled : In(1)
        What the last session accepted is with the consumer, and no packet there is open.
    tail, tail_off : In
        A good tail, and the lanes that it wants to be taken out.
    train, beat : In
        A good train beat.
    silence, strike, last_strike : In(1)
    restart : In(1)
    asleep, lane_out : In(1)
        Lanes rest; a lane is out for another reason than `heard`.
    state : Out(State)
    up, open : Out(1)
        Frames are sent; frames are accepted.
    fresh, hears : Out(1)
        What our train beats say.
    session : Out(Session)
    renew : Out(1)
        A session starts: all that belongs to the last one is forgotten at the end of this cycle.
    theirs : Out(1)
        A good train of session `session.theirs`.
    heard, taken : Out
        Lanes that the partner wants to be taken out; `heard` changes at the end of this cycle.
    mismatch : Out
        Parameters that differ, in the order of `PARAMETERS`.
    retrain : Out(1)
        RETRAIN is entered.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "light": In(1), "lock": In(1), "aligned": In(1), "settled": In(1),
            "tail": In(1), "tail_off": In(lanes), "train": In(1), "beat": In(Train(cfg)),
            "silence": In(1), "strike": In(1), "last_strike": In(1), "restart": In(1),
            "asleep": In(1), "lane_out": In(1),
            "state": Out(State), "up": Out(1), "open": Out(1), "fresh": Out(1, init=1),
            "hears": Out(1), "session": Out(Session, init={"ours": 1}), "renew": Out(1),
            "theirs": Out(1), "heard": Out(lanes), "taken": Out(1),
            "mismatch": Out(len(PARAMETERS)), "retrain": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        beat, session = self.beat, self.session
        ours = parameters(self._cfg)
        wrong = Signal(len(PARAMETERS))
        fits, misfits = Signal(), Signal()     # a good train with our parameters, with others
        known, stranger = Signal(), Signal()
        learn, match, forgotten = Signal(), Signal(), Signal()    # rules K, M, N
        waits, trains = Signal(), Signal()
        listens = Signal()
        m.d.comb += [
            self.up.eq(Cat(self.state == s for s in UP).any()),
            waits.eq((self.state == State.ALIGNED) | (self.state == State.EXCHANGED)),
            trains.eq(waits | (self.state == State.RETRAIN)),
            self.open.eq((self.state == State.EXCHANGED) | (self.state == State.RETRAIN) | self.up),
            self.hears.eq(trains & self.aligned),
            listens.eq(trains | self.up),
            wrong.eq(Cat(beat[name] != ours[name] for name in PARAMETERS)),
            fits.eq(self.train & ~wrong.any()), misfits.eq(self.train & wrong.any()),
            known.eq(beat.session == session.theirs),
            stranger.eq(~known | (beat.echo != session.ours)),
            learn.eq(fits & beat.fresh & waits),
            match.eq(fits & known & (beat.echo == session.ours) & beat.hears),
            forgotten.eq(fits & beat.fresh & stranger & ((self.state == State.RETRAIN) | self.up)),
            self.theirs.eq(fits & known & listens),
            self.taken.eq(self.tail | (fits & waits) | self.theirs),
        ]
        with m.If(self.tail):
            m.d.sync += self.heard.eq(self.tail_off)
        with m.Elif(self.taken):
            m.d.sync += self.heard.eq(beat.off)
        with m.If(learn):
            m.d.sync += session.theirs.eq(beat.session)

        lasted = Signal(range(self._cfg.derived.round_trip + 1))
        round_trip = Const(self._cfg.derived.round_trip, len(lasted))
        m.d.sync += lasted.eq(Mux(self.state != State.RESET, 0, lasted + (lasted != round_trip)))
        with m.Switch(self.state):
            # Lets what belongs to the last session run out.
            with m.Case(State.RESET):
                with m.If((lasted == round_trip) & self.settled & self.light):
                    m.d.sync += self.state.eq(State.LIGHT)
            with m.Case(State.LIGHT):
                with m.If(self.lock):
                    m.d.sync += self.state.eq(State.LOCK)
            with m.Case(State.LOCK):
                with m.If(self.aligned):
                    m.d.sync += self.state.eq(State.ALIGNED)
            # Waits for the number of a partner that is fresh too.
            with m.Case(State.ALIGNED):
                with m.If(~self.aligned):
                    m.d.sync += self.state.eq(State.LOCK)
                # A partner that has gone on is not fresh any more, and known already.
                with m.Elif(learn | (session.theirs != 0)):
                    m.d.sync += self.state.eq(State.EXCHANGED)
            # Waits for a partner that knows our number and hears us, or already sends frames.
            with m.Case(State.EXCHANGED):
                with m.If(~self.aligned):
                    m.d.sync += self.state.eq(State.LOCK)
                with m.Elif(match | self.tail):
                    m.d.sync += [self.state.eq(State.ACTIVE), self.fresh.eq(0)]
            with m.Case(State.RETRAIN):
                with m.If(self.aligned & (match | self.tail)):
                    m.d.sync += self.state.eq(State.ACTIVE)
            with m.Case(State.FAULT):
                with m.If(self.restart | (fits & beat.fresh & (self.mismatch.any() | stranger))):
                    m.d.comb += self.renew.eq(1)
            with m.Case(*UP):
                with m.If(self.last_strike):
                    m.d.sync += self.state.eq(State.FAULT)
                with m.Elif(~self.aligned | self.silence | self.strike
                            | (self.theirs & ~beat.hears)):
                    m.d.comb += self.retrain.eq(~misfits & ~forgotten)
                    m.d.sync += self.state.eq(State.RETRAIN)
                with m.Elif(self.asleep):
                    m.d.sync += self.state.eq(State.SLEEP)
                with m.Elif(self.lane_out | self.heard.any()):
                    m.d.sync += self.state.eq(State.DEGRADED)
                with m.Else():
                    m.d.sync += self.state.eq(State.ACTIVE)
        with m.If(forgotten):
            m.d.comb += self.renew.eq(1)
        with m.If(misfits & listens):
            m.d.sync += [self.state.eq(State.FAULT), self.mismatch.eq(wrong)]
        with m.If(self.renew):
            m.d.sync += [
                self.state.eq(State.RESET), self.fresh.eq(1), self.heard.eq(0),
                self.mismatch.eq(0), session.theirs.eq(0),
                session.ours.eq(Mux(session.ours.all(), 1, session.ours + 1)),
            ]
        return m
