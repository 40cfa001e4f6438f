"""What the consumer of a link's flits holds, and which of its packets are open."""

from amaranth import Const, Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import End
from ..xbar.roundrobin import lowest_set, onehot_when


class Consumer(Component):
    """Counts the consumer's slots; ends the packets that a session left open.

    Attributes
    ----------
    given, vc, end : In
        A flit is given to the consumer.
    credit : In(vcs)
        Slots that the consumer gives back.
    closing : In(1)
        Open packets are to be ended, as soon as no flit is given and the consumer has a slot.
    aborting : Out(vcs)
        One-hot: the packet of this VC is ended.
    settled : Out(1)
        No flit is given, and no packet is open.
    free : Out
        Of each VC, the slots that are free at the end of this cycle.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        vcs, d = cfg.chiplet.vcs, cfg.derived
        super().__init__({
            "given": In(1), "vc": In(d.vc_bits), "end": In(End), "credit": In(vcs),
            "closing": In(1), "aborting": Out(vcs), "settled": Out(1),
            "free": Out(data.ArrayLayout(d.credit_bits, vcs)),
        })

    def elaborate(self, platform):
        m = Module()
        vcs, bits = self._cfg.chiplet.vcs, self._cfg.derived.credit_bits
        depth = Const(self._cfg.xbar.vc_depth, bits)
        given = onehot_when(self.given, self.vc, vcs)
        opened, room = Signal(vcs), Signal(vcs)
        idle = Signal()
        m.d.comb += [
            idle.eq(self.closing & ~self.given), self.settled.eq(~self.given & ~opened.any()),
            self.aborting.eq(lowest_set(opened & room & idle.replicate(vcs))),
        ]
        for v in range(vcs):
            held = Signal(bits, name=f"held_{v}")
            after = Signal(bits, name=f"after_{v}")
            m.d.comb += [
                after.eq(held + (given[v] | self.aborting[v]) - self.credit[v]),
                room[v].eq(held < depth), self.free[v].eq(depth - after),
            ]
            m.d.sync += held.eq(after)
            with m.If(given[v]):
                m.d.sync += opened[v].eq(self.end == End.NONE)
            with m.If(self.aborting[v]):
                m.d.sync += opened[v].eq(0)
        return m
