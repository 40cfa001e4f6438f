"""Parameters of a lane's Reed-Solomon code, and how its message lies in blocks (docs/fec.md)."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

PAYLOAD = 64
"""Payload bits of a block."""


def reduced(value: int, polynomial: int) -> int:
    """`value` modulo `polynomial`, both over GF(2), bit k the coefficient of x^k."""
    degree = polynomial.bit_length() - 1
    while value.bit_length() > degree:
        value ^= polynomial << value.bit_length() - 1 - degree
    return value


@dataclass(frozen=True)
class Code:
    """A code over GF(2^m) whose codeword is `data_blocks` blocks, then `parity_blocks` blocks.

    The message is the bits of the data blocks: of each the `ctrl` bit, `ctrl_bits` - 1 zeros that
    are never sent, and the payload; then zeros up to a whole symbol. A symbol's first bit is its
    LSB, the first symbol has the highest degree. Each parity block holds equally many parity
    symbols from bit 0 up, then zeros.

    Parameters
    ----------
    name : str
    m : int
        Bits of a symbol.
    polynomial : int
        Primitive polynomial with root alpha = x; bit k is the coefficient of x^k.
    parity : int
        Parity symbols: the generator's roots are alpha^`first_root` and the `parity` - 1 after it.
    correct : int
        Symbols that the decoder corrects at most; up to `parity` - `correct` are surely flagged.
    data_blocks, parity_blocks : int
    ctrl_bits : int
        Bits of the message that a `ctrl` bit takes.
    scan : int
        Cycles in which the decoder looks for the locator's roots; it looks at `scan_symbols`
        places at once.

    Raises
    ------
    ValueError
        When there is no such code, or the decoder could not keep up.
    """

    name: str
    m: int
    polynomial: int
    parity: int
    correct: int
    data_blocks: int
    parity_blocks: int
    scan: int
    first_root: int = 0
    ctrl_bits: int = 1

    def __post_init__(self):
        def need(good, text):
            if not good:
                raise ValueError(f"code {self.name}: {text}")

        order, element = 1, 2
        while element != 1 and order < 2**self.m:
            element, order = reduced(element << 1, self.polynomial), order + 1
        need(self.polynomial.bit_length() == self.m + 1 and order == 2**self.m - 1,
             f"polynomial {self.polynomial:#x} is not primitive of degree {self.m}")
        need(1 <= self.correct <= self.parity // 2,
             f"correct is {self.correct}; {self.parity} parity symbols correct "
             f"1 to {self.parity // 2}")
        need(self.n < 2**self.m, f"{self.n} symbols, at most {2**self.m - 1} in GF(2^{self.m})")
        need(self.parity % self.parity_blocks == 0,
             f"{self.parity} parity symbols do not divide into {self.parity_blocks} blocks")
        need(self.block_parity * self.m <= PAYLOAD,
             f"{self.block_parity} parity symbols of {self.m} bits do not fit in a block")
        need(self.m <= self.block_bits, f"a symbol of {self.m} bits is more than a block")
        need(4 <= self.scan <= self.slots - 2 * self.correct - 3,
             f"scan is {self.scan}, not within 4..{self.slots - 2 * self.correct - 3}: the "
             "decoder must be done before the next codeword ends")

    @property
    def slots(self) -> int:
        """Blocks of a codeword."""
        return self.data_blocks + self.parity_blocks

    @property
    def block_bits(self) -> int:
        """Bits of the message in a data block."""
        return self.ctrl_bits + PAYLOAD

    @property
    def k(self) -> int:
        """Symbols of the message."""
        return -(-self.data_blocks * self.block_bits // self.m)

    @property
    def n(self) -> int:
        """Symbols of the codeword."""
        return self.k + self.parity

    @property
    def block_parity(self) -> int:
        """Parity symbols of a parity block."""
        return self.parity // self.parity_blocks

    @property
    def turns(self) -> int:
        """After so many blocks a block begins on a symbol again."""
        return self.m // gcd(self.block_bits, self.m)

    def offset(self, slot: int) -> int:
        """Bits that the symbol in which data block `slot` begins has of the block before."""
        return slot * self.block_bits % self.m

    def completed(self, slot: int) -> int:
        """Symbols that block `slot` completes."""
        if slot >= self.data_blocks:
            return self.block_parity
        bits = self.offset(slot) + self.block_bits
        return -(-bits // self.m) if slot == self.data_blocks - 1 else bits // self.m

    def stride(self, turn: int) -> int:
        """Symbols from the one in which a block begins to that of the next block."""
        return (self.offset(turn) + self.block_bits) // self.m

    @property
    def sizes(self) -> list[int]:
        """The values that `completed` has, ascending."""
        return sorted({self.completed(slot) for slot in range(self.slots)})

    @property
    def group(self) -> int:
        """Most symbols that a block completes."""
        return self.sizes[-1]

    @property
    def touched(self) -> int:
        """Most symbols that a block has bits of."""
        return max(-(-(self.offset(t) + self.block_bits) // self.m) for t in range(self.turns))

    @property
    def scan_symbols(self) -> int:
        """Places that the decoder looks at in a cycle."""
        return -(-self.n // self.scan)

    @property
    def latency(self) -> int:
        """Cycles from the codeword's last block into the decoder to its first block out."""
        return 2 * self.correct + self.scan + 4


RS152 = Code("rs152", m=8, polynomial=0x11D, parity=8, correct=3, data_blocks=16,
             parity_blocks=1, ctrl_bits=8, scan=4)
"""RS(152,144), shortened from RS(255,247): distance 9, of which 3 errors are corrected."""

RS544 = Code("rs544", m=10, polynomial=0x409, parity=30, correct=15, data_blocks=79,
             parity_blocks=5, scan=34)
"""RS(544,514) of IEEE 802.3 cl. 91.5.2.7 (its message is ours)."""

CODES = {code.name: code for code in (RS152, RS544)}
