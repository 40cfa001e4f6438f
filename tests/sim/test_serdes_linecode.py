"""The line code against the standard's definition and against crcmod."""

import crcmod
import numpy as np
import pytest

from lightloom.config import scrambler_seed
from lightloom.sim.serdes import descramble, encode, marker, scramble
from lightloom.sim.serdes.linecode import parity

DIVISOR = 1 << 58 | 1 << 58 - 39 | 1
"""x^58 + x^39 + 1 in delays; the first bit sent is the highest power, so powers count down."""


def bits_of(blocks):
    """Bits in order of transmission: bit 0 of each block first."""
    return [int(block) >> i & 1 for block in blocks for i in range(64)]


def as_poly(bits):
    """A polynomial whose highest power is the first bit sent."""
    return int("".join(map(str, bits)), 2)


def product(a, b):
    """Carry-less product."""
    total = 0
    while b:
        total ^= a << b.bit_length() - 1
        b ^= 1 << b.bit_length() - 1
    return total


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_scrambled_stream_is_the_quotient_whose_remainder_crcmod_finds(seed, count):
    """A self-synchronous scrambler divides by its polynomial: x^58 D = Q P + R."""
    data = np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)
    quotient = as_poly(bits_of(scramble(data, state=0)[0]))
    # crcmod divides by a polynomial of degree 64, ours times x^6: its remainder is R x^6.
    crc = crcmod.mkCrcFun(DIVISOR << 6, initCrc=0, rev=False)
    dividend = as_poly(bits_of(data))
    remainder = crc(dividend.to_bytes(8 * count, "big")) >> 6
    assert remainder < 1 << 58
    assert product(quotient, DIVISOR) ^ remainder == dividend << 58


def test_each_scrambled_bit_adds_the_bits_sent_39_and_58_before(seed):
    rng = np.random.default_rng(seed)
    state = int(rng.integers(0, 2**58))
    data = rng.integers(0, 2**64, 50, np.uint64)
    sent, after = scramble(data, state=state)
    history = [state >> i & 1 for i in reversed(range(58))]
    for bit in bits_of(data):
        history.append(bit ^ history[-39] ^ history[-58])
    assert bits_of(sent) == history[58:]
    assert after == sum(bit << i for i, bit in enumerate(reversed(history[-58:])))


def test_state_carries_a_stream_across_calls(seed):
    data = np.random.default_rng(seed).integers(0, 2**64, 30, np.uint64)
    whole, end = scramble(data, state=scrambler_seed(3))
    head, middle = scramble(data[:11], state=scrambler_seed(3))
    nothing, same = scramble(data[:0], state=middle)
    tail, last = scramble(data[11:], state=same)
    assert nothing.size == 0 and end == last
    assert np.array_equal(np.concatenate([head, tail]), whole)


def test_descramble_inverts_scramble_from_any_state_after_58_bits(seed):
    data = np.random.default_rng(seed).integers(0, 2**64, 30, np.uint64)
    sent, _ = scramble(data, state=scrambler_seed(1))
    assert np.array_equal(descramble(sent, state=scrambler_seed(1))[0], data)
    wrong, _ = descramble(sent, state=scrambler_seed(2))
    assert wrong[0] != data[0]
    assert np.array_equal(wrong[1:], data[1:])


def test_header_is_first_and_clear_payload_follows_bit_0_first():
    bits, state = encode(np.array([1, 0], np.uint64), np.array([False, True]), state=0)
    assert bits[:2].tolist() == [0, 1] and bits[66:68].tolist() == [1, 0]
    # A lone 1 rings at the taps: x^39, x^58, and twice 39.
    ones = [i for i, bit in enumerate([*bits[2:66], *bits[68:]]) if bit]
    assert ones == [0, 39, 58, 78, 116, 117]
    assert state == 1 << 127 - 116 | 1 << 127 - 117 | 1 << 127 - 78


def test_marker_carries_its_fields_and_complements():
    assert marker(0, live=1) == 0xFF00_0000_01FF_00FF
    assert marker(5, live=0xABCD, phase=3, bip=0x91) == 0x6E91_03AB_CDFA_05FF


def test_parity_is_that_of_each_eighth_bit_and_the_header(seed):
    sent = np.random.default_rng(seed).integers(0, 2**64, 50, np.uint64)
    for block in sent:
        expected = 0
        for place, bit in enumerate(bits_of([block])):
            expected ^= bit << place % 8
        assert parity(block, True) == expected ^ 0x08
        assert parity(block, False) == expected ^ 0x10
