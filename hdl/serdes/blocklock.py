"""Block lock of a lane (IEEE 802.3 cl. 49.2.9, fig. 49-12)."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

WINDOW, MOST_BAD, IGNORED = 64, 16, 4


class BlockLock(wiring.Component):
    """Finds the phase at which sync headers are good.

    Attributes
    ----------
    valid, bad : In(1)
        A block, and whether its header is 00 or 11.
    slip : Out(1)
        Slip one bit; the block on which this was decided came one cycle ago.
    locked : Out(1)
        Lock, before the block that is here now.
    """

    def __init__(self):
        super().__init__({"valid": In(1), "bad": In(1), "slip": Out(1), "locked": Out(1)})

    def elaborate(self, platform):
        m = Module()
        seen, bad = Signal(range(WINDOW)), Signal(range(MOST_BAD))
        # Blocks that the slip may still spoil, or that are cut at the old phase.
        ignored = Signal(range(IGNORED + 1))
        m.d.sync += self.slip.eq(0)
        with m.If(self.valid & (ignored != 0)):
            m.d.sync += ignored.eq(ignored - 1)
        with m.Elif(self.valid):
            with m.If(self.bad & (~self.locked | (bad == MOST_BAD - 1))):
                m.d.sync += [self.slip.eq(1), self.locked.eq(0), ignored.eq(IGNORED),
                             seen.eq(0), bad.eq(0)]
            with m.Elif(seen == WINDOW - 1):
                # Unlocked, the first bad header slips: so all 64 were good.
                m.d.sync += [self.locked.eq(1), seen.eq(0), bad.eq(0)]
            with m.Else():
                m.d.sync += [seen.eq(seen + 1), bad.eq(bad + self.bad)]
        return m
