"""The 64b/66b line code: sync headers and the self-synchronous scrambler (IEEE 802.3 cl. 49.2)."""

from amaranth import Cat

from ..interfaces import BlockType

PAYLOAD, CODED = 64, 66
"""Bits of a block before and after its header is put in front."""

STATE = 58
TAPS = (39, 58)
"""x^58 + x^39 + 1 (cl. 49.2.6): a scrambled bit is the XOR of its data bit and the bits sent
that many bits before it."""

MARKER_BITS = 24
"""Bits of a marker that say something: type, lane number, its complement."""


def scramble(payload, before):
    """Scrambled bits of `payload`, bit 0 first, as a value as wide.

    Parameters
    ----------
    payload : value of n bits
    before : value of at least `STATE` bits
        What was sent before it, scrambled, the latest in its top bit.
    """
    sent, step = before[-STATE:], min(TAPS)
    for low in range(0, len(payload), step):
        # As many bits at once as depend on none of each other: whole vectors, for simulators.
        part = payload[low:low + step]
        for tap in TAPS:
            part = part ^ sent[len(sent) - tap:][:len(part)]
        sent = Cat(sent, part)
    return sent[STATE:]


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


def marker(lane: int) -> int:
    """Payload of the `MARKER` block of a lane (docs/units.md)."""
    return BlockType.MARKER.value | lane << 8 | (lane ^ 0xFF) << 16
