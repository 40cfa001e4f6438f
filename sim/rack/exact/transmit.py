"""The transmit adapter of a port, a cycle at a time (docs/serdes.md, Transmitter)."""

from __future__ import annotations

from collections import deque

from lightloom.config import CROSSING_DEPTH, STAGES, scrambler_seed
from lightloom.sim.link.end import Beat
from lightloom.sim.serdes.linecode import BLOCK_BITS, IDLE, PAD, marker, state_word

from .line import bip_of, scrambled

_BLOCK = 2**64 - 1
_START = STAGES.lane_start


class _Lane:
    """Scrambler and gearbox of a lane; the line's bits wait in `bits`, the first one lowest."""

    def __init__(self, number):
        self._number = number
        self._last = state_word(scrambler_seed(number))
        self._bip = self._bits = self._count = 0

    def send(self, data, ctrl):
        self._last = scrambled(data, self._last)
        self._bip ^= bip_of(self._last, ctrl, not ctrl)
        self._bits |= (ctrl | (not ctrl) << 1 | self._last << 2) << self._count
        self._count += BLOCK_BITS

    def mark(self, live, phase):
        block = marker(self._number, live=live, phase=phase, bip=self._bip)
        self._bip = 0
        self.send(block, 1)

    def word(self, width):
        word = self._bits & (1 << width) - 1
        self._bits >>= width
        self._count -= width
        return word


class AdapterTransmitter:
    """Row former, crossing, schedule, scramblers and gearboxes, all on one clock; out of reset.

    Parameters
    ----------
    cfg : lightloom.config.Config
        Without FEC.
    """

    def __init__(self, cfg):
        serdes = cfg.serdes
        self._lanes, self._width, self._period = serdes.lanes, serdes.word_bits, (
            serdes.marker_period)
        self._blocks = cfg.derived.blocks
        self._every = (1 << serdes.lanes) - 1
        self._sent = [_Lane(number) for number in range(serdes.lanes)]
        self._cycle = 0
        self._live = self._line_live = self._every
        self._held = []                       # blocks (data, ctrl) of beats, not in a row yet
        self._ring = deque()                  # rows: (blocks, live, blocks of beats in it, cycle)
        self._written = self._read = 0
        self._wrote = [0] * 8                 # rows written and read by the end of the cycles
        self._took = [0] * 8                  # before, by cycle modulo 8
        self._line = self._row = self._phase = 0

    def _due(self, lanes_off) -> int:
        """The set of lanes that is asked for, if a change is due, else 0."""
        want = self._every & ~lanes_off
        return want if want != self._live else 0

    def _room(self) -> bool:
        return self._written - self._took[self._cycle - STAGES.crossing & 7] < CROSSING_DEPTH

    def ready(self, lanes_off: int) -> bool:
        """Whether a beat that is offered in the coming cycle is taken."""
        n, held = self._live.bit_count(), len(self._held)
        return (not self._due(lanes_off) and held < n
                and (held + self._blocks < n or self._room()))

    def step(self, beat: Beat | None, lanes_off: int) -> list[int]:
        """One cycle: the words of the lanes as visible in it.

        `beat`: what is taken in this cycle, for which :meth:`ready` was true.
        """
        cycle, width = self._cycle, self._width
        words = [0] * self._lanes
        if cycle >= _START + 2:
            words = [lane.word(width) for lane in self._sent]
        self._form(beat, self._due(lanes_off))
        if _START + BLOCK_BITS * self._line // width == cycle:
            self._pull()
        self._wrote[cycle & 7], self._took[cycle & 7] = self._written, self._read
        self._cycle += 1
        return words

    def _form(self, beat, want):
        """The row former: a row into the crossing, if one is due and there is room."""
        room, n = self._room(), self._live.bit_count()
        level = self._wrote[self._cycle - 2 & 7] - self._took[self._cycle - 5 & 7]
        if beat is not None:
            self._held += [(beat.payload >> 64 * k & _BLOCK, beat.ctrl >> k & 1)
                           for k in range(self._blocks)]
        total = len(self._held)
        if not room:
            return
        if want and not total:
            self._live = want
            self._write([(IDLE, 1)] * self._lanes, 0)
        elif total >= n or total and beat is None and (level < 2 or want):
            given = self._held[:n] + [(PAD, 1)] * (n - total)
            del self._held[:n]
            blocks = iter(given)
            self._write([next(blocks) if self._live >> lane & 1 else (IDLE, 1)
                         for lane in range(self._lanes)], min(n, total))

    def _write(self, blocks, fill):
        self._ring.append((blocks, self._live, fill, self._cycle))
        self._written += 1

    def _pull(self):
        """A line row: a marker row, one of the crossing, or an idle one."""
        readable = self._ring and self._ring[0][3] <= self._cycle - STAGES.crossing
        if self._row % (self._period + 1) == 0:
            if readable:
                self._line_live = self._ring[0][1]
            for lane in self._sent:
                lane.mark(self._line_live, self._phase)
        elif readable and self._ring[0][1] == self._line_live:
            blocks, _, fill, _ = self._ring.popleft()
            self._read += 1
            self._phase = (self._phase + fill) % self._blocks
            for lane, (data, ctrl) in zip(self._sent, blocks, strict=True):
                lane.send(data, ctrl)
        else:
            for lane in self._sent:
                lane.send(IDLE, 1)
        self._row += 1
        self._line += 1
