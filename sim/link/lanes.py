"""Which lanes are used, by both ends of a link, cycle by cycle (docs/link.md, Lanes).

A set of lanes is an int, bit l for lane l. Both models are independent of the RTL: they follow
from the page alone.
"""

from __future__ import annotations

from lightloom.config import LANE_LEAK_CYCLES

MOST_TRIALS = 10
"""A lane that was taken out is tried again after 2^k windows; k grows up to this."""

_MARKER_LOCK, _LANE, _ERROR = 2, 3, 4
"""Places in the health of a wire: (signal, locked, marker_lock, lane, error)."""


class _Wire:
    """Registers of one received wire; `number` is None, or the lane that its markers said last."""

    def __init__(self):
        self.number = None
        self.level = self.k = self.windows = 0
        self.out = self.clean = False
        self.spoilt = False      # an error since its last turn


class LanePolicyModel:
    """The end that receives: which lanes the partner is to take out.

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        self._lanes = cfg.serdes.lanes
        self._budget = cfg.link.lane_budget
        self._patience = cfg.derived.lane_patience
        self._retry = cfg.link.lane_retry_cycles
        self._wires = [_Wire() for _ in range(self._lanes)]
        self._cycle = self._wait = self._removals = 0
        self._free = list(range(self._lanes))
        self._off = self._next_off = 0

    def step(self, aligned, wires) -> tuple[int, int]:
        """One cycle.

        Parameters
        ----------
        aligned : bool
            The adapter's receiver is aligned.
        wires : sequence of (signal, locked, marker_lock, lane, error)

        Returns
        -------
        off : int
            The lanes that are out, as visible in this cycle.
        removals : int
            Lanes taken out, counted at the end of this cycle.
        """
        if self._lanes == 1:
            return 0, 0
        off, removals = self._off, self._removals
        cycle, lanes = self._cycle, self._lanes
        for own, wire in zip(self._wires, wires, strict=True):
            own.spoilt |= bool(wire[_ERROR])
        turn = cycle % lanes
        with_markers = sum(bool(wire[_MARKER_LOCK]) for wire in wires)
        self._removals = self._turn(self._wires[turn], wires[turn], aligned, with_markers)
        if turn == lanes - 1:
            self._off, self._next_off = self._next_off, 0
            taken = {own.number for own in self._wires}
            self._free = [number for number in range(lanes) if number not in taken]
        full = self._wait == self._patience + lanes - 1
        self._wait = 0 if aligned or not with_markers or full else self._wait + 1
        self._cycle += 1
        return off, removals

    def _turn(self, own, wire, aligned, with_markers) -> int:
        """A wire's turn; whether it is taken out."""
        lock, bad, own.spoilt = bool(wire[_MARKER_LOCK]), own.spoilt, False
        if lock:
            own.number = wire[_LANE]
        number = self._free.pop(0) if own.number is None else own.number
        retry_turn = self._cycle % self._retry < self._lanes
        good = own.clean and lock and not bad
        own.clean = retry_turn or good
        was_out, removed = own.out, 0
        if not was_out:
            removed = self._judge(own, bad, retry_turn, self._patience <= self._wait and not (
                lock or aligned) and with_markers > 0)
        elif retry_turn:
            own.windows = own.windows + 1 if good else 0
            if own.windows == 1 << own.k:
                own.out, own.windows = False, 0
                own.k = min(own.k + 1, MOST_TRIALS)
        if own.out and number < self._lanes:
            self._next_off |= 1 << number
        return removed

    def _judge(self, own, bad, retry_turn, lost) -> int:
        """Whether a wire in use is taken out; `lost`: it has been without markers for long."""
        leak_turn = self._cycle % LANE_LEAK_CYCLES < self._lanes
        own.level = max(0, own.level + bad - leak_turn)
        own.windows += retry_turn
        due = lost
        if own.level == self._budget:
            due, own.level = True, 0
        if due and sum(wire.out for wire in self._wires) < self._lanes - 1:
            own.out, own.level, own.windows = True, 0, 0
            return 1
        if own.windows == 1 << MOST_TRIALS:
            own.k = own.windows = 0
        return 0


class TransmitLanesModel:
    """The end that sends: `lanes_off` of its adapter.

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        self._lanes = cfg.serdes.lanes
        self._wait = cfg.derived.bringup_cycles
        self._timer = 0
        self._searching = False
        self._pick = 0

    def step(self, aligned, heard, taken, struck, asleep) -> int:
        """One cycle.

        Parameters
        ----------
        aligned : bool
        heard : int
            The partner's `off`, as visible in this cycle.
        taken : bool
            `heard` is taken at the end of this cycle.
        struck : int
            The lane that strikes took out, as a set; 0 if none.
        asleep : bool

        Returns
        -------
        int
            `lanes_off` as visible in this cycle.
        """
        off = self.off(heard, struck, asleep)
        if self._lanes == 1:
            return 0
        if aligned:
            self._timer = 0
        elif self._timer == self._wait:
            self._timer = 0
            if self._searching:
                self._pick = (self._pick + 1) % self._lanes
            self._searching = True
        else:
            self._timer += 1
        if taken:
            self._searching = False
        return off

    def off(self, heard, struck, asleep) -> int:
        """`lanes_off` as visible in the coming cycle; arguments as of :meth:`step`."""
        if self._lanes == 1:
            return 0
        every = (1 << self._lanes) - 1
        if self._searching:
            return every & ~(1 << self._pick)
        off = heard | struck
        if asleep:
            rest = ~off
            off = every & ~(rest & -rest)
        return off
