"""How long a link is without its partner after a fault (docs/faults.md has the derivation)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from lightloom.config import STAGES
from lightloom.sim.link import flight_cycles

MOST_TRIALS = 10
LOCK_ROWS = 32 * (2 + 4) + 64
"""Block lock: half of the 65 phases slipped through, 2 rows to a bad header and the 4 after it;
then 64 good headers."""


@dataclass(frozen=True)
class Times:
    """Cycles; a row is 66 bits of a lane, P rows lie between two markers."""

    row: float
    period: int        # P + 1 rows
    patience: int      # a lane without markers is taken out
    retry: int         # window of trial of a lane that is out
    hop: int           # a train, from its load to where it is judged, without the flight
    search: int        # bring-up time, after which an end sends on one lane

    @classmethod
    def of(cls, cfg) -> Times:
        d, serdes = cfg.derived, cfg.serdes
        row = 66 / d.lane_bits
        beat = ceil(row * max(1, d.blocks / serdes.lanes))
        # A train waits in A and B, behind up to 8 rows, then for its own.
        hop = (2 * beat + ceil(8 * row) + STAGES.adapter_tx + beat + STAGES.adapter_rx
               + STAGES.link_rx)
        return cls(row, serdes.marker_period + 1, d.lane_patience + 2 * serdes.lanes,
                   cfg.link.lane_retry_cycles, hop, d.bringup_cycles)

    def marker(self, cycle: float) -> int:
        """The cycle of the first marker row from `cycle` on; all run from one reset."""
        rows = ceil((cycle - STAGES.lane_start) / self.row / self.period) * self.period
        return STAGES.lane_start + ceil(max(rows, 0) * self.row)

    def aligned(self, marker: int, flight: int) -> int:
        """When the far end is aligned by the marker row after this one."""
        return self.marker(marker + 1) + ceil(self.row) + flight + STAGES.adapter_rx + 2

    def after_death(self, cycle: int, flight: int) -> tuple[int, int]:
        """A lane dies in `cycle`: when the sender leaves it out, and when the far end is aligned.

        The receiver finds it out, a train tells the sender, which changes its lanes with the next
        marker row.
        """
        asked = cycle + flight + self.patience + self.hop + flight
        marker = self.marker(asked)
        return marker, self.aligned(marker, flight)

    def after_return(self, cycle: int, flight: int, trials: int) -> tuple[int, int, int]:
        """A lane has light again from `cycle` on, and was tried before so many times: when the
        sender takes it in, and from when to when the far end is not aligned.

        It needs 2^trials windows without an error. An aligned receiver drops the marker row
        that shows the change: the next two align it.
        """
        locked = cycle + flight + LOCK_ROWS * self.row
        asked = (ceil(locked / self.retry) + 2 ** min(trials, MOST_TRIALS)) * self.retry
        marker = self.marker(asked + self.hop + flight)
        seen = marker + ceil(self.row) + flight + STAGES.adapter_rx
        return marker, seen, self.aligned(self.marker(marker + 1), flight)

    def after_light(self, cycle: int, dark: int, flight: int) -> int:
        """All lanes have light again from `cycle` on, after `dark` cycles: when the far end is
        aligned.

        After a long time the sender searches on one lane; once heard it changes to all.
        """
        aligned = self.aligned(self.marker(cycle + LOCK_ROWS * self.row), flight)
        if dark > self.search:
            change = self.marker(aligned + self.hop + flight)
            aligned = self.aligned(self.marker(change + 1), flight)
        return aligned


def flights(cfg, topology):
    """int64[link ends]: of what arrives at each end."""
    return flight_cycles(cfg, topology.length_m)[topology.peers]
