"""What a frame's CRC sees, in the frame and on the line (docs/framing.md)."""

from itertools import pairwise
from math import comb

import crcmod
import crcmod.predefined
import galois
import numpy as np
import pytest

from lightloom import config
from lightloom.sim.link import syndromes as code

PROFILES = "sim", "ecp5", "tera"
CRC32C = crcmod.predefined.mkPredefinedCrcFun("crc-32c")


def shape(name):
    """Blocks of the longest frame, and lanes."""
    cfg = config.load(name)
    return cfg.derived.blocks * (cfg.link.frame_flits + 1), cfg.serdes.lanes


def bits(blocks):
    return 64 * blocks


def syndrome(message: bytes) -> int:
    """CRC register after a frame that differs from a good one by `message`."""
    return CRC32C(message) ^ CRC32C(bytes(len(message)))


@pytest.fixture(params=PROFILES)
def frame(request):
    return shape(request.param)


def generator():
    return galois.Poly.Int(0x11EDC6F41)


def test_polynomial_is_x_plus_1_times_a_primitive_one_and_is_coprime_to_the_scrambler():
    odd = galois.Poly.Int(3)
    factor = generator() // odd
    assert factor * odd == generator()
    # Its order is 2^31 - 1: two wrong bits less far apart are seen, and so is any odd number.
    assert factor.degree == 31 and factor.is_primitive()
    assert galois.gcd(generator(), galois.Poly.Degrees([58, 39, 0])) == 1


def test_syndromes_are_those_of_crcmod(frame, seed):
    blocks, _ = frame
    single = code.frame_syndromes(bits(blocks))
    rng = np.random.default_rng(seed)
    for _ in range(50):
        at = rng.choice(bits(blocks), rng.integers(1, 6), replace=False)
        wrong = sum(1 << int(k) for k in at)
        assert np.bitwise_xor.reduce(single[at]) == syndrome(wrong.to_bytes(8 * blocks, "little"))


def test_every_one_two_and_three_wrong_bits_of_a_frame_are_seen(frame):
    single = code.frame_syndromes(bits(frame[0]))
    assert single.all()
    assert code.missed_pairs(single) == 0
    assert code.missed_triples(single) == 0
    # All that makes the triples quick: a single syndrome has an odd number of ones.
    assert (np.bitwise_count(single) % 2 == 1).all()


def test_every_burst_of_32_bits_of_a_frame_is_seen(frame, seed):
    blocks, _ = frame
    assert code.longest_burst(code.frame_syndromes(bits(blocks))) == 32
    rng = np.random.default_rng(seed)
    for _ in range(200):
        burst = int(rng.integers(1, 2**32)) << int(rng.integers(bits(blocks) - 31))
        assert syndrome(burst.to_bytes(8 * blocks, "little"))


def test_a_frame_of_another_session_is_seen(frame, seed):
    """Another initial value is a burst of 16 bits at the frame's begin."""
    blocks, _ = frame
    rng = np.random.default_rng(seed)
    crc = crcmod.mkCrcFun(0x11EDC6F41, initCrc=0, rev=True, xorOut=0xFFFFFFFF)
    for _ in range(50):
        body = rng.bytes(8 * blocks - 4)
        mine, theirs = rng.integers(0, 2**16, 2)
        if mine == theirs:
            continue
        start = [0xFFFFFFFF ^ int(pair) for pair in (mine, theirs)]
        assert crc(body, start[0]) != crc(body, start[1])


def test_hamming_distance_is_6_up_to_5243_bits_and_the_crc_and_4_beyond():
    """Koopman, 32-bit CRCs for Internet applications, DSN 2002: 0x8F6E37A0 in his notation."""
    assert code.missed_quadruples(5243 + 32) == 0
    assert code.missed_quadruples(5243 + 33) == 1
    blocks = {name: bits(shape(name)[0]) for name in PROFILES}
    assert blocks["ecp5"] < blocks["sim"] <= 5275 < blocks["tera"]
    missed = code.missed_quadruples(blocks["tera"])
    print(f"tera: {missed} of {comb(blocks['tera'], 4):.3g} sets of four wrong bits are missed")
    assert 0.5 < missed / (comb(blocks["tera"], 4) / 2**31) < 2


@pytest.mark.parametrize("profile", PROFILES)
def test_every_one_and_two_errors_on_the_line_are_seen_in_any_frame_on_any_live_lanes(profile):
    blocks, most = shape(profile)
    for lanes in range(1, most + 1):
        single = code.all_line_syndromes(blocks, lanes)
        assert single.all() and code.missed_pairs(single) == 0


MISSED_TRIPLES = {"sim": 0, "ecp5": 0, "tera": 170}
"""Of all sets of three errors on the line, in the longest frame, all lanes live."""


@pytest.mark.parametrize("profile", PROFILES)
def test_how_many_sets_of_three_errors_on_the_line_are_missed(profile):
    blocks, lanes = shape(profile)
    syndrome, weight = code.line_syndromes(blocks, lanes)
    single = syndrome[weight > 0]
    missed = code.missed_triples(single)
    print(f"{profile}: {missed} of {comb(single.size, 3):.3g} sets of three are missed")
    assert missed == MISSED_TRIPLES[profile]


LANE_BURST = {"sim": 25, "ecp5": 25, "tera": 23}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_burst_on_one_lane_is_seen_up_to_a_length(profile):
    assert code.longest_lane_burst(*shape(profile)) == LANE_BURST[profile]


@pytest.mark.parametrize("profile", PROFILES)
def test_of_sets_of_four_errors_on_the_line_one_in_2_to_31_is_missed(profile, seed):
    """Counted over all sets of a sample of the bits, by the sums of two that are equal."""
    syndrome, weight = code.line_syndromes(*shape(profile))
    single = np.random.default_rng(seed).permutation(syndrome[weight > 0])[:3000]
    first, second = np.triu_indices(single.size, 1)
    missed = code.missed_pairs(single[first] ^ single[second]) // 3
    expected = comb(single.size, 4) / 2**31
    print(f"{profile}: {missed} missed, {expected:.0f} by chance")
    # Sets that are the same but for their place are missed together, so chance is coarse.
    assert missed < 4 * expected + 20


def test_probability_that_a_wrong_frame_has_a_right_crc():
    for profile in PROFILES:
        values = [code.missed_probability(*shape(profile), ber)
                  for ber in (1e-12, 1e-9, 1e-6, 1e-5, 1e-4)]
        print(profile, " ".join(f"{value:.1e}" for value in values))
        assert all(a < b for a, b in pairwise(values)) and values[-1] < 2**-31
    # By hand: 17,824 bits can spoil a frame of `tera`.
    assert code.missed_probability(*shape("tera"), 1e-6) == pytest.approx(
        170e-18 + comb(17824, 4) * 1e-24 / 2**31, rel=0.05)


@pytest.mark.parametrize("profile", PROFILES)
def test_errors_on_the_line_of_any_live_lanes(profile):
    blocks, most = shape(profile)
    for lanes in range(1, most + 1):
        syndrome, weight = code.line_syndromes(blocks, lanes)
        triples = code.missed_triples(syndrome[weight > 0])
        burst = code.longest_lane_burst(blocks, lanes)
        print(f"{profile}, {lanes} lanes: {triples} triples missed, bursts of {burst} seen")
        # Chance misses one in 2^31 of those with an even number of wrong bits; so far fewer.
        assert triples < 1000 and burst >= 16
