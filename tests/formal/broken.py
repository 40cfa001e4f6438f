"""Broken copies of RTL, each of which a proof must refuse."""

from unittest import mock

from amaranth import Const
from amaranth.lib import fifo
from amaranth.lib.fifo import AsyncFIFO, SyncFIFO

from lightloom.formal.bench import variables
from lightloom.hdl.egress import HostEgress
from lightloom.hdl.link import delivery
from lightloom.hdl.link.admission import Admission
from lightloom.hdl.link.delivery import Delivery
from lightloom.hdl.link.format import State
from lightloom.hdl.link.framer import Framer
from lightloom.hdl.link.layer import Link
from lightloom.hdl.link.receiver import Receiver
from lightloom.hdl.link.replay import ReplayRing
from lightloom.hdl.link.training import Training
from lightloom.hdl.serdes import crossing
from lightloom.hdl.serdes.crossing import Crossing
from lightloom.hdl.serdes.deskew import DeskewFifo
from lightloom.hdl.xbar import input as xbar_input
from lightloom.hdl.xbar import layer
from lightloom.hdl.xbar.input import InputPort
from lightloom.hdl.xbar.layer import Crossbar
from lightloom.hdl.xbar.queues import VoqMemory
from lightloom.hdl.xbar.routing import Router


def broken(kind):
    """Make a function of (component, its module, its variables) a copy of `kind` that it changes.

    Later statements win, so what the function adds takes the place of what was there.
    """
    def make(change):
        def elaborate(self, platform):
            m, inside = variables(self, super(copy, self).elaborate)
            change(self, m, inside)
            return m
        copy = type(change.__name__, (kind,), {"elaborate": elaborate, "__doc__": change.__doc__})
        return copy
    return make


@broken(DeskewFifo)
def wrong_wrap(dut, m, inside):
    """The write pointer goes round at 2^n, not at the depth."""
    m.d.sync += inside["tail"].eq(inside["tail"] + inside["keep"])


@broken(DeskewFifo)
def late_overflow(dut, m, inside):
    """Does not say that it overflows."""
    m.d.comb += dut.overflow.eq(0)


class _NeverFull(AsyncFIFO):
    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.w_rdy.eq(1)
        return m


class NeverFull(Crossing):
    """Takes entries when there is no room."""

    def elaborate(self, platform):
        with mock.patch.object(crossing, "AsyncFIFO", _NeverFull):
            return super().elaborate(platform)


class _Binary(AsyncFIFO):
    def elaborate(self, platform):
        with mock.patch.object(fifo, "_gray_encode", lambda x: x), mock.patch.object(
                fifo, "_gray_decode", lambda x: x):
            return super().elaborate(platform)


class BinaryCounters(Crossing):
    """Sends its counters to the other clock as they are, not in a Gray code."""

    def elaborate(self, platform):
        with mock.patch.object(crossing, "AsyncFIFO", _Binary):
            return super().elaborate(platform)


@broken(Admission)
def generous(dut, m, inside):
    """Gives a credit back for each flit that comes, before its slot is free."""
    m.d.sync += dut.i.credit.eq(inside["incoming"])


@broken(HostEgress)
def hasty_credit(dut, m, inside):
    """Gives a credit back for a flit that waits, and again when it leaves."""
    m.d.sync += dut.i.credit.eq(inside["waiting"])


@broken(Delivery)
def stuck_address(dut, m, inside):
    """Reads the first flit of a frame again for the others."""
    with m.If(inside["going"]):
        m.d.sync += inside["address"].eq(inside["address"])


class _OneEntry(SyncFIFO):
    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.w_rdy.eq(self.level == 0)
        return m


class ShallowQueue(Delivery):
    """Has room for one frame that waits."""

    def elaborate(self, platform):
        with mock.patch.object(delivery, "SyncFIFO", _OneEntry):
            return super().elaborate(platform)


@broken(ReplayRing)
def skipping_replay(dut, m, inside):
    """Replays from one flit too far."""
    with m.If(dut.seek):
        m.d.sync += dut.tx.eq(dut.position + Const(1, len(dut.position)))


@broken(ReplayRing)
def roomy_ring(dut, m, inside):
    """Takes a flit more than it has rows."""
    m.d.comb += dut.space.eq(inside["filled"] <= 2 ** (len(dut.tx) - 1))


@broken(Framer)
def forgotten_head(dut, m, inside):
    """The head of a packet goes into the first place, whatever there is."""
    with m.If(inside["load_flit"] & dut.flit.first):
        m.d.sync += inside["heads"].eq(1)


@broken(Framer)
def late_number(dut, m, inside):
    """A tail bears the number of the flit after its frame."""
    m.d.comb += inside["tail"].seq.eq(dut.tx)


@broken(Receiver)
def eager(dut, m, inside):
    """Accepts a frame that is ahead of the sequence."""
    m.d.comb += inside["in_order"].eq(~inside["distance"][-1])


@broken(Receiver)
def careless(dut, m, inside):
    """Does not compare a tail's count with the flits that came."""
    m.d.comb += inside["whole"].eq(1)


@broken(Receiver)
def narrow(dut, m, inside):
    """Compares the sequence number without its highest bit: modulo R, not 2R."""
    m.d.comb += inside["in_order"].eq(inside["distance"][:-1] == 0)


@broken(Training)
def hasty(dut, m, inside):
    """Does not stay in RESET for a round trip."""
    with m.If((dut.state == State.RESET) & dut.settled & dut.light):
        m.d.sync += dut.state.eq(State.LIGHT)


@broken(Training)
def needs_fresh(dut, m, inside):
    """Leaves ALIGNED by a fresh train only, although the partner may have gone on."""
    with m.If((dut.state == State.ALIGNED) & dut.aligned & ~inside["learn"]):
        m.d.sync += dut.state.eq(State.ALIGNED)


@broken(Training)
def unforgetting(dut, m, inside):
    """Rule N looks at the partner's session alone, not at what it echoes."""
    m.d.comb += inside["stranger"].eq(~inside["known"])


@broken(Link)
def forgetful(dut, m, inside):
    """Adds what a tail grants to what was granted: a lost tail is a lost credit."""
    granted, news = inside["granted"], m.submodules.receiver.news
    with m.If(m.submodules.receiver.tail):
        m.d.sync += [total.eq(total + limit)
                     for total, limit in zip(granted, news.limit, strict=True)]


@broken(Link)
def overgenerous(dut, m, inside):
    """Grants a credit for each flit that it gives to the consumer, before its slot is free."""
    with m.If(dut.o.valid):
        m.d.sync += inside["freed"][0].eq(inside["freed"][0] + 1)


@broken(VoqMemory)
def unlinked(dut, m, inside):
    """Every flit is linked to slot 0."""
    m.d.comb += inside["entry"].slot.eq(0)


@broken(Router)
def forgets_the_draining(dut, m, inside):
    """Where any output drains, takes those that the entry names, permitted or not."""
    with m.If(dut.draining.any()):
        m.d.comb += inside["allowed"].eq(inside["entry"].ports)


class _LeakyInput(InputPort):
    def elaborate(self, platform):
        with mock.patch.object(xbar_input, "Router", forgets_the_draining):
            return super().elaborate(platform)


class Leaky(Crossbar):
    """Where any output drains, an input forgets what is permitted."""

    def elaborate(self, platform):
        with mock.patch.object(layer, "InputPort", _LeakyInput):
            return super().elaborate(platform)
