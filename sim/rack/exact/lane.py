"""One received lane, a cycle at a time: words to entries, and the health of its wire.

docs/serdes.md, Receiver and Health.
"""

from __future__ import annotations

from lightloom.sim.serdes.lane import BAD_LIMIT, SLIP_BLOCKS, WINDOW, Kind
from lightloom.sim.serdes.linecode import BLOCK_BITS, IDLE, MARKER, PAD, TAIL, TRAIN

from .line import bip_of, descrambled

_BLOCK = 2**64 - 1
_TYPES = {IDLE: int(Kind.IDLE), PAD: int(Kind.PAD), TRAIN: int(Kind.CONTROL),
          TAIL: int(Kind.CONTROL)}
_DATA, _MARKER, _UNLOCKED = int(Kind.DATA), int(Kind.MARKER), int(Kind.UNLOCKED)
_BAD_TYPE, _BAD_HEADER = int(Kind.BAD_TYPE), int(Kind.BAD_HEADER)
_MISSED = 4
"""Markers missed running that end marker lock."""


class LaneReceiver:
    """Gearbox, block lock, descrambler and parity of a lane that slips in its gearbox.

    Parameters
    ----------
    cfg : lightloom.config.Config
        Without FEC.
    """

    def __init__(self, cfg):
        self._width = cfg.serdes.word_bits
        self._bits = self._count = 0          # of the line, not in a block yet; the first lowest
        self._block = None                    # completed by the word before
        self._light = False                   # `rx_signal` came with that word
        self._locked = self._known = False    # `known`: a marker came since the lock
        self._tested = self._bad = self._ignore = 0
        self._before = self._bip = 0

    def step(self, word: int, signal: int) -> tuple[int, int, bool] | None:
        """The word of a cycle; the entry that is written in it, or None.

        An entry is (kind, data, whether the parity of a marker is wrong); bit 0 of an `UNLOCKED`
        one's data: there was light.
        """
        entry, block, slip = None, self._block, False
        if block is not None:
            entry = self._entry(block)
        if not (signal and self._light):
            self._lose()
        elif block is not None:
            slip = self._judge((block ^ block >> 1) & 1)
        if not self._locked:
            self._known = False
        self._bits |= word << self._count
        self._count += self._width
        if slip:
            self._bits >>= 1
            self._count -= 1
        self._block = None
        if self._count >= BLOCK_BITS:
            self._block = self._bits & (1 << BLOCK_BITS) - 1
            self._bits >>= BLOCK_BITS
            self._count -= BLOCK_BITS
        self._light = bool(signal)
        return entry

    def _lose(self):
        self._locked = False
        self._tested = self._bad = self._ignore = 0

    def _judge(self, good) -> bool:
        """Count a header; whether the lane slips."""
        if self._ignore:
            self._ignore -= 1
            return False
        self._tested += 1
        self._bad += not good
        if self._bad == BAD_LIMIT or self._bad and not self._locked:
            self._lose()
            self._ignore = SLIP_BLOCKS
            return True
        if self._tested == WINDOW:
            self._locked |= not self._bad
            self._tested = self._bad = 0
        return False

    def _entry(self, block):
        first, second, sent = block & 1, block >> 1 & 1, block >> 2
        data, self._before = descrambled(sent, self._before), sent
        kind, wrong = _UNLOCKED, False
        if self._locked:
            kind = _classify(data, first, second)
        else:
            data = int(self._light)
        if kind == _MARKER:
            wrong = self._known and data >> 48 & 0xFF != self._bip
            self._bip, self._known = 0, True
        self._bip ^= bip_of(sent, first, second)
        return kind, data, wrong


def _classify(data, first, second) -> int:
    if first == second:
        return _BAD_HEADER
    if second:
        return _DATA
    kind = data & 0xFF
    if kind == MARKER and (data >> 8 ^ data >> 16) & 0xFF == 0xFF:
        return _MARKER
    return _TYPES.get(kind, _BAD_TYPE)


class WireHealth:
    """What the link is told of a wire whose clock runs; `wire` is as visible in a cycle.

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        self._period = cfg.serdes.marker_period
        self.wire = (0, 0, 0, 0, 0)      # signal, locked, marker_lock, lane, error
        self._silent = True              # no entry has come yet; that one is not looked at
        self._seen, self._since, self._misses = False, 0, 0

    def step(self, entry) -> None:
        """The entry that is read in a cycle, or None."""
        signal, locked, marker_lock, lane, error = self.wire
        if entry is None:
            if error:
                self.wire = signal, locked, marker_lock, lane, 0
            return
        kind, data, wrong = entry
        error = int(kind in (_BAD_HEADER, _BAD_TYPE) or wrong or kind == _UNLOCKED and locked)
        if self._silent:
            self._silent = False
        elif kind == _UNLOCKED:
            signal, locked, marker_lock, self._seen = data & 1, 0, 0, False
        else:
            signal = locked = 1
            marker_lock, lane = self._markers(kind == _MARKER, data >> 8 & 0xFF, marker_lock, lane)
        self.wire = signal, locked, marker_lock, lane, error

    def _markers(self, marker, number, lock, lane):
        """`marker_lock` and `lane` after a block."""
        if not self._seen:
            if marker:
                self._seen, self._since, self._misses, lane = True, 0, 0, number & 0xF
            return lock, lane
        here = self._since == self._period
        self._since = 0 if here else self._since + 1
        if here and marker and number == lane:
            self._misses = 0
            return 1, lane
        if here:
            if not lock or self._misses == _MISSED - 1:
                self._seen, lock = False, 0
            self._misses = (self._misses + 1) % _MISSED
        return lock, lane
