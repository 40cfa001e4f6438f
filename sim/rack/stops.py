"""Where a run stops: for events of a timeline of faults, and at the latest."""

from __future__ import annotations

from lightloom.config import ConfigError
from lightloom.sim.link.records import MOST_CYCLES


def check_cycles(cycles: int) -> None:
    """Raises ConfigError where a run is longer than its counts."""
    if cycles > MOST_CYCLES:
        raise ConfigError(f"cycles = {cycles}: must be at most {MOST_CYCLES:,}")


def next_stop(timeline, fabric, cycle: int, end: int) -> int:
    """Apply what a timeline has for `cycle`; where to stop for its next event, at most `end`."""
    if timeline is None:
        return end
    if timeline.next(cycle) <= cycle:
        timeline.apply(fabric, cycle)
    return min(end, max(timeline.next(cycle + 1), cycle + 1))
