"""Health of one received wire, from the entries of its crossing (docs/serdes.md, Health)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from lightloom.config import HIGH_BER_BLOCKS

from ..component import Component
from ..counters import count
from .types import Kind, LaneEntry, LaneStatus, MarkerFields, WireHealth

SILENCE = 256
"""Cycles without an entry after which a lane's clock counts as stopped."""

MOST_BAD = 16
MOST_MISSED = 4
PATTERN_WORDS = 64
"""Words that one `PATTERN` entry reports on."""


class LaneHealth(Component):
    """Flags and counters of a wire.

    Attributes
    ----------
    valid, entry : In
    clear : In(1)
        Counters restart.
    live : In(1)
        The wire carries data.
    status : Out(LaneStatus)
    health : Out(WireHealth)
        `error` does not depend on `clear`, and does not stop when a counter is full.
    silent : Out(1)
        No entry has come for `SILENCE` cycles.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "valid": In(1), "entry": In(LaneEntry(cfg)), "clear": In(1),
            "live": In(1), "status": Out(LaneStatus()), "health": Out(WireHealth),
            "silent": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        status, entry = self.status, self.entry
        kinds = {kind: Signal(name=f"is_{kind.name.lower()}") for kind in Kind}
        m.d.comb += [signal.eq(self.valid & (entry.kind == kind)) for kind, signal in kinds.items()]
        no_block = kinds[Kind.UNLOCKED] | kinds[Kind.PATTERN]
        block = Signal()
        m.d.comb += block.eq(self.valid & ~no_block)

        quiet = Signal(range(SILENCE + 1), init=SILENCE)
        m.d.comb += self.silent.eq(quiet == SILENCE)
        m.d.sync += quiet.eq(Mux(self.valid, 0, quiet + ~self.silent))
        with m.If(self.silent):
            m.d.sync += [status.signal.eq(0), status.locked.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += [status.signal.eq(~kinds[Kind.UNLOCKED] | entry.data[0]),
                         status.locked.eq(block)]
        m.d.comb += [status.clock.eq(~self.silent), status.live.eq(self.live)]

        errors = [
            (status.bad_headers, kinds[Kind.BAD_HEADER]),
            (status.bad_types, kinds[Kind.BAD_TYPE]),
            (status.bip_errors, kinds[Kind.MARKER] & entry.bip_error),
            (status.lock_losses, status.locked & (no_block | self.silent)),
        ]
        counters = [
            (status.pattern_errors, Mux(kinds[Kind.PATTERN], entry.data[:16], 0)),
            (status.pattern_words, Mux(kinds[Kind.PATTERN], PATTERN_WORDS, 0)),
        ]
        if len(entry.corrected):
            counters.append((status.fec_corrected, Mux(block, entry.corrected, 0)))
            errors.append((status.fec_uncorrected, block & entry.uncorrected))
        m.d.sync += [count(counter, event, clear=self.clear)
                     for counter, event in counters + errors]
        m.d.sync += self.health.error.eq(Cat(event for _, event in errors).any())
        m.d.comb += [self.health[name].eq(status[name])
                     for name in ("signal", "locked", "marker_lock", "lane")]
        self._high_ber(m, block, kinds[Kind.BAD_HEADER])
        self._marker_lock(m, block, kinds[Kind.MARKER])
        return m

    def _high_ber(self, m, block, bad):
        """Set at the 16th bad header of a window, cleared by a window with fewer."""
        window, seen = Signal(range(HIGH_BER_BLOCKS)), Signal(range(MOST_BAD + 1))
        many, ends = Signal(), Signal()
        m.d.comb += [many.eq(seen + bad >= MOST_BAD), ends.eq(window == HIGH_BER_BLOCKS - 1)]
        with m.If(block):
            m.d.sync += [window.eq(Mux(ends, 0, window + 1)),
                         seen.eq(Mux(ends, 0, Mux(many, MOST_BAD, seen + bad)))]
            with m.If(many | ends):
                m.d.sync += self.status.high_ber.eq(many)

    def _marker_lock(self, m, block, marker):
        """Two markers of a lane a period apart: locked; four missed running: lost (cl. 82.2.12)."""
        period, status = self._cfg.serdes.marker_period, self.status
        since = Signal(range(period + 1))   # blocks since the place of the last marker
        seen, here = Signal(), Signal()
        misses = Signal(range(MOST_MISSED))
        same = marker & (MarkerFields(self.entry.data).lane == status.lane)
        m.d.comb += here.eq(since == period)
        with m.If(self.silent | (self.valid & ~block)):
            m.d.sync += [seen.eq(0), status.marker_lock.eq(0)]
        with m.Elif(block & ~seen):
            with m.If(marker):
                m.d.sync += [seen.eq(1), since.eq(0), misses.eq(0),
                             status.lane.eq(MarkerFields(self.entry.data).lane)]
        with m.Elif(block):
            m.d.sync += since.eq(Mux(here, 0, since + 1))
            with m.If(here & same):
                m.d.sync += [status.marker_lock.eq(1), misses.eq(0)]
            with m.Elif(here):
                m.d.sync += misses.eq(misses + 1)
                with m.If(~status.marker_lock | (misses == MOST_MISSED - 1)):
                    m.d.sync += [seen.eq(0), status.marker_lock.eq(0)]
