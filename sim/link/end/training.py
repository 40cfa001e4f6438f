"""State, sessions, silence, strikes and sleep of a link end."""

from __future__ import annotations

from typing import NamedTuple

from .format import Tail, Train
from .ports import UP, State

_S = State
_TRAINS = frozenset(_S) - {_S.RESET, _S.LIGHT, _S.LOCK}
_FRAMES = frozenset({_S.EXCHANGED, _S.RETRAIN}) | UP
_HEARS = frozenset({_S.ALIGNED, _S.EXCHANGED, _S.RETRAIN})
_LAST_SESSION = 255
_QUIET_STRIKES = 2
"""Strikes that only retrain."""


class Around(NamedTuple):
    """What the state depends on in a cycle.

    `train`, `tail`: good ones, judged in it; `signal`, `locked`: of any wire; `replay`: one
    begins; `acked` moves; `calm`, but for `sleep` and the state; `off`: ours; `delivers`,
    `open`: of the receiver.
    """

    train: Train | None
    tail: Tail | None
    aligned: int
    signal: bool
    locked: bool
    restart: int
    sleep: int
    replay: bool
    acked: bool
    calm: bool
    off: int
    delivers: bool
    open: bool


class Happened(NamedTuple):
    heard: bool        # `heard` is taken
    retrain: bool
    silence: bool


class Training:
    def __init__(self, cfg, form):
        self._shared = form.shared
        d = cfg.derived
        self._every = (1 << cfg.serdes.lanes) - 1
        self._lanes, self._replay_limit = cfg.serdes.lanes, cfg.link.replay_limit
        self._round_trip, self._silence_cycles = d.round_trip, d.silence_cycles
        self._rest_cycles, self._calm_cycles = d.strike_rest, 4 * cfg.link.keepalive_cycles
        self.session = 0
        self._silence = self._calm = 0
        self.begin_session()

    def begin_session(self):
        self.session = self.session % _LAST_SESSION + 1
        self.theirs = self.heard = self.mismatch = 0
        self.fresh = True
        self.state = _S.RESET
        self._since = 0            # cycles in RESET
        self._tries = self._strikes = 0
        self.struck = 0            # the strikes' lane, as a set
        self._rest = 0             # cycles for which it is still out

    @property
    def up(self) -> bool:
        return self.state in UP

    @property
    def accepts(self) -> bool:
        """Frames are accepted."""
        return self.state in _FRAMES

    @property
    def takes_trains(self) -> bool:
        return self.state in _TRAINS

    @property
    def asleep(self) -> bool:
        return self._calm == self._calm_cycles

    def hears(self, aligned) -> bool:
        return self.state in _HEARS and bool(aligned)

    def starts_session(self, train: Train | None, restart) -> bool:
        """Whether a session starts in this cycle: rule N, or FAULT is left."""
        state = self.state
        lost = (train is not None and train.fresh and train.shared == self._shared
                and (train.session != self.theirs or train.echo != self.session))
        if state == _S.FAULT:
            parted = self.mismatch and train is not None and train.fresh
            return bool(restart or lost
                        or parted and train.shared == self._shared)
        return bool(lost and (state == _S.RETRAIN or self.up))

    def step(self, around: Around, start: bool) -> Happened:
        """One cycle; `start`: :meth:`starts_session`."""
        state, up, train = self.state, self.up, around.train
        fits = train is not None and train.shared == self._shared
        partner = fits and train.session == self.theirs
        exchanging = state in (_S.ALIGNED, _S.EXCHANGED)
        learns = fits and exchanging and train.fresh
        silence = up and self._silence == self._silence_cycles
        heard = around.tail or train if fits and (
            exchanging or partner and (up or state == _S.RETRAIN)) else around.tail
        out = bool(around.off or self.heard or self.struck)
        last = False
        if self._rest:
            self._rest -= 1
            if not self._rest:
                self.struck = 0
        strike = self._try(around)
        if strike:
            last = self._strike()
        if train is not None and not fits and state != _S.FAULT:
            after = _S.FAULT
            self.mismatch = sum(1 << k for k, (theirs, ours) in enumerate(
                zip(train.shared, self._shared, strict=True)) if theirs != ours)
        elif last:
            after = _S.FAULT
        else:
            match = (partner and train.echo == self.session and train.hears)
            after = self._next(around, match or around.tail is not None, learns, out,
                               silence or strike or partner and not train.hears)
        good = around.tail is not None or partner
        self._silence = 0 if not up or good or silence else self._silence + 1
        calm = around.calm and around.sleep and up
        self._calm = min(self._calm + 1, self._calm_cycles) if calm else 0
        if learns:
            self.theirs = train.session
        if heard is not None:
            self.heard = heard.off & self._every
        self._since += 1
        if after in UP:
            self.fresh = False
        self.state = after
        if start:
            self.begin_session()
        return Happened(heard is not None, after == _S.RETRAIN != state and not start, silence)

    def _try(self, around) -> bool:
        """Whether a replay that begins in this cycle is a strike."""
        if around.acked:
            self._tries = self._strikes = 0
            return False
        if not around.replay:
            return False
        self._tries += 1
        if self._tries < self._replay_limit:
            return False
        self._tries = 0
        return True

    def _strike(self) -> bool:
        """Take a lane out; whether it was the last strike."""
        self._strikes += 1
        lane = self._strikes - _QUIET_STRIKES - 1
        last = lane == self._lanes if self._lanes > 1 else lane == 0
        if 0 <= lane < self._lanes and not last:
            self.struck, self._rest = 1 << lane, self._rest_cycles
        return last

    def _next(self, around, matched, learns, out, parted) -> State:
        """The table of states, without what goes before everything else in it.

        `matched`: rule M, or a good tail; `out`: a lane is out; `parted`: silence, a strike, or
        the partner's train without `hears`."""
        state = self.state
        if state == _S.RESET:
            leaves = (self._since >= self._round_trip and not around.delivers
                      and not around.open and around.signal)
            return _S.LIGHT if leaves else state
        if state == _S.LIGHT:
            return _S.LOCK if around.locked else state
        if state == _S.LOCK:
            return _S.ALIGNED if around.aligned else state
        if state == _S.FAULT:
            return state
        if state == _S.RETRAIN:
            return _S.ACTIVE if around.aligned and matched else state
        if not around.aligned:
            return _S.RETRAIN if state in UP else _S.LOCK
        if state == _S.ALIGNED:
            # Who is known already is not fresh any more when it has been up since.
            return _S.EXCHANGED if learns or self.theirs else state
        if state == _S.EXCHANGED:
            return _S.ACTIVE if matched else state
        if parted:
            return _S.RETRAIN
        if self.asleep:
            return _S.SLEEP
        return _S.DEGRADED if out else _S.ACTIVE
