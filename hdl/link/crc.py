"""CRC-32C over whole beats, in one combinational step (RFC 3720, App. B.4).

The algorithm is that of `amaranth.lib.crc`; its software half gives the columns of the matrix
that one beat applies, so that beats of any width share one definition.
"""

from functools import lru_cache

from amaranth import Cat, Const
from amaranth.lib.crc.catalog import CRC32_ISCSI

CRC_BITS = 32
INIT = (1 << CRC_BITS) - 1


def compute(message: bytes) -> int:
    """CRC-32C of `message`."""
    return CRC32_ISCSI(data_width=8).compute(message)


@lru_cache
def _rows(width: int) -> list[int]:
    """For each CRC bit, the mask of the data bits that it is the parity of (`width` >= 32)."""
    unit = [compute((1 << bit).to_bytes(width // 8, "little")) for bit in range(width)]
    zero = compute(bytes(width // 8))
    return [sum(1 << bit for bit in range(width) if (unit[bit] ^ zero) >> row & 1)
            for row in range(CRC_BITS)]


def update(state, data):
    """CRC register after `data`, bit 0 first; a reflected register enters with the first bits."""
    mixed = data ^ state
    return Cat((mixed & Const(mask, len(data))).xor() for mask in _rows(len(data)))


def seed(sender, receiver):
    """Register before a frame: a frame of another session fails (docs/link.md, Sessions)."""
    return Const(INIT, CRC_BITS) ^ Cat(sender, receiver)


@lru_cache
def residue() -> int:
    """Register after any message and its complemented CRC."""
    message = bytes(8)
    return compute(message + compute(message).to_bytes(4, "little")) ^ INIT
