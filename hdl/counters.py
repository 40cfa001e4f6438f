"""Event counters that users read: they saturate, so a full one never looks like a small one."""

from amaranth import Const, Mux


def count(counter, event, *, clear=None):
    """Statement that adds `event`, one or a number, to `counter` until it is full.

    `clear` lets it restart; the event of that cycle then counts already.
    """
    total = counter + event
    if clear is not None:
        total = Mux(clear, event, total)
    return counter.eq(Mux(total[len(counter):].any(), Const(-1, len(counter)), total))
