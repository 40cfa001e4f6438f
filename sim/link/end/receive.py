"""The receiver of a link end: frames, what they are judged, delivery, credits and aborts."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .format import TAIL, TRAIN, Tail, Train
from .ports import Beat, Flit

_ABORT = 3


class Judged(NamedTuple):
    """A tail or train in the cycle in which it is judged; `fields` None: its CRC is wrong.
    `payloads`: the flits of the frame, as far as stored; `seen`: how many there were."""

    fields: Tail | Train | None
    is_tail: bool
    payloads: list
    seen: int


class Happened(NamedTuple):
    """Events of the receiver in a cycle."""

    frame: bool = False
    crc_error: bool = False
    gap: bool = False
    duplicate: bool = False


class Receiver:
    def __init__(self, cfg, form):
        self._form = form
        self._vcs, self._depth = cfg.chiplet.vcs, cfg.xbar.vc_depth
        self._frame, self._half = cfg.link.frame_flits, cfg.link.replay_flits
        self._credits = 1 << cfg.derived.credit_bits
        self._others = (1 << cfg.derived.blocks) - 1 & ~1
        self._arrived = None                  # a beat, and what its CRC would begin with
        self._judged = None
        self._drop_frame()
        self._waiting = deque()               # accepted flits
        self._flit = None                     # on `o`
        self._held = [0] * self._vcs
        self._middle = [False] * self._vcs    # open: the last flit given was no end
        self._limits = (self._depth,) * self._vcs
        self._begin_session()

    def _begin_session(self):
        self.expected = self.nak = self.nak_epoch = 0
        self._drop_frame()

    def _drop_frame(self):
        self._payloads, self._seen, self._crc = [], 0, 0

    @property
    def judged(self) -> Judged | None:
        return self._judged

    @property
    def flit(self) -> Flit | None:
        return self._flit

    @property
    def limits(self) -> tuple:
        """To be sent, as visible in this cycle."""
        return self._limits

    def delivers(self) -> bool:
        """A flit of a frame is to be on `o` in the next cycle."""
        return bool(self._waiting)

    def has_open(self) -> bool:
        return any(self._middle)

    def step(self, beat: Beat | None, initial: int, credit: int, accepts: bool, in_reset: bool,
             start: bool) -> tuple[Happened, bool]:
        """One cycle. `initial`: of the CRC of a frame that begins with `beat`; `accepts`: the
        state is one in which frames are accepted. Returns what happened, and whether an abort is
        given."""
        happened = Happened()
        aborted = False
        if self._waiting:
            self._flit = self._waiting.popleft()
        else:
            self._flit = self._abort() if in_reset else None
            aborted = self._flit is not None
        if self._flit is not None:
            self._held[self._flit.vc] += 1
            self._middle[self._flit.vc] = self._flit.end == 0
        if self._judged is not None and self._judged.is_tail and accepts:
            happened = self._judge(self._judged)
        self._judged = self._collect()
        self._arrived = None if beat is None else (beat, initial)
        if credit or in_reset:
            self._give_back(credit, in_reset)
        if start:
            self._begin_session()
        return happened, aborted

    def _abort(self) -> Flit | None:
        for vc in range(self._vcs):
            if self._middle[vc] and self._held[vc] < self._depth:
                return Flit(vc, 0, _ABORT, 0, 0, 0)
        return None

    def _give_back(self, credit, in_reset):
        pulses = [credit >> vc & 1 for vc in range(self._vcs)]
        self._held = [held - pulse for held, pulse in zip(self._held, pulses, strict=True)]
        if in_reset:
            self._limits = tuple((self._depth - held) % self._credits for held in self._held)
        else:
            self._limits = tuple((limit + pulse) % self._credits
                                 for limit, pulse in zip(self._limits, pulses, strict=True))

    def _collect(self) -> Judged | None:
        """The beat that was registered: into the frame, or to be judged in the next cycle."""
        if self._arrived is None:
            return None
        (payload, ctrl, error), initial = self._arrived
        if not error and not ctrl:
            if not self._seen:
                self._crc = initial
            self._crc = self._form.crc(payload, self._crc)
            self._seen += 1
            if self._seen <= self._frame:
                self._payloads.append(payload)
            return None
        kind = payload & 0xFF
        if error or ctrl & self._others or kind not in (TAIL, TRAIN):
            # Idle, which means nothing, or spoilt, which a missing flit tells.
            return None
        if kind == TRAIN:
            good = self._form.closes(payload, 0)
            judged = Judged(self._form.read_train(payload) if good else None, False, [], 0)
        else:
            good = self._form.closes(payload, self._crc if self._seen else initial)
            judged = Judged(self._form.read_tail(payload) if good else None, True,
                            self._payloads, self._seen)
        self._drop_frame()
        return judged

    def _judge(self, judged) -> Happened:
        tail = judged.fields
        if tail is None:
            self.nak = 1
            return Happened(crc_error=True)
        if tail.epoch != self.nak_epoch:
            self.nak = 0
        self.nak_epoch = tail.epoch
        if tail.count != judged.seen or judged.seen > self._frame:
            self.nak = 1
            return Happened(gap=True)
        ahead = (tail.seq - self.expected) % (2 * self._half)
        if ahead == 0:
            self.nak = 0
            self._accept(tail, judged.payloads)
            return Happened(frame=tail.count > 0)
        if ahead < self._half:
            self.nak = 1
            return Happened(gap=True)
        return Happened(duplicate=tail.count > 0)

    def _accept(self, tail, payloads):
        heads = iter(tail.head)
        for payload, (vc, first, end) in zip(payloads, tail.meta, strict=False):
            src, dst = next(heads, (0, 0)) if first else (0, 0)
            self._waiting.append(Flit(vc, first, end, src, dst, payload))
        self.expected = (self.expected + tail.count) % (2 * self._half)
