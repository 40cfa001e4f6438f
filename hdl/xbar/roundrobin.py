"""Round-robin choice on request vectors, one-hot throughout."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component


def at_or_above(x):
    """Mask of the positions at or above the lowest set bit of `x`.

    By doubling: as deep as the logarithm of the width, where a subtraction has a carry chain.
    """
    reach = 1
    while reach < len(x):
        x = x | (x << reach)[: len(x)]
        reach *= 2
    return x


def above(x):
    """Mask of the positions above the lowest set bit of `x`."""
    return (at_or_above(x) << 1)[: len(x)]


def lowest_set(x):
    """The lowest set bit of `x`, alone."""
    return x & ~above(x)


def first_from(requests, mask):
    """The first of `requests`, cyclically, where `mask` are the positions from a pointer upwards.

    Both choices side by side instead of a rotation; a mask of zero is pointer 0 again.
    """
    late = requests & mask
    return Mux(late.any(), lowest_set(late), lowest_set(requests))


class RoundRobin(Component):
    """Picks the first request from a pointer upwards, cyclically.

    Parameters
    ----------
    width : int
        Number of requesters.
    turns : int
        Number of pointers, each for some of the cycles.

    Attributes
    ----------
    requests : In(width)
    turn : In(turns)
        One-hot: the pointer of this cycle; only where there is more than one.
    grant : Out(width)
        One-hot, combinational; zero when there is no request.
    advance : In(1)
        Move the pointer past the granted requester at the end of this cycle.
    """

    positions_above = staticmethod(above)

    def __init__(self, width: int, turns: int = 1):
        self._turns = turns
        super().__init__({
            "requests": In(width), "grant": Out(width), "advance": In(1),
            **({"turn": In(turns)} if turns > 1 else {}),
        })

    def elaborate(self, platform):
        m = Module()
        width = len(self.requests)
        turn = self.turn if self._turns > 1 else Const(1, 1)
        # Of each pointer the positions at or above it.
        masks = [Signal(width, init=-1, name=f"mask_{k}") for k in range(self._turns)]
        m.d.comb += self.grant.eq(first_from(self.requests, onehot_mux(turn, masks)))
        for k, mask in enumerate(masks):
            with m.If(self.advance & turn[k]):
                m.d.sync += mask.eq(self.positions_above(self.grant))
        return m


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
