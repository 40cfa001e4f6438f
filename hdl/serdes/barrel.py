"""Barrel shifter."""

from amaranth import Cat, Const, Mux, Signal


def shift_up(m, value, amount, *, stride, width, name, smallest_first=False):
    """`value` moved up by `amount` * `stride` bits, zeros below, cut to `width` bits.

    One multiplexer for each bit of `amount`. Smallest step first is smaller for a value that is
    narrow beside the result (on ECP5, the receive gearbox of 32-bit words by 40 %), and larger
    for rows of blocks.
    """
    bits = range(len(amount))
    for bit in bits if smallest_first else reversed(bits):
        step = stride << bit
        moved = Signal(min(width, len(value) + step), name=f"{name}_{step}")
        m.d.comb += moved.eq(Mux(amount[bit], Cat(Const(0, step), value), value))
        value = moved
    result = Signal(width, name=name)
    m.d.comb += result.eq(value)
    return result
