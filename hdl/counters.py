"""Event counters that users read: they saturate, so a full one never looks like a small one."""

from amaranth import Const, Mux, Signal


def count(counter, event, *, clear=None):
    """Statement that adds `event`, one or a number, to `counter` until it is full.

    `clear` lets it restart; the event of that cycle then counts already.
    """
    if clear is None and len(event) == 1:
        return counter.eq(counter + (event & ~counter.all()))
    total = counter + event
    if clear is not None:
        total = Mux(clear, event, total)
    return counter.eq(Mux(total[len(counter):].any(), Const(-1, len(counter)), total))


def later(m, event):
    """`event` one cycle later."""
    register = Signal.like(event, name="event")
    m.d.sync += register.eq(event)
    return register
