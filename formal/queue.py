"""A queue in a memory keeps what it is given, in order: one entry is watched, any one."""

from amaranth import Const, Mux, Signal
from amaranth.hdl import Value

from .bench import Bench, implies

NEVER = Const(0, 1)


class Watched:
    """The invariants of a ring of `depth` rows, and one entry on its way through it.

    Attributes
    ----------
    here : Signal(1)
        The entry is in the queue.
    place : Signal
        Entries before it; when it is 0, what the queue gives must be `entry`.
    entry : Signal
    """

    def __init__(self, bench: Bench, *, name: str, depth: int, memory, head, tail, held,
                 enter, entry, leave, emptied=NEVER, begins=NEVER):
        """`leave`: how many leave in this cycle; `emptied`: all others do; `begins`: but not the
        one that enters."""
        m = bench.m
        mark = bench.free(1, f"mark_{name}")
        self.here = Signal(name=f"here_{name}")
        self.place = Signal(range(depth + 1), name=f"place_{name}")
        self.entry = Signal(Value.cast(entry).shape(), name=f"entry_{name}")
        self._enters = entry
        ahead = Signal.like(self.place, name=f"ahead_{name}")
        m.d.comb += ahead.eq(Mux(emptied, 0, held - leave))
        through = ~emptied & (held < leave)
        with m.If(~self.here & mark & enter & ~through & (~emptied | begins)):
            m.d.sync += [self.here.eq(1), self.place.eq(ahead), self.entry.eq(entry)]
        with m.Elif(emptied | (self.place < leave)):
            m.d.sync += self.here.eq(0)
        with m.Else():
            m.d.sync += self.place.eq(self.place - leave)

        def around(row):
            return Mux(row >= depth, row - depth, row)

        row = bench.look(memory, around(head + self.place))
        self._through = enter & (held == 0) & (leave != 0)
        bench.invariant((head < depth) & (tail < depth) & (held <= depth))
        bench.invariant(around(head + held) == tail)
        bench.check(leave <= held + enter)
        bench.check(implies(enter & ~emptied, held < depth))
        bench.invariant(implies(self.here, self.place < held))
        bench.invariant(implies(self.here, Value.cast(row) == self.entry))

    def is_given(self, bench: Bench, given):
        """Prove that `given` is the entry, when it is its turn."""
        bench.check(implies(self._through, Value.cast(given) == Value.cast(self._enters)))
        bench.check(implies(self.here & (self.place == 0), Value.cast(given) == self.entry))
