"""Codeword sync of a lane, by trial (in the manner of IEEE 802.3 cl. 74.7.4.7)."""

from amaranth import Module, Signal
from amaranth.lib.wiring import In, Out

from ...component import Component

MOST_BAD = 8


class CodewordSync(Component):
    """Finds the block at which codewords begin.

    Attributes
    ----------
    valid, end : In(1)
        A block came; it is the last of a codeword. `end` is seen with `valid` and no `slip`.
    slip : Out(1)
        The next block, or the one that is here, belongs to no codeword.
    judged, good : In(1)
        The codeword that ended last is judged, before the next one ends.
    locked : Out(1)
        Two good codewords running were found, and no `MOST_BAD` bad ones running since.
    """

    def __init__(self):
        super().__init__({
            "valid": In(1), "end": In(1), "slip": Out(1), "judged": In(1), "good": In(1),
            "locked": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        once, bad = Signal(), Signal(range(MOST_BAD))
        # The codeword that is begun has lost a block to a slip; so has the one that ended.
        cut, ended_cut = Signal(), Signal()
        with m.If(self.valid & self.slip):
            m.d.sync += self.slip.eq(0)
        with m.If(self.end):
            m.d.sync += [cut.eq(0), ended_cut.eq(cut)]
        with m.If(self.judged & ~ended_cut):
            with m.If(~self.locked):
                m.d.sync += [once.eq(self.good), self.locked.eq(self.good & once)]
                with m.If(~self.good):
                    m.d.sync += [self.slip.eq(1), cut.eq(1)]
            with m.Elif(self.good):
                m.d.sync += bad.eq(0)
            with m.Elif(bad == MOST_BAD - 1):
                # Errors rather than another phase: this one has a trial more before it slips.
                m.d.sync += [self.locked.eq(0), bad.eq(0), once.eq(0)]
            with m.Else():
                m.d.sync += bad.eq(bad + 1)
        return m
