"""When line rows are pulled, and which are markers or parity (docs/serdes.md)."""

from math import gcd

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import Out

from lightloom.config import FEC_BLOCKS

from ..component import Component
from .linecode import CODED


def stride(cfg) -> int:
    """Rows start at multiples of this many bits in a word."""
    return gcd(CODED, cfg.serdes.word_bits)


def offset_bits(cfg) -> int:
    """Width of the number of a row's first bit in its word, in strides."""
    return max(1, (cfg.serdes.word_bits // stride(cfg) - 1).bit_length())


class Schedule(Component):
    """Line row j is pulled in cycle floor(66 j / word_bits).

    All outputs are registers and belong to the row that is pulled in this cycle; until one is
    pulled, to the next.

    Attributes
    ----------
    pull : Out(1)
    offset : Out
        First bit of the row in its word, in units of :func:`stride`; right with `pull` only.
    parity : Out(1)
        It is a parity row of the FEC: no block row.
    marker : Out(1)
        It is a block row, and a marker row.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "pull": Out(1, init=1), "offset": Out(offset_bits(cfg)),
            "parity": Out(1), "marker": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        word, row = cfg.serdes.word_bits // stride(cfg), CODED // stride(cfg)

        # Bits, in strides, from the word of this cycle to the next row's first bit.
        ahead = Signal(range(row + 1))
        ahead_next = Signal(range(row + 1))
        m.d.comb += [
            ahead_next.eq(Mux(self.pull, ahead + (row - word), ahead - word)),
            self.offset.eq(ahead),
        ]
        m.d.sync += [ahead.eq(ahead_next), self.pull.eq(ahead_next < word)]

        data, parity = FEC_BLOCKS[cfg.serdes.fec]
        parity_next = Signal()
        if parity:
            slot = Signal(range(data + parity))    # line rows before this one in its codeword
            with m.If(self.pull):
                m.d.sync += [slot.eq(Mux(slot == data + parity - 1, 0, slot + 1)),
                             self.parity.eq(parity_next)]
            m.d.comb += parity_next.eq((slot >= data - 1) & (slot != data + parity - 1))

        # Block rows to come before the next marker row, less one, and whether it is the next.
        period = cfg.serdes.marker_period
        rows = Signal(range(period), init=period - 1)
        due, due_next = Signal(init=1), Signal()
        m.d.comb += due_next.eq(Mux(self.parity, due, ~due & (rows == 0)))
        with m.If(self.pull):
            m.d.sync += [due.eq(due_next), self.marker.eq(due_next & ~parity_next)]
            with m.If(~self.parity):
                m.d.sync += rows.eq(Mux(due, period - 1, rows - 1))
        return m
