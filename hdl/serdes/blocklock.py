"""Block lock of a lane (IEEE 802.3 cl. 49.2.9, fig. 49-12)."""

from amaranth import Module, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component

WINDOW, MOST_BAD = 64, 16

IGNORED = {"gearbox": 4, "request": 32}
"""Blocks after a slip that it may still spoil, or that are cut at the old phase."""


class BlockLock(Component):
    """Finds the phase at which sync headers are good.

    Parameters
    ----------
    ignored : int
        Blocks after a slip that do not count.

    Attributes
    ----------
    enable : In(1)
        While 0, it is unlocked and does not slip.
    valid, bad : In(1)
        A block, and whether its header is 00 or 11.
    slip : Out(1)
        Leave out one bit behind the block that is here now.
    locked : Out(1)
        Lock, before the block that is here now.
    """

    def __init__(self, ignored: int):
        self._ignored = ignored
        super().__init__({"enable": In(1), "valid": In(1), "bad": In(1), "slip": Out(1),
                          "locked": Out(1)})

    def elaborate(self, platform):
        m = Module()
        # Blocks to come in the window, and bad ones to come until lock is lost, each less one;
        # a flag for zero, so that a decision waits for no comparison.
        left, spare = Signal(range(WINDOW), init=WINDOW - 1), Signal(range(MOST_BAD),
                                                                     init=MOST_BAD - 1)
        last, limit = Signal(), Signal()
        ignored, ignoring = Signal(range(self._ignored)), Signal()
        m.d.comb += self.slip.eq(
            self.enable & self.valid & ~ignoring & self.bad & (limit | ~self.locked))
        begin = [left.eq(WINDOW - 1), last.eq(0), spare.eq(MOST_BAD - 1), limit.eq(0)]
        with m.If(self.valid):
            m.d.sync += [ignored.eq(ignored - 1), ignoring.eq(ignoring & (ignored != 0))]
            with m.If(~ignoring):
                m.d.sync += [left.eq(left - 1), last.eq(left == 1)]
                with m.If(self.bad):
                    m.d.sync += [spare.eq(spare - 1), limit.eq(spare == 1)]
                with m.If(last):
                    # Unlocked, the first bad header slips: so all of the window were good.
                    m.d.sync += [self.locked.eq(1), *begin]
        with m.If(self.slip):
            m.d.sync += [self.locked.eq(0), ignoring.eq(1), ignored.eq(self._ignored - 1), *begin]
        with m.If(~self.enable):
            m.d.sync += [self.locked.eq(0), ignoring.eq(0), *begin]
        return m
