"""What errors on the line do to a frame's CRC (docs/framing.md).

CRC and descrambler are linear: the syndrome of a set of errors is the XOR of theirs, whatever the
frame holds and whatever the CRC starts from, and the CRC misses a set if and only if that is 0.
"""

from __future__ import annotations

from math import comb

import numpy as np
from numba import njit

CRC_BITS = 32
POLYNOMIAL = 0x82F63B78
"""CRC-32C, 0x1EDC6F41 reflected (RFC 3720, App. B.4): bit 31 - i is the coefficient of x^i."""

TAPS = 39, 58
"""Descrambled, a wrong bit spoils the bits so much later too (x^58 + x^39 + 1)."""


def frame_syndromes(bits: int) -> np.ndarray:
    """Syndrome of each bit of a frame of so many bits, its CRC the last of them: uint32[bits]."""
    out, register = np.empty(bits, np.uint32), POLYNOMIAL
    for at in reversed(range(bits)):
        out[at] = register
        register = register >> 1 ^ (POLYNOMIAL if register & 1 else 0)
    return out


def _spoilt(here, after):
    """Syndrome and weight [2, n, 64] of wrong bits in blocks, given the next of their lanes."""
    both = np.concatenate([here, after], axis=-1)
    out = here.copy()
    out[0] ^= both[0, :, TAPS[0]:][:, :64] ^ both[0, :, TAPS[1]:][:, :64]
    out[1] += both[1, :, TAPS[0]:][:, :64] + both[1, :, TAPS[1]:][:, :64]
    return out


def _blocks(blocks, lanes):
    """Syndromes and ones [2, blocks + 2 lanes, 64] of a frame's blocks, others around them."""
    out = np.zeros((2, blocks + 2 * lanes, 64), np.uint32)
    out[0, lanes:-lanes] = frame_syndromes(64 * blocks).reshape(blocks, 64)
    out[1, lanes:-lanes] = 1
    return out


def line_syndromes(blocks: int, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """What each payload bit on the line does to a frame that is sent without a gap.

    Block k of a frame is followed on its lane by block k + `lanes`, wherever in a row it stands.

    Parameters
    ----------
    blocks : int
        64-bit blocks of the frame, tail included.
    lanes : int
        Live lanes.

    Returns
    -------
    syndrome : uint32[lanes + blocks, 64]
        Of the `lanes` blocks before the frame, whose last bits spill in, and of its own. Header
        bits are left out: the receiver sees a wrong one without the CRC.
    weight : uint32[lanes + blocks, 64]
        How many bits of the frame are spoilt, 0 to 3.
    """
    grid = _blocks(blocks, lanes)
    return tuple(_spoilt(grid[:, :-lanes], grid[:, lanes:]))


def all_line_syndromes(blocks: int, lanes: int) -> np.ndarray:
    """Syndromes of every error on the line that can spoil a frame of any length up to `blocks`.

    Seen from its end a shorter frame, or one with markers and idle rows anywhere, differs in
    where the blocks of others begin and end: each block is taken with its next and without, and
    each next without the block. One entry for each set of bits that is spoilt.
    """
    grid = _blocks(blocks, lanes)
    here, after = grid[:, :-lanes], grid[:, lanes:]
    nothing, mine = np.zeros_like(here), (here[1] * after[1]).any(axis=-1)
    out = []
    for first, second, where in ((here, after, slice(None)), (here, nothing, mine),
                                 (nothing, after, mine)):
        syndrome, weight = _spoilt(first, second)
        if where is mine:
            weight[:, :64 - TAPS[1]] = 0     # these do not reach the next block: counted already
        out.append(syndrome[where][weight[where] > 0])
    return np.concatenate(out)


@njit(cache=True)
def _place(table, value):
    """Where `value` is in an open-addressed set, or where it would be."""
    mask = table.size - 1
    at = np.int64(value) * 0x9E3779B1 >> 7 & mask
    while table[at] and table[at] != value:
        at = at + 1 & mask
    return at


@njit(cache=True)
def _filled(values, table):
    for value in values:
        table[_place(table, value)] = value
    return table


def _set(values):
    return _filled(values, np.zeros(8 << int(values.size).bit_length(), np.uint32))


@njit(cache=True)
def _sums_within(table, some, others):
    found = 0
    for a in some:
        for b in others:
            if a != b and table[_place(table, a ^ b)]:
                found += 1
    return found


def missed_pairs(syndromes: np.ndarray) -> int:
    """Pairs of errors that the CRC misses; `syndromes` uint32[n] are those of single errors."""
    _, counts = np.unique(syndromes, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def missed_triples(syndromes: np.ndarray) -> int:
    """Triples of errors that the CRC misses, from `syndromes` that are distinct and not 0.

    x + 1 divides the polynomial, so a syndrome has as many ones, modulo 2, as bits are spoilt:
    of three that cancel none or two are odd.
    """
    is_odd = np.bitwise_count(syndromes) % 2 == 1
    odd, even = syndromes[is_odd], syndromes[~is_odd]
    return (_sums_within(_set(odd), even, odd) // 2
            + _sums_within(_set(even), even, even) // 6)


@njit(cache=True)
def _multiples(table, powers):
    """How many 1 + x^a + x^b + x^c, 0 < a < b < c, have syndrome 0, and the sum of c over them."""
    found = total = 0
    for c in range(3, powers.size):
        for b in range(2, c):
            want = powers[c] ^ powers[b] ^ powers[0]
            if want and table[_place(table, want)]:
                a = 1
                while a < b and powers[a] != want:
                    a += 1
                if a < b:
                    found += 1
                    total += c
    return found, total


def missed_quadruples(bits: int) -> int:
    """Sets of four wrong bits of a frame of so many bits that the CRC misses."""
    powers = frame_syndromes(bits)[::-1].copy()
    found, total = _multiples(_set(powers), powers)
    return found * bits - total          # each fits at `bits` - c places


@njit(cache=True)
def _independent(vectors):
    """How many leading vectors are linearly independent over GF(2)."""
    basis = np.zeros(CRC_BITS, np.uint32)
    for k in range(vectors.size):
        value = vectors[k]
        for bit in range(CRC_BITS):
            if value >> np.uint32(bit) & np.uint32(1):
                if basis[bit] == 0:
                    basis[bit] = value
                    break
                value ^= basis[bit]
        if value == 0:
            return k
    return vectors.size


@njit(cache=True)
def longest_burst(syndromes):
    """Longest window, `CRC_BITS` at most, in which the CRC sees every pattern of errors.

    `syndromes` uint32[n], in order; all patterns in a window are seen if and only if its
    syndromes are linearly independent.
    """
    least = CRC_BITS
    for at in range(syndromes.size):
        window = syndromes[at:at + CRC_BITS]
        count = _independent(window)
        if count < window.size:
            least = min(least, count)
    return least


def longest_lane_burst(blocks: int, lanes: int) -> int:
    """The same for a burst on one lane, in payload bits."""
    syndrome, weight = line_syndromes(blocks, lanes)
    least = CRC_BITS
    for lane in range(lanes):
        own = weight[lane::lanes].reshape(-1) > 0
        least = min(least, longest_burst(syndrome[lane::lanes].reshape(-1)[own]))
    return int(least)


def missed_probability(blocks: int, lanes: int, ber: float) -> float:
    """Probability that a frame is wrong and its CRC right.

    Errors on the line are independent, with probability `ber` each. None or two are always seen,
    of three as many missed as are counted; more leave a syndrome that is 0 by chance, 1 in 2^31
    with an even number of wrong bits and never with an odd one: 2^-31 bounds it.
    """
    syndrome, weight = line_syndromes(blocks, lanes)
    single = syndrome[weight > 0]
    count = single.size
    below = sum(comb(count, k) * ber**k * (1 - ber)**(count - k) for k in range(4))
    # For few errors the difference to 1 is lost in rounding, and the next term is all there is.
    more = max(1 - below, comb(count, 4) * ber**4 * (1 - ber)**(count - 4))
    return missed_triples(single) * ber**3 * (1 - ber)**(count - 3) + more / 2**(CRC_BITS - 1)
