"""The transmitter of a link end: FIFOs, replay ring, framer, stages A and B."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .format import Tail, Train
from .ports import Beat, Flit

_CONTROL = 1
"""`ctrl` of a tail or train: block 0 is control."""


class View(NamedTuple):
    """What the transmitter sees of the rest of the end in a cycle."""

    up: bool
    hears: bool
    fresh: bool
    session: int
    theirs: int
    expected: int
    nak: int
    nak_epoch: int
    off: int
    limits: tuple      # to be sent


class Happened(NamedTuple):
    """Events of the transmitter in a cycle; `lost` counts flits, `stalled` is a set of VCs."""

    replay: bool
    timeout: bool
    acked: bool        # `acked` moves
    bad_ack: bool
    lost: int
    stalled: int


class _Staged(NamedTuple):
    """A beat in stage A; `begins`: it is a frame's first, or a train; `initial` of its CRC."""

    payload: int
    control: bool
    begins: bool
    initial: int


class Transmitter:
    def __init__(self, cfg, form):
        self._form = form
        self._vcs = cfg.chiplet.vcs
        self._frame, self._heads = cfg.link.frame_flits, cfg.derived.frame_heads
        self._ring_flits, self._numbers = cfg.link.replay_flits, 2 * cfg.link.replay_flits
        self._credits = 1 << cfg.derived.credit_bits
        self._keepalive_cycles = cfg.link.keepalive_cycles
        self._timeout_cycles = cfg.derived.timeout_cycles
        self._fifos = [deque() for _ in range(self._vcs)]
        self._ring = [None] * self._ring_flits
        self._avp = 0
        self._middle = [False] * self._vcs    # the last flit that left the FIFO was no end
        self._cut = [False] * self._vcs
        self._keepalive = False
        self._a = self._b = None
        self._crc = 0                         # of the frame whose beats go from A to B
        self._credit = 0                      # pulses of this cycle
        self._cycle = 0
        self._begin_session()

    def _begin_session(self):
        self._wr = self._tx = self._acked = self._epoch = self._timer = 0
        self._have = self._requested = False
        self._sent, self._limit = [0] * self._vcs, (0,) * self._vcs
        self._open = []                       # flits of the open frame
        self._open_heads = 0
        self._told = 0, 0, 0, 0, (0,) * self._vcs

    @property
    def beat(self) -> Beat | None:
        """What is offered to the adapter."""
        return self._b

    @property
    def credit(self) -> int:
        return self._credit

    def calm(self) -> bool:
        """Nothing to send, nothing to be acknowledged."""
        return (not self._requested and self._wr == self._acked
                and not any(self._fifos))

    def step(self, view: View, flit: Flit | None, ready, tail: Tail | None,
             start: bool) -> Happened:
        """One cycle; `tail`: a good tail is judged, `start`: a session starts."""
        a_free = self._stages(ready)
        wr, acked, epoch = self._wr, self._acked, self._epoch
        waits = 0 < (self._tx - acked) % self._numbers <= (wr - acked) % self._numbers
        timer_up = view.up and self._timer == self._timeout_cycles
        stalled = self._stalled(view.up)
        replay = jump = False
        if a_free:
            replay, jump = self._framer(view)
        self._keepalive |= self._cycle % self._keepalive_cycles == self._keepalive_cycles - 1
        self._cycle += 1
        self._have = self._tx != wr and not replay and not jump
        self._credit = lost = 0
        if not start:
            lost = self._leave_fifo(view.up, wr, acked)
        moved = bad = False
        if tail is not None:
            # As visible in this cycle: what the framer has just done comes later.
            if (tail.ack - acked) % self._numbers > (wr - acked) % self._numbers:
                bad = True
            else:
                moved = tail.ack != acked
                self._acked = tail.ack
            self._limit = tail.limit
            if tail.nak and tail.nak_epoch == epoch:
                self._requested = True
        self._requested |= timer_up
        if replay:
            self._requested = False
        idle = not view.up or not waits or moved or timer_up
        self._timer = 0 if idle else self._timer + 1
        if start:
            lost += (wr - acked) % self._numbers
            self._begin_session()
            self._cut = list(self._middle)
        if flit is not None:
            self._fifos[flit.vc].append(flit)
        return Happened(replay, timer_up, moved, bad, lost, stalled)

    def _stages(self, ready) -> bool:
        """A to B, the CRC on the way; whether A is free for the framer."""
        if self._b is not None and not ready:
            return self._a is None
        staged, self._a, self._b = self._a, None, None
        if staged is not None:
            if staged.begins:
                self._crc = staged.initial
            payload = staged.payload
            if staged.control:
                payload = self._form.close(payload, self._crc)
            else:
                self._crc = self._form.crc(payload, self._crc)
            self._b = Beat(payload, _CONTROL if staged.control else 0)
        return True

    def _framer(self, view) -> tuple[bool, bool]:
        """The first rule that fits; whether a replay begins, whether `tx` is set back otherwise."""
        n = len(self._open)
        if not view.up:
            self._tx = (self._tx - n) % self._numbers
            self._open, self._open_heads = [], 0
            self._a = _Staged(self._form.train(Train(
                view.hears, view.fresh, view.session, view.theirs, view.off, self._form.shared)),
                True, True, 0)
            return False, n > 0
        if self._requested:
            if n:
                self._load_tail(view)
                return False, False
            self._tx, self._epoch = self._acked, (self._epoch + 1) % 4
            return True, False
        if not n and self._passed():
            self._tx = self._acked
            return False, True
        if self._have and n < self._frame:
            flit = self._ring[self._tx % self._ring_flits]
            if not flit.first or self._open_heads < self._heads:
                self._open.append(flit)
                self._open_heads += flit.first
                self._tx = (self._tx + 1) % self._numbers
                self._a = _Staged(flit.payload, False, n == 0, self._initial(view))
                return False, False
        if n or self._keepalive or self._telling(view) != self._told:
            self._load_tail(view)
        return False, False

    def _passed(self) -> bool:
        """`tx` is not within `acked`..`wr`: flits that were to be sent again are acknowledged."""
        return (self._tx - self._acked) % self._numbers > (self._wr - self._acked) % self._numbers

    @staticmethod
    def _initial(view) -> int:
        return view.session + 256 * view.theirs

    @staticmethod
    def _telling(view):
        return view.expected, view.nak, view.nak_epoch, view.off, view.limits

    def _load_tail(self, view):
        n = len(self._open)
        tail = Tail(
            n, (self._tx - n) % self._numbers, view.expected, view.nak, view.nak_epoch,
            self._epoch, view.off, view.limits,
            tuple((flit.vc, flit.first, flit.end) for flit in self._open),
            tuple((flit.src, flit.dst) for flit in self._open if flit.first))
        self._a = _Staged(self._form.tail(tail), True, n == 0, self._initial(view))
        self._told = self._telling(view)
        self._open, self._open_heads = [], 0
        self._keepalive = False

    def _stalled(self, up) -> int:
        """VCs that wait for a credit alone."""
        if not up or (self._wr - self._acked) % self._numbers >= self._ring_flits:
            return 0
        return sum(1 << vc for vc in range(self._vcs)
                   if self._fifos[vc] and not self._cut[vc] and self._sent[vc] == self._limit[vc])

    def _leave_fifo(self, up, wr, acked) -> int:
        """Admit a flit, or drop one of a packet that was cut; how many were dropped."""
        room = up and (wr - acked) % self._numbers < self._ring_flits
        for k in range(self._vcs):
            vc = (self._avp + k) % self._vcs
            if self._fifos[vc] and (
                    self._cut[vc] or room and self._sent[vc] != self._limit[vc]):
                break
        else:
            return 0
        flit = self._fifos[vc].popleft()
        self._avp = (vc + 1) % self._vcs
        self._credit = 1 << vc
        self._middle[vc] = flit.end == 0
        if self._cut[vc]:
            self._cut[vc] = flit.end == 0
            return 1
        self._ring[wr % self._ring_flits] = flit
        self._wr = (wr + 1) % self._numbers
        self._sent[vc] = (self._sent[vc] + 1) % self._credits
        return 0
