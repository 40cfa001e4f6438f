"""The line code on Python's integers: a block at a time, as a step needs it (docs/serdes.md).

The models over whole runs have the same on arrays, compiled, in :mod:`lightloom.sim.serdes`.
"""

from __future__ import annotations

_BLOCK = 2**64 - 1


def scrambled(data: int, before: int) -> int:
    """One payload of 64 bits, scrambled; `before` is the payload sent before it."""
    low = data ^ before >> 25 ^ before >> 6
    return low ^ (low << 39 ^ low << 58) & _BLOCK


def descrambled(sent: int, before: int) -> int:
    """One payload, descrambled; `before` is the payload received before it."""
    return (sent ^ before >> 25 ^ before >> 6) ^ (sent << 39 ^ sent << 58) & _BLOCK


def bip_of(sent: int, first: int, second: int) -> int:
    """What a block adds to `bip`: the scrambled payload, and the two bits of its header."""
    sent ^= sent >> 32
    sent ^= sent >> 16
    sent ^= sent >> 8
    return sent & 0xFF ^ first << 3 ^ second << 4
