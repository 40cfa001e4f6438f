"""Event counters that users read: they saturate, so a full one never looks like a small one."""

from amaranth import Mux


def count(counter, event):
    """Statement that adds one to `counter` on `event`, until it is full."""
    return counter.eq(Mux(counter.all(), counter, counter + event))
