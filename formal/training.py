"""Two ends that train come up whenever the channel becomes good."""

from amaranth import Signal

from ..hdl.link.format import State
from ..hdl.link.training import Training
from .bench import Bench, implies
from .ends import CFG, End, Message

FLIGHT = 2      # cycles from one end to the other, on the channel that is good
LONGEST = 3     # on the one that delays and loses
# Cycles from a channel that is good to both ends up; one less is not enough.
WITHIN = CFG.derived.round_trip + 4 * FLIGHT + 7

WIRES = ("light", "lock", "aligned", "settled")


def invariants(training=Training) -> Bench:
    """What two ends hold of each other, whatever the channel loses, delays and cuts.

    Two ends that have both been up in their present sessions have the same pair of numbers. And an
    end whose partner has begun a new session does not meet it up before it has begun one itself,
    even where the numbers are the same again: it is `forsaken`. Resets of either end, light, lock,
    alignment, strikes, restarts and sleep are free at all times.

    Assumed: a beat is under way for `LONGEST` cycles at the most, and beats keep their order; the
    round trip, for which an end stays in RESET, is longer than two such times.
    """
    bench = Bench()
    m = bench.m
    ends, resets = [], []
    for name in "ab":
        free = (*WIRES, "strike", "last_strike", "restart")
        resets.append(bench.free(1, f"reset_{name}"))
        ends.append(End(bench, name, training, free, resets[-1]))
    forsaken = [Signal(name=f"forsaken_{name}") for name in "ab"]
    forgot = [reset | end.port.renew for reset, end in zip(resets, ends, strict=True)]
    for k, name in enumerate("ab"):
        end, other, forgets = ends[k], ends[1 - k], forgot[1 - k]
        moves, lost = bench.free(1, f"moves_{name}"), bench.free(1, f"lost_{name}")
        sent, old, age = other.sends, forgets, 0
        for place in range(FLIGHT):
            # `old`: the sender has begun a new session since.
            stage, stale = Signal(Message), Signal()
            age_here = Signal(range(LONGEST + 2))
            with m.If(moves):
                m.d.sync += [stage.eq(sent), stale.eq(old | forgets), age_here.eq(age + 1)]
                if place == 0:
                    m.d.sync += stage.valid.eq(sent.valid & ~lost)
            with m.Else():
                m.d.sync += [stale.eq(stale | forgets), age_here.eq(age_here + 1)]
            bench.assume(~stage.valid | (age_here <= LONGEST))
            _in_flight(bench, stage, stale, age_here, other, end, forsaken[1 - k])
            sent, old, age = stage, stale, age_here
        m.d.comb += end.hears.eq(sent)
        m.d.comb += end.hears.valid.eq(sent.valid & moves)
        _forsake(m, end, forsaken[k], forgets, forgot[k], by_old=old)
        bench.check(implies(forsaken[k], other.port.fresh))
        bench.invariant(implies(forsaken[k], ~end.port.fresh & (other.port.session.theirs == 0)))
        bench.check(sound(end, other))
        bench.invariant(implies(end.port.state == State.RESET, end.port.session.theirs == 0))
    return bench


def _forsake(m, end, forsaken, forgets, renews, by_old):
    """The partner forgets the session of an end that is up, or that comes up by an old beat."""
    port = end.port
    comes_up = (port.fresh & (port.state == State.EXCHANGED) & port.aligned
                & (end.dut["match"] | port.tail))
    with m.If(renews):
        m.d.sync += forsaken.eq(0)
    with m.Elif((forgets & ~port.fresh) | (comes_up & (forgets | by_old))):
        m.d.sync += forsaken.eq(1)


def _in_flight(bench, beat, stale, age, sender, receiver, forsaken):
    """Invariants of a beat under way."""
    port, its = sender.port, receiver.port
    lasted, its_lasted = sender.dut["lasted"], receiver.dut["lasted"]
    now = beat.valid & ~stale
    bench.invariant(implies(forsaken & beat.valid & beat.fresh,
                            (its.state == State.RESET) & (its_lasted <= LONGEST + age)))
    bench.invariant(implies(beat.valid & stale, (port.state == State.RESET) & (lasted < age)))
    bench.invariant(implies(beat.valid, beat.session != 0))
    bench.invariant(implies(now, beat.session == port.session.ours))
    bench.invariant(implies(now & (beat.tail | ~beat.fresh), ~port.fresh))
    bench.invariant(implies(now & ~port.fresh & ~beat.fresh, beat.echo == port.session.theirs))
    bench.invariant(implies(beat.valid & beat.tail, ~beat.fresh))
    bench.invariant(implies(now, (beat.echo == port.session.theirs)
                            | (port.session.theirs == its.session.ours)
                            | ((its.state == State.RESET) & (its_lasted <= LONGEST + age))))


def leads_to_up(training=Training) -> Bench:
    """From any state in which :func:`invariants` holds, on a good channel: both ends are up.

    So they stay up: the state `WITHIN` cycles before is such a state too. Good is a channel that
    loses nothing, with all wires aligned and the consumer settled; no strike and no restart come.
    """
    bench = Bench()
    m = bench.m
    a, b = End(bench, "a", training), End(bench, "b", training)
    elapsed = Signal(range(WITHIN + 2))
    m.d.sync += elapsed.eq(elapsed + 1)
    for end, other in ((a, b), (b, a)):
        m.d.comb += [getattr(end.port, wire).eq(1) for wire in WIRES]
        sent = other.sends
        for _ in range(FLIGHT):
            stage = Signal(Message)
            m.d.sync += stage.eq(sent)
            sent = stage
        m.d.comb += end.hears.eq(sent)
        # A tail at least every other cycle.
        quiet = Signal()
        m.d.sync += quiet.eq(end.idle)
        bench.assume(~(quiet & end.idle))
        bench.assume((elapsed != 0) | (sound(end, other) & (end.port.state != State.FAULT)))
    bench.check(implies(elapsed == WITHIN, a.port.up & b.port.up))
    return bench


def sound(end, other):
    """What holds of one end, and of both."""
    port, its = end.port, other.port
    state, session = port.state, port.session
    gone_on = port.up | (state == State.RETRAIN) | (state == State.FAULT)
    return ((state.as_value() <= State.FAULT.value) & (session.ours != 0)
            & (port.fresh == ~gone_on)
            & implies(~port.fresh | (state == State.EXCHANGED), session.theirs != 0)
            & implies(~port.fresh & ~its.fresh, (session.ours == its.session.theirs)
                      & (session.theirs == its.session.ours))
            & (end.dut["lasted"] <= CFG.derived.round_trip)
            & (end.silence["timer"] <= CFG.derived.silence_cycles))
