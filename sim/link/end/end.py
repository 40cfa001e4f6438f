"""One link end at its boundary."""

from __future__ import annotations

from ..lanes import LanePolicyModel, TransmitLanesModel
from .format import Format
from .ports import Inputs, Outputs, Status
from .receive import Receiver
from .training import Around, Training
from .transmit import Transmitter, View

_MOST, _MOST_STALLED = 2**16 - 1, 2**32 - 1
_COUNTERS = ("frames", "crc_errors", "gaps", "duplicates", "replays", "timeouts", "bad_acks",
             "retrains", "link_downs", "sessions", "lane_removals", "lost_flits", "aborts")


class EndModel:
    """A link end out of reset; the first step is cycle 0.

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        self._cfg = cfg
        self._reset()

    def _reset(self):
        cfg = self._cfg
        form = Format(cfg)
        self._tx, self._rx = Transmitter(cfg, form), Receiver(cfg, form)
        self._training = Training(cfg, form)
        self._policy, self._lanes = LanePolicyModel(cfg), TransmitLanesModel(cfg)
        self._counts = [0] * len(_COUNTERS)
        self._stalled = (0,) * cfg.chiplet.vcs

    def step(self, inputs: Inputs) -> Outputs:
        """One cycle: what is visible in it; registers are written at its end.

        What is offered, and the lanes that are out, do not depend on the inputs of the cycle, so
        one may look at them first: :attr:`beat`, :attr:`lanes_off`.
        """
        tx, rx, training = self._tx, self._rx, self._training
        aligned = inputs.aligned
        judged = rx.judged
        train = tail = None
        if judged is not None and judged.fields is not None:
            if judged.is_tail:
                tail = judged.fields if training.accepts else None
            elif training.takes_trains:
                train = judged.fields
        off, removals = self._policy.step(aligned, inputs.wires)
        start = training.starts_session(train, inputs.restart)
        outputs = tx.beat, rx.flit, tx.credit
        status = (training.state, training.session, training.theirs, training.mismatch, off,
                  training.heard, *self._counts, self._stalled)
        heard, struck, asleep = training.heard, training.struck, training.asleep
        delivers, calm = rx.delivers(), tx.calm()
        in_reset, accepts, unclosed = training.state == 0, training.accepts, rx.has_open()
        sent = tx.step(
            View(training.up, training.hears(aligned), training.fresh, training.session,
                 training.theirs, rx.expected, rx.nak, rx.nak_epoch, off, rx.limits),
            inputs.flit, inputs.ready, tail, start)
        got, aborted = rx.step(
            inputs.beat, training.theirs + 256 * training.session, inputs.credit, accepts,
            in_reset, start)
        trained = training.step(Around(
            train, tail, aligned, any(wire[0] for wire in inputs.wires),
            any(wire[1] for wire in inputs.wires), inputs.restart, inputs.sleep, sent.replay,
            sent.acked, calm, off, delivers, unclosed), start)
        lanes_off = self._lanes.step(aligned, heard, trained.heard, struck, asleep)
        events = (*got, sent.replay, sent.timeout, sent.bad_ack, trained.retrain, trained.silence,
                  start, removals, sent.lost, aborted)
        if any(events):
            self._counts = [min(_MOST, count + event)
                            for count, event in zip(self._counts, events, strict=True)]
        if sent.stalled:
            self._stalled = tuple(min(_MOST_STALLED, count + (sent.stalled >> vc & 1))
                                  for vc, count in enumerate(self._stalled))
        if inputs.rst:
            self._reset()
        return Outputs(*outputs, lanes_off, Status(*status))

    @property
    def beat(self):
        """The beat that is offered in the coming cycle, or None."""
        return self._tx.beat

    @property
    def lanes_off(self) -> int:
        """`lanes_off` of the coming cycle."""
        training = self._training
        return self._lanes.off(training.heard, training.struck, training.asleep)
