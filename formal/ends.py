"""Two link ends that train, and what they send each other."""

from amaranth import Signal
from amaranth.lib import data

from ..hdl.link.format import parameters
from ..hdl.link.training import Training
from ..hdl.link.watch import Silence
from .bench import Bench
from .configs import LINK, timed

CFG = timed(LINK, round_trip=7, silence_cycles=12)


class Message(data.Struct):
    """A beat as far as training goes: a train, or a tail with the sessions in its CRC."""

    valid: 1
    tail: 1
    hears: 1
    fresh: 1
    session: 8
    echo: 8


class End:
    """Training and silence of one end; the beats that it is given are set by the proof.

    Attributes
    ----------
    sends : Message
        What it sends in this cycle, all idle beats left out.
    hears : Message
        What it is given in this cycle.
    """

    def __init__(self, bench: Bench, name: str, training=Training, free=(), reset=None):
        m = bench.m
        self.dut = bench.open(training(CFG), name, ("asleep", "lane_out", *free), reset)
        self.silence = bench.open(Silence(CFG), f"silence_{name}", reset=reset)
        self.port = port = self.dut.port
        self.sends = Signal(Message, name=f"sends_{name}")
        self.hears = hears = Signal(Message, name=f"hears_{name}")
        self.idle = bench.free(1, f"idle_{name}")
        session = port.session
        good = hears.valid & hears.tail & port.open & (
            (hears.session == session.theirs) & (hears.echo == session.ours))
        m.d.comb += [
            self.sends.valid.eq(~port.up | ~self.idle), self.sends.tail.eq(port.up),
            self.sends.hears.eq(port.hears), self.sends.fresh.eq(port.fresh),
            self.sends.session.eq(session.ours), self.sends.echo.eq(session.theirs),
            port.tail.eq(good), port.train.eq(hears.valid & ~hears.tail),
            port.beat.hears.eq(hears.hears), port.beat.fresh.eq(hears.fresh),
            port.beat.session.eq(hears.session), port.beat.echo.eq(hears.echo),
            *(port.beat[field].eq(value) for field, value in parameters(CFG).items()),
            self.silence.port.up.eq(port.up), self.silence.port.good.eq(port.tail | port.theirs),
            port.silence.eq(self.silence.port.silence),
        ]
