"""Where a run stops for events of a timeline of faults."""

from __future__ import annotations


def next_stop(timeline, fabric, cycle: int, end: int) -> int:
    """Apply what a timeline has for `cycle`; where to stop for its next event, at most `end`."""
    if timeline is None:
        return end
    if timeline.next(cycle) <= cycle:
        timeline.apply(fabric, cycle)
    return min(end, max(timeline.next(cycle + 1), cycle + 1))
