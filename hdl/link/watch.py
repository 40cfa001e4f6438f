"""What a link end watches while it is up: silence, strikes, and whether it may sleep."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component


class Silence(Component):
    """`silence` when nothing good has come for `silence_cycles` cycles of being up.

    Attributes
    ----------
    up : In(1)
    good : In(1)
        A good tail, or a good train of the partner's session.
    silence : Out(1)
    """

    up: In(1)
    good: In(1)
    silence: Out(1)

    def __init__(self, cfg):
        self._limit = cfg.derived.silence_cycles
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self._limit + 1))
        m.d.comb += self.silence.eq(timer == self._limit)
        m.d.sync += timer.eq(Mux(~self.up | self.good | self.silence, 0, timer + 1))
        return m


class Strikes(Component):
    """Counts replays that bring nothing: the link retrains, then with fewer lanes, then gives up.

    Attributes
    ----------
    replaying, progress : In(1)
        A replay begins; the partner has acknowledged flits.
    renew : In(1)
        A session starts.
    strike, last : Out(1)
        `replay_limit` replays were begun in vain; so many times that nothing is left to try.
    struck : Out(lanes)
        The lane, of our transmitter, that is out on trial.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "replaying": In(1), "progress": In(1), "renew": In(1),
            "strike": Out(1), "last": Out(1), "struck": Out(cfg.serdes.lanes),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, limit = self._cfg.serdes.lanes, self._cfg.link.replay_limit
        alone = 2            # strikes that retrain alone
        most = alone + (lanes if lanes > 1 else 0)
        tries, strikes = Signal(range(limit)), Signal(range(most + 1))
        rest = Signal(range(self._cfg.derived.strike_rest + 1))
        hit = Signal()
        m.d.comb += [
            hit.eq(self.replaying & ~self.progress & (tries == limit - 1)),
            self.strike.eq(hit), self.last.eq(hit & (strikes == most)),
        ]
        with m.If(self.replaying):
            m.d.sync += tries.eq(Mux(hit, 0, tries + 1))
        with m.If(rest != 0):
            m.d.sync += rest.eq(rest - 1)
        with m.Else():
            m.d.sync += self.struck.eq(0)
        with m.If(hit & ~self.last):
            m.d.sync += strikes.eq(strikes + 1)
            for lane in range(most - alone):
                with m.If(strikes == alone + lane):
                    m.d.sync += [self.struck.eq(1 << lane),
                                 rest.eq(Const(self._cfg.derived.strike_rest - 1, len(rest)))]
        with m.If(self.progress | self.renew):
            m.d.sync += [tries.eq(0), strikes.eq(0)]
        with m.If(self.renew):
            m.d.sync += [self.struck.eq(0), rest.eq(0)]
        return m


class Sleep(Component):
    """`asleep` when the end was calm, and allowed to sleep, for four keepalives.

    Attributes
    ----------
    calm : In(1)
    asleep : Out(1)
    """

    calm: In(1)
    asleep: Out(1)

    def __init__(self, cfg):
        self._limit = 4 * cfg.link.keepalive_cycles
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self._limit + 1))
        m.d.comb += self.asleep.eq(timer == self._limit)
        m.d.sync += timer.eq(Mux(self.calm, timer + ~self.asleep, 0))
        return m
