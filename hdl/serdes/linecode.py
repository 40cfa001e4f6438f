"""The 64b/66b line code: sync headers and the self-synchronous scrambler (IEEE 802.3 cl. 49.2)."""

from functools import reduce
from itertools import groupby
from operator import xor

from amaranth import Cat

PAYLOAD, CODED = 64, 66
"""Bits of a block before and after its header is put in front."""

STATE = 58
TAPS = (39, 58)
"""x^58 + x^39 + 1 (cl. 49.2.6): a scrambled bit is the XOR of its data bit and the bits sent
that many bits before it."""


def shift_register(bits: int, state: int, taps, data: bool):
    """What each bit out of a linear feedback shift register is the XOR of.

    Parameters
    ----------
    bits, state : int
        Bits out, and bits before them.
    taps : iterable of int
        Distances of the bits whose XOR the next one is.
    data : bool
        A data bit, too.

    Returns
    -------
    list of set
        Numbers below `state` are bits before, the earliest first; above, the data bits. What
        occurs twice has cancelled out: fewer inputs than the plain recurrence unrolled.
    """
    out = []
    for i in range(bits):
        places = {state + i} if data else set()
        for tap in taps:
            places = places ^ ({state + i - tap} if i < tap else out[i - tap])
        out.append(places)
    return out


def combine(source, sets):
    """The XORs of the bits of `source` that `sets` name, as one value."""
    parts, first = [], 0
    # Sets that follow from each other by a shift make a vector: simulators are quicker with it.
    shapes = (frozenset(place - i for place in places) for i, places in enumerate(sets))
    for shape, run in groupby(shapes):
        length = len(list(run))
        parts.append(reduce(xor, (source[first + place:][:length] for place in sorted(shape))))
        first += length
    return Cat(parts)


def scramble(payload, before):
    """Scrambled bits of `payload`, bit 0 first, as a value as wide.

    Parameters
    ----------
    payload : value of n bits
    before : value of at least `STATE` bits
        What was sent before it, scrambled, the latest in its top bit.
    """
    return combine(Cat(before[-STATE:], payload),
                   shift_register(len(payload), STATE, TAPS, data=True))


def descramble(scrambled, before):
    """Undo :func:`scramble`; no feedback, so a bit error spoils three bits and no more."""
    seen = Cat(before[-STATE:], scrambled)
    plain = scrambled
    for tap in TAPS:
        plain = plain ^ seen[STATE - tap:][:len(scrambled)]
    return plain


def header(ctrl):
    """Sync header, bit 0 first on the wire: data 01, control 10 in order of transmission."""
    return Cat(ctrl, ~ctrl)
