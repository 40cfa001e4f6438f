"""Barrel shifter."""

from amaranth import Cat, Const, Mux, Signal


def shift_up(m, value, amount, *, stride, width, name):
    """`value` moved up by `amount` * `stride` bits, zeros below, cut to `width` bits.

    One multiplexer for each bit of `amount`, smallest step last: its early stages are narrow.
    """
    for bit in reversed(range(len(amount))):
        step = stride << bit
        moved = Signal(min(width, len(value) + step), name=f"{name}_{step}")
        m.d.comb += moved.eq(Mux(amount[bit], Cat(Const(0, step), value), value))
        value = moved
    result = Signal(width, name=name)
    m.d.comb += result.eq(value)
    return result

