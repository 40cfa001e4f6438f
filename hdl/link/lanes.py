"""Judges the received wires: which lanes the partner is to take out (docs/link.md, Lanes).

The wires take turns at one datapath: what is kept of each is a word of a small memory, and the
timers are those of the whole port.
"""

from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from lightloom.config import LANE_LEAK_CYCLES

from ..component import Component
from ..serdes.types import WireHealth
from ..xbar.roundrobin import lowest_set, onehot_when

MOST_BACK = 10
"""A lane waits for 2**k windows; k stops here, and falls to 0 after as long a time in use."""


class WireState(data.StructLayout):
    """What is kept of a wire from turn to turn.

    `number`: lane that its markers said last, if `known`; `level`: errors less leaks; `clean`: no
    error in this window so far; `k`, `windows`: see :data:`MOST_BACK`.
    """

    def __init__(self, cfg):
        super().__init__({
            "number": data.Layout.cast(WireHealth)["lane"].shape, "known": 1,
            "level": range(cfg.link.lane_budget), "out": 1, "k": range(MOST_BACK + 1),
            "clean": 1, "windows": MOST_BACK,
        })


class LanePolicy(Component):
    """The set of lanes to be taken out.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    aligned : In(1)
    wires : In(array of `WireHealth`)
    off : Out(lanes)
        By the partner's numbers; a register, and never all of them.
    removals : Out(1)
        A pulse for each wire that is taken out.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "aligned": In(1), "wires": In(data.ArrayLayout(WireHealth, lanes)),
            "off": Out(lanes), "removals": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._cfg.serdes.lanes
        if lanes == 1:
            return m    # the last lane is never taken out

        turn, ends, started = Signal(range(lanes)), Signal(), Signal()
        m.d.comb += ends.eq(turn == lanes - 1)
        m.d.sync += [turn.eq(Mux(ends, 0, turn + 1)), started.eq(started | ends)]
        here = Signal(lanes)
        m.d.comb += here.eq(onehot_when(1, turn, lanes))
        wire = Signal(WireHealth)
        for number, each in enumerate(self._each()):
            with m.If(here[number]):
                m.d.comb += wire.eq(each)
        leaks, retry, late = self._timers(m)
        bad = self._errors(m, here)

        state = WireState(self._cfg)
        m.submodules.states = states = Memory(shape=state, depth=lanes, init=[])
        write, read = states.write_port(), states.read_port(domain="comb")
        old, new = Signal(state), Signal(state)
        m.d.comb += [
            read.addr.eq(turn), write.addr.eq(turn), write.en.eq(1), write.data.eq(new),
            # A memory has no reset: in the first round what it holds does not count.
            Value.cast(old).eq(Mux(started, Value.cast(read.data), 0)),
        ]

        taken_out, back = self._judge(m, wire, old, new, bad, leaks, retry,
                                      late & ~wire.marker_lock)
        out = Signal(range(lanes))    # wires that are out
        last = Signal()
        m.d.comb += last.eq(out == lanes - 1)
        m.d.sync += out.eq(out + (taken_out & ~last) - back)
        with m.If(taken_out & ~last):
            m.d.comb += [new.out.eq(1), new.level.eq(0), new.windows.eq(0), new.k.eq(old.k)]
        m.d.sync += self.removals.eq(taken_out & ~last)
        self._publish(m, new, ends)
        return m

    def _timers(self, m):
        """Leak turn, retry turn; whether a wire without markers has to go."""
        cfg, lanes = self._cfg, self._cfg.serdes.lanes
        time = Signal(range(cfg.link.lane_retry_cycles))
        leaks, retry = Signal(), Signal()
        m.d.sync += time.eq(time + 1)
        m.d.comb += [leaks.eq(time % LANE_LEAK_CYCLES < lanes), retry.eq(time < lanes)]

        patience = cfg.derived.lane_patience
        wait = Signal(range(patience + lanes))
        waiting, late = Signal(), Signal()
        m.d.comb += [
            waiting.eq(Cat(wire.marker_lock for wire in self._each()).any() & ~self.aligned),
            late.eq(waiting & (wait >= patience)),
        ]
        m.d.sync += wait.eq(Mux(waiting & (wait != patience + lanes - 1), wait + 1, 0))
        return leaks, retry, late

    def _errors(self, m, here):
        """Whether this turn's wire has had an error since its last one."""
        kept, errors = Signal.like(here), Signal.like(here)
        m.d.comb += errors.eq(kept | Cat(wire.error for wire in self._each()))
        m.d.sync += kept.eq(errors & ~here)
        return (errors & here).any()

    def _each(self):
        return [self.wires[number] for number in range(self._cfg.serdes.lanes)]

    def _judge(self, m, wire, old, new, bad, leaks, retry, late):
        """The wire's next state, but for its removal; (due, back)."""
        budget = self._cfg.link.lane_budget
        good, due, back = Signal(), Signal(), Signal()
        level = Signal(range(budget + 1))
        windows = Signal(MOST_BACK + 1)
        m.d.comb += [
            new.eq(old), new.known.eq(old.known | wire.marker_lock),
            good.eq(old.clean & wire.marker_lock & ~bad), new.clean.eq(good | retry),
            level.eq(old.level + bad), windows.eq(old.windows + retry),
        ]
        with m.If(wire.marker_lock):
            m.d.comb += new.number.eq(wire.lane)
        with m.If(leaks & (old.level + bad != 0)):
            m.d.comb += level.eq(old.level + bad - 1)

        with m.If(~old.out):
            m.d.comb += [
                due.eq((level == budget) | late), new.windows.eq(windows),
                new.level.eq(Mux(level == budget, 0, level)),
            ]
            with m.If(windows[MOST_BACK]):
                m.d.comb += new.k.eq(0)
        with m.Elif(retry):
            enough = Cat(windows[k] & (old.k == k) for k in range(MOST_BACK + 1)).any()
            m.d.comb += [back.eq(good & enough), new.out.eq(~back),
                         new.windows.eq(Mux(good & ~back, windows, 0))]
            with m.If(back & (old.k != MOST_BACK)):
                m.d.comb += new.k.eq(old.k + 1)
        return due, back

    def _publish(self, m, new, ends):
        """Collect the lanes that are out, and those that markers name, once a round."""
        lanes = self._cfg.serdes.lanes
        free = Signal(lanes, init=2**lanes - 1)
        # Of this round so far, without and with this turn.
        out, named, out_now, named_now = (Signal(lanes) for _ in range(4))
        lowest, lane = Signal(lanes), Signal(lanes)
        m.d.comb += [
            lowest.eq(lowest_set(free)),
            lane.eq(Mux(new.known, onehot_when(1, new.number, lanes), lowest)),
            out_now.eq(out | Mux(new.out, lane, 0)),
            named_now.eq(named | Mux(new.known, lane, 0)),
        ]
        m.d.sync += [out.eq(Mux(ends, 0, out_now)), named.eq(Mux(ends, 0, named_now))]
        with m.If(ends):
            m.d.sync += [self.off.eq(out_now), free.eq(~named_now)]
        with m.Elif(~new.known):
            m.d.sync += free.eq(free & ~lowest)
