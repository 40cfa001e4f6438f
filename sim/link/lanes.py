"""Which lanes are used, by both ends of a link, cycle by cycle (docs/link.md, Lanes).

A set of lanes is an int, bit l for lane l. Both models are independent of the RTL: they follow
from the page alone.
"""

from __future__ import annotations

from typing import NamedTuple

from lightloom.config import LANE_LEAK_CYCLES

MOST_REMOVALS = 10
"""Taken out more often than this, a lane waits no longer for its next trial."""


class WireHealth(NamedTuple):
    """What the adapter says of a received wire in a cycle; each 0 or 1, `lane` 0 to 15."""

    signal: int
    locked: int
    marker_lock: int
    lane: int
    error: int


class _Wire:
    """Registers of one received wire."""

    def __init__(self):
        self.number = None     # the lane that its markers said last
        self.level = 0         # errors, less the leak
        self.lost = 0          # cycles running without markers, while another wire has them
        self.out = False       # its lane is out
        self.removals = 0      # k: times that it was taken out
        self.good = 0          # cycles running with markers and without error
        self.used = 0          # cycles in use since it was taken out


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
        self._cycle = 0

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
        wires = [WireHealth(*wire) for wire in wires]
        lanes = self._numbers()
        off = self._off(lanes)
        due = set()
        leak = self._cycle % LANE_LEAK_CYCLES == LANE_LEAK_CYCLES - 1
        self._cycle += 1
        with_markers = sum(bool(wire.marker_lock) for wire in wires)
        for number, (own, wire) in enumerate(zip(self._wires, wires, strict=True)):
            level = own.level + bool(wire.error)
            if level >= self._budget:
                due.add(number)
                level = 0
            own.level = max(0, level - leak)
            others = with_markers - bool(wire.marker_lock)
            own.lost = own.lost + 1 if not (wire.marker_lock or aligned) and others else 0
            if own.lost >= self._patience:
                due.add(number)
                own.lost = 0
        fresh = sorted(number for number in due if not self._wires[number].out)
        after = off
        for number in fresh:
            after |= (1 << lanes[number]) & (1 << self._lanes) - 1
        if after == (1 << self._lanes) - 1:
            fresh, after = [], off
        for number, (own, wire) in enumerate(zip(self._wires, wires, strict=True)):
            own.good = own.good + 1 if wire.marker_lock and not wire.error else 0
            if number in fresh:
                own.out, own.good, own.used = True, 0, 0
                own.removals = min(own.removals + 1, MOST_REMOVALS)
            elif own.out:
                if own.good >= self._retry << own.removals:
                    own.out, own.used = False, 0
            else:
                own.used += 1
                if own.used >= self._retry << MOST_REMOVALS:
                    own.removals, own.used = 0, 0
            if wire.marker_lock:
                own.number = wire.lane
        return off, (after & ~off).bit_count()

    def _numbers(self) -> list[int]:
        """The lane of each wire; a wire that never had markers has one that no other has."""
        taken = {wire.number for wire in self._wires}
        free = iter([lane for lane in range(self._lanes) if lane not in taken])
        return [next(free) if wire.number is None else wire.number for wire in self._wires]

    def _off(self, lanes) -> int:
        off = 0
        for wire, lane in zip(self._wires, lanes, strict=True):
            off |= wire.out << lane
        return off & (1 << self._lanes) - 1


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
        every = (1 << self._lanes) - 1
        off = heard | struck
        if asleep:
            kept = next((lane for lane in range(self._lanes) if not off >> lane & 1), 0)
            off |= every & ~(1 << kept)
        if self._searching:
            off = every & ~(1 << self._pick)
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
