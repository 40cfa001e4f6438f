"""What a proof is made of: the RTL, opened; free inputs; assumptions; what is to be proven."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from amaranth import Module, ResetInserter, Signal, ValueCastable
from amaranth.asserts import AnyConst
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, ClockDomain, Const, Value


class Opened:
    """A component of the RTL whose registers and inner parts a proof can name.

    Induction starts from any state that the invariants allow, and most invariants speak of
    registers that are no ports. So the component is elaborated here, and its signals are found by
    the names of its source: the variables of its methods, or the name that it gave; nothing of it
    is changed.

    Attributes
    ----------
    port
        The component, with its ports.
    module : amaranth.Module
        The RTL; a submodule of the proof.
    """

    def __init__(self, component):
        self.port = component
        self.module, inside = variables(component)
        self._parts = {}
        named = self.module._named_submodules
        for name, (part, where) in named.items():
            # Memories stay as they are: a proof may add a read port.
            if not hasattr(part, "read_port"):
                self._parts[name] = Opened(part)
                named[name] = (self._parts[name].module, where)
            else:
                self._parts[name] = part
        self._signals = {}
        self.module._flush()
        for statements in self.module._statements.values():
            for statement in statements:
                for signal in statement._lhs_signals():
                    # A local clock domain's reset has no name.
                    if isinstance(signal, Signal):
                        self._signals.setdefault(signal.name, signal)
        self._signals.update(inside)

    def __getitem__(self, name: str) -> Signal:
        """The signal that the component's source calls `name`."""
        return self._signals[name]

    def part(self, name: str):
        """The submodule `name`: a memory, or one that is opened too."""
        return self._parts[name]

    def remove(self, name: str):
        """Take the submodule `name` out: what it drives is constant."""
        self._parts[name].module._MustUse__used = True
        del self.module._named_submodules[name], self._parts[name]


def variables(component, elaborate=None):
    """The module of `component`, and the variables of its methods that hold signals.

    `elaborate` takes the place of its own method of that name.
    """
    found = {}
    before = sys.getprofile()

    def watch(frame, event, argument):
        if before is not None:
            before(frame, event, argument)
        if event == "return" and frame.f_locals.get("self") is component:
            found.update({name: value for name, value in frame.f_locals.items()
                          if isinstance(value, (Value, ValueCastable))})

    sys.setprofile(watch)
    try:
        made = (elaborate or component.elaborate)(None)
        component._MustUse__used = True    # or Amaranth warns that it was made in vain
        return made, found
    finally:
        sys.setprofile(before)


class Bench:
    """A module around the RTL, with free inputs and properties."""

    def __init__(self):
        self.m = Module()
        self._clock = ClockDomain("sync", reset_less=True)
        self.m.domains.sync = self._clock
        self._ports = [self._clock.clk]
        self._invariants = []

    def free(self, shape, name: str):
        """An input that may have any value in each cycle."""
        signal = Signal(shape, name=name)
        self._ports.append(Value.cast(signal))
        return signal

    def constant(self, shape, name: str):
        """Any value, the same in all cycles."""
        signal = Signal(shape, name=name)
        self.m.d.comb += Value.cast(signal).eq(AnyConst(Value.cast(signal).shape()))
        return signal

    def open(self, component, name: str = "dut", free: tuple[str, ...] = (),
             reset=None, wrap=None) -> Opened:
        """Put `component` on the bench; its inputs called in `free` are free.

        `reset` resets it at any time; `wrap` transforms its module.
        """
        opened = Opened(component)
        module = opened.module
        if reset is not None:
            module = ResetInserter(reset)(module)
        self.m.submodules[name] = module if wrap is None else wrap(module)
        for port in free:
            self._ports.append(Value.cast(getattr(component, port)))
        return opened

    def look(self, memory, address):
        """The row of `memory` at `address`, in this cycle."""
        port = memory.read_port(domain="comb")
        self.m.d.comb += port.addr.eq(address)
        return port.data

    def assume(self, condition):
        self.m.d.comb += Assume(condition, src_loc_at=1)

    def check(self, condition):
        """Prove `condition`: a part of the statement."""
        self.m.d.comb += Assert(condition, src_loc_at=1)

    def invariant(self, condition):
        """Prove `condition`, which is there for the induction; no part of the statement."""
        self._invariants.append(Assert(condition, src_loc_at=1))
        self._invariants[-1]._MustUse__used = True    # or Amaranth warns where it is left out

    def to_rtlil(self, invariants: bool = True) -> str:
        """The bench as text, with or without its invariants."""
        if invariants:
            self.m.d.comb += self._invariants
        return rtlil.convert(self.m, name="top", ports=self._ports)


def implies(condition, consequence):
    """`consequence` holds where `condition` does."""
    return ~_bit(condition) | _bit(consequence)


def _bit(value):
    value = Value.cast(value) if not isinstance(value, bool) else Const(int(value), 1)
    if isinstance(value, ValueCastable):
        value = Value.cast(value)
    return value.any() if len(value) != 1 else value


@dataclass(frozen=True)
class Proof:
    """A statement about the RTL that a solver decides.

    Attributes
    ----------
    name : str
    parameters : str
        Those of the RTL under proof.
    build : callable
        Gives the bench; its keyword arguments put broken copies in place of components.
    depth : int
        Cycles of the induction.
    any_start : bool
        No induction: the first `depth` cycles from any state are looked at.
    """

    name: str
    parameters: str
    build: Callable[..., Bench]
    depth: int = 1
    any_start: bool = False

    @property
    def method(self) -> str:
        if self.any_start:
            return f"{self.depth} cycles from any state"
        return f"induction, k = {self.depth}"
