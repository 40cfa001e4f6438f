"""Round-robin choice on request vectors, one-hot throughout."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


def lowest_set(x):
    """The lowest set bit of `x`, alone."""
    return (x & -x)[: len(x)]


class RoundRobin(wiring.Component):
    """Picks the first request from a pointer upwards, cyclically.

    The pointer is kept as a mask of the positions at or above it, which makes the choice two
    carry chains instead of a rotation; a mask of zero is pointer 0 again.

    Parameters
    ----------
    width : int
        Number of requesters.

    Attributes
    ----------
    requests : In(width)
    grant : Out(width)
        One-hot, combinational; zero when there is no request.
    advance : In(1)
        Move the pointer past the granted requester at the end of this cycle.
    """

    def __init__(self, width: int):
        super().__init__({"requests": In(width), "grant": Out(width), "advance": In(1)})

    def elaborate(self, platform):
        m = Module()
        width = len(self.requests)
        mask = Signal(width, init=-1)
        above = Signal(width)
        m.d.comb += [
            above.eq(self.requests & mask),
            self.grant.eq(lowest_set(Mux(above.any(), above, self.requests))),
        ]
        with m.If(self.advance):
            m.d.sync += mask.eq(self.positions_above(self.grant))
        return m

    @staticmethod
    def positions_above(grant):
        """Mask of the positions above the one-hot `grant`."""
        return ~(grant | (grant - Const(1, len(grant))))


def onehot_when(enable, index, count: int):
    """One-hot of `index` among `count` if `enable`; zero, whatever `index` is, if not.

    Compares rather than shifts: in simulation an unknown index of an invalid flit stays harmless.
    """
    return Cat(enable & (index == i) for i in range(count))


def onehot_mux(onehot, values):
    """AND-OR selection: the value whose `onehot` bit is set, else zero."""
    result = 0
    for i, value in enumerate(values):
        result = result | (value & onehot[i].replicate(len(value)))
    return result
