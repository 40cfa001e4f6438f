"""When rows are pulled, and which rows are markers (docs/serdes.md)."""

from math import gcd

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from .linecode import CODED


def stride(cfg) -> int:
    """Rows start at multiples of this many bits in a word."""
    return gcd(CODED, cfg.serdes.word_bits)


def offset_bits(cfg) -> int:
    """Width of the number of a row's first bit in its word, in strides."""
    return max(1, (cfg.serdes.word_bits // stride(cfg) - 1).bit_length())


class Schedule(wiring.Component):
    """Row k is pulled in cycle floor(66 k / word_bits).

    All outputs are registers and belong to the row that is pulled in this cycle.

    Attributes
    ----------
    pull : Out(1)
    offset : Out
        First bit of the row in its word, in units of :func:`stride`; held for `pull` only.
    marker : Out(1)
        It is a marker row; until it is pulled, of the next row.
    first : Out(1)
        It is the first row of a beat; likewise.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "pull": Out(1, init=1), "offset": Out(offset_bits(cfg)),
            "marker": Out(1, init=1), "first": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        word, row = cfg.serdes.word_bits // stride(cfg), CODED // stride(cfg)
        period, parts = cfg.serdes.marker_period, cfg.derived.rows_per_beat

        # Bits, in strides, from the word of this cycle to the next row's first bit.
        ahead = Signal(range(row + 1))
        ahead_next = Signal(range(row + 1))
        m.d.comb += [
            ahead_next.eq(Mux(self.pull, ahead + (row - word), ahead - word)),
            self.offset.eq(ahead),
        ]
        m.d.sync += [ahead.eq(ahead_next), self.pull.eq(ahead_next < word)]

        rows = Signal(range(period + 1))    # since the last marker row
        with m.If(self.pull):
            m.d.sync += [
                rows.eq(Mux(self.marker, period - 1, rows - 1)),
                self.marker.eq(~self.marker & (rows == 0)),
            ]
        if parts > 1:
            part = Signal(range(parts))
            with m.If(self.pull & ~self.marker):
                last = part == parts - 1
                m.d.sync += [part.eq(Mux(last, 0, part + 1)), self.first.eq(last)]
        return m
