"""Bit-interleaved parity of a lane's blocks, as in IEEE 802.3 cl. 82.2.8."""

from amaranth import Cat

BITS = 8
HEADER_PLACES = (3, 4)
"""Bits of the parity to which the two header bits are added."""


def parity(header, payload):
    """What a block adds to the parity; a value of 8 bits.

    Parameters
    ----------
    header, payload : value or int
        As on the line: the payload scrambled.
    """
    return Cat(_bit(header, payload, i) for i in range(BITS))


def parity_of(header: int, payload: int) -> int:
    """:func:`parity` of numbers."""
    value = 0
    for i in range(BITS):
        members = sum(1 << p for p in range(i, 64, BITS))
        value |= ((payload & members).bit_count() & 1) << i
    for bit, place in enumerate(HEADER_PLACES):
        value ^= (header >> bit & 1) << place
    return value


def _bit(header, payload, i):
    bits = Cat(payload[i::BITS])
    if i in HEADER_PLACES:
        bits = Cat(bits, header[HEADER_PLACES.index(i)])
    return bits.xor()
