"""The receive adapter of a port, a cycle at a time (docs/serdes.md, Receiver)."""

from __future__ import annotations

from collections import deque

from lightloom.config import STAGES
from lightloom.sim.link.end import Beat
from lightloom.sim.serdes.align import WRONG_MARKERS
from lightloom.sim.serdes.lane import Kind

from .lane import LaneReceiver, WireHealth

_CONTROL, _IDLE, _PAD, _MARKER, _UNLOCKED = (
    int(kind) for kind in (Kind.CONTROL, Kind.IDLE, Kind.PAD, Kind.MARKER, Kind.UNLOCKED))


class AdapterReceiver:
    """Lanes, alignment, rows back to beats, all on one clock; out of reset.

    `beat`, `aligned` and `wires` are as visible in the coming cycle.

    Parameters
    ----------
    cfg : lightloom.config.Config
        Without FEC; lanes slip in their gearboxes.
    """

    def __init__(self, cfg):
        lanes = cfg.serdes.lanes
        self._blocks, self._period = cfg.derived.blocks, cfg.serdes.marker_period
        self._depth = cfg.derived.deskew_depth
        self._lanes = [LaneReceiver(cfg) for _ in range(lanes)]
        self._health = [WireHealth(cfg) for _ in range(lanes)]
        # Entries on their way through the crossings, one list for each cycle.
        self._crossing = deque([[None] * lanes] * STAGES.crossing)
        self._cycle = 0
        self._fifos = [deque() for _ in range(lanes)]    # of (kind, data)
        self._reading = False
        self._match = self.live = 0          # R: found in the last cycle; read now
        self._order, self._candidate = [], []
        self._row_number = self._wrong = 0
        self._row = self._mark = None        # row register: blocks; (phase, is the first one)
        self._held, self._skip = [], False   # blocks of a begun beat; its begin is lost
        self.beat: Beat | None = None
        self.aligned = False
        self.wires = tuple(health.wire for health in self._health)

    def step(self, words: list[int], signals: list[int]) -> None:
        """One cycle: the words of the wires, and `rx_signal` of each."""
        written = [None] * len(words)
        if self._cycle >= STAGES.lane_start:
            written = [lane.step(word, signal) for lane, word, signal
                       in zip(self._lanes, words, signals, strict=True)]
        self._crossing.append(written)
        entries = self._crossing.popleft()
        self._cycle += 1
        free = self._row is None and self._mark is None or len(self._held) < self._blocks
        self.beat = self._unpack()
        if self._reading:
            self._read(entries, free)
        else:
            self._hunt(entries)
        for health, entry in zip(self._health, entries, strict=True):
            health.step(entry)
        self.wires = tuple(health.wire for health in self._health)

    # --- rows to beats --------------------------------------------------------------------------

    def _unpack(self) -> Beat | None:
        """Use up the row register; the beat that is out in the next cycle."""
        size = self._blocks
        if len(self._held) < size:
            if self._mark is not None:
                (phase, first), self._mark = self._mark, None
                if first or phase != len(self._held):
                    # What is in the place of a lost begin is never given.
                    self._held, self._skip = [(0, 0)] * phase, phase != 0
                return None
            if self._row is None:
                return None
            row, self._row = self._row, None
            fill = next((k for k, (kind, _) in enumerate(row) if kind == _PAD), len(row))
            self._held += row[:fill]
            complete = len(self._held) >= size
            if fill < len(row):
                del self._held[len(self._held) // size * size:]
            if not complete:
                return None
        beat, self._held = self._held[:size], self._held[size:]
        skip, self._skip = self._skip, False
        if skip:
            return None
        payload = ctrl = error = 0
        for k, (kind, data) in enumerate(beat):
            payload |= data << 64 * k
            ctrl |= (kind == _CONTROL) << k
            error |= (kind > _CONTROL) << k
        return Beat(payload, ctrl, error)

    # --- alignment ------------------------------------------------------------------------------

    def _hunt(self, entries):
        dropped = False
        for fifo, entry in zip(self._fifos, entries, strict=True):
            if entry is None:
                continue
            if entry[0] == _UNLOCKED:
                dropped |= bool(fifo)
                fifo.clear()
            elif not fifo or len(fifo) == self._depth:
                dropped |= bool(fifo)
                _begin(fifo, entry)
            else:
                fifo.append(entry[:2])
        found = self._members()
        if dropped:
            self._match = 0
        elif self._match:
            # Found one cycle ago: the first row is read in the next.
            self._reading, self.live, self._match = True, self._match, 0
            self._row_number = self._wrong = 0
        elif found:
            self._match, self._order = found, self._candidate

    def _members(self) -> int:
        """R if each of its lanes is there just once, else 0; `candidate`: the wire of each."""
        heads = [(wire, fifo[0][1]) for wire, fifo in enumerate(self._fifos) if fifo]
        if not heads:
            return 0
        live = _live_of(heads[0][1])
        found = {}
        for wire, block in heads:
            lane = _lane_of(block)
            if _live_of(block) == live and lane < 16 and live >> lane & 1:
                if lane in found:
                    return 0
                found[lane] = wire
        self._candidate = [found[lane] for lane in sorted(found)]
        return live if len(found) == live.bit_count() else 0

    def _read(self, entries, free):
        over = False
        members = [self._fifos[wire] for wire in self._order]
        for wire, fifo in zip(self._order, members, strict=True):
            entry = entries[wire]
            if entry is None:
                continue
            if entry[0] == _UNLOCKED or len(fifo) == self._depth:
                over = True
            else:
                fifo.append(entry[:2])
        waiting = min(map(len, members))
        if free and waiting:
            over |= self._read_row(members, waiting)
        if over:
            self._reading = self.aligned = False
            for fifo, entry in zip(self._fifos, entries, strict=True):
                fifo.clear()
                if entry is not None:
                    _begin(fifo, entry)

    def _read_row(self, members, waiting) -> bool:
        """A row from the members' FIFOs; whether it ends the alignment."""
        over, period = False, self._period + 1
        if self._row_number % period == 0:
            row = [fifo.popleft() for fifo in members]
            right, other = self._judge(row)
            self._wrong = 0 if right else self._wrong + 1
            if self.aligned:
                over = self._wrong == WRONG_MARKERS or other
            elif self._row_number:
                over = not right
                self.aligned = right
            if self.aligned and right:
                self._mark = ((row[0][1] >> 40 & 0xFF) % self._blocks,
                              self._row_number == period)
        else:
            # Before alignment rows are thrown away, two at once where there are two.
            if not self.aligned and waiting > 1 and (self._row_number + 1) % period:
                for fifo in members:
                    fifo.popleft()
                self._row_number += 1
            row = [fifo.popleft() for fifo in members]
            if self.aligned and all(kind != _IDLE for kind, _ in row):
                self._row = row
        self._row_number += 1
        return over

    def _judge(self, row) -> tuple[bool, bool]:
        """The members' heads as a marker row: (right, all are markers with another `live`)."""
        lanes = [lane for lane in range(16) if self.live >> lane & 1]
        own = [kind == _MARKER and _lane_of(block) == lane
               for (kind, block), lane in zip(row, lanes, strict=True)]
        same = [_live_of(block) == self.live for _, block in row]
        return all(own) and all(same), all(own) and not any(same)


def _begin(fifo, entry):
    """An entry comes to a hunting lane's FIFO: a marker is its first, all else is dropped."""
    fifo.clear()
    if entry[0] == _MARKER:
        fifo.append(entry[:2])


def _lane_of(block):
    return block >> 8 & 0xFF


def _live_of(block):
    return block >> 24 & 0xFFFF
