"""Bring-up of one link end (docs/link.md, Bring-up)."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .format import State


class Bringup(wiring.Component):
    """State machine from reset to ACTIVE; `fresh` says that ACTIVE was never reached."""

    aligned: In(1)
    tail: In(1)
    train: In(1)
    train_ready: In(1)
    train_fresh: In(1)
    train_matches: In(1)
    state: Out(State)
    fresh: Out(1)

    def elaborate(self, platform):
        m = Module()
        met = Signal()       # a good tail was seen: the partner has been ACTIVE
        was_active = Signal()
        m.d.comb += self.fresh.eq(~was_active)
        with m.If(self.tail):
            m.d.sync += met.eq(1)
        with m.Switch(self.state):
            # Waits for the lanes.
            with m.Case(State.DOWN):
                with m.If(self.aligned):
                    m.d.sync += self.state.eq(State.TRAIN)
            # Waits for a partner that hears us: it says ready, or already sends frames.
            with m.Case(State.TRAIN):
                with m.If((self.train & self.train_ready) | self.tail):
                    m.d.sync += [self.state.eq(State.ACTIVE), was_active.eq(1)]
            # Carries frames until the partner falls back to training.
            with m.Case(State.ACTIVE):
                with m.If(self.train & ~self.train_ready & ~self.train_fresh):
                    m.d.sync += self.state.eq(State.TRAIN)
            # Waits for reset.
            with m.Case(State.FAULT):
                pass
        with m.If(self.state != State.FAULT):
            with m.If(~self.aligned):
                m.d.sync += self.state.eq(State.DOWN)
            with m.Elif(self.train & (~self.train_matches | (self.train_fresh & met))):
                m.d.sync += self.state.eq(State.FAULT)
        return m
