"""Pattern generators and checkers of a lane against their polynomials, a bit at a time."""

import random
from itertools import islice

import numpy as np
import pytest
from amaranth.sim import Simulator
from lane_cases import (
    bits_of,
    compare_rx,
    every_width,
    make,
    prbs,
    random_line,
    random_row,
    words_of,
)

from lightloom.hdl.serdes import pattern
from lightloom.tb.lane_harness import Row, run_rx, run_tx

PATTERNS = ["PRBS31", "PRBS13", "SQUARE"]


# --- Patterns ---

def pattern_bits(name, count, rng):
    """Bits of a pattern from any place on."""
    if name == "SQUARE":
        start = rng.randrange(16)
        return [int((start + k) % 16 < 8) for k in range(count)]
    taps, order = ([28, 31], 31) if name == "PRBS31" else ([1, 2, 12, 13], 13)
    state = [0] * order
    while not any(state):
        state = [rng.getrandbits(1) for _ in range(order)]
    return list(islice(prbs(taps, order, state, inverted=name == "PRBS31"), count))


def sent_pattern(cfg, name, cycles):
    words, _ = run_tx(cfg, 0, lambda j: Row(0, 0), cycles, control=lambda _: {"pattern": name_of(
        name)})
    return [bit for word in words[2:] for bit in bits_of(word, cfg.serdes.word_bits)]


def name_of(name):
    """Code of a pattern in the control word."""
    return {"NONE": 0, "PRBS31": 1, "PRBS13": 2, "SQUARE": 3}[name]


@every_width
def test_prbs31_sent_follows_its_polynomial_inverted(bits):
    line = np.array(sent_pattern(make(bits), "PRBS31", 300), np.uint8) ^ 1
    assert line[:31].any()
    assert np.array_equal(line[31:], line[3:-28] ^ line[:-31])


@every_width
def test_prbs13_sent_is_the_whole_sequence_of_8191_bits(bits):
    line = np.array(sent_pattern(make(bits), "PRBS13", 2 * 8191 // bits + 10), np.uint8)
    assert np.array_equal(line[13:], line[12:-1] ^ line[11:-2] ^ line[1:-12] ^ line[:-13])
    assert np.array_equal(line[:8191], line[8191:2 * 8191])
    # Of maximal length: every state but zero once, so 4,096 ones.
    states = {tuple(line[k:k + 13]) for k in range(8191)}
    assert len(states) == 8191 and line[:8191].sum() == 4096


@every_width
def test_square_wave_is_eight_ones_and_eight_zeros(bits):
    line = "".join(map(str, sent_pattern(make(bits), "SQUARE", 60)))
    start = line.index("01") + 1
    assert line[start:start + 256] == ("1" * 8 + "0" * 8) * 16


@every_width
def test_blocks_go_on_behind_a_pattern(bits, seed):
    cfg, rng = make(bits), random.Random(seed)
    rows = [random_row(rng) for _ in range(300)]
    plain, _ = run_tx(cfg, 0, lambda j: rows[j], 200)
    mixed, _ = run_tx(cfg, 0, lambda j: rows[j], 200,
                      control=lambda cycle: {"pattern": 1 if cycle < 100 else 0})
    assert plain[101:] == mixed[101:] and plain[2:100] != mixed[2:100]


def checked(cfg, name, line, **fields):
    """Errors in each window that the checker reports, and the entries' cycles."""
    words = words_of(line, cfg.serdes.word_bits)
    entries, slips = run_rx(cfg, lambda y, _: words[y], len(words),
                            control=lambda _: {"pattern": name_of(name), **fields})
    assert {entry.kind for entry in entries} == {"PATTERN"} and slips == []
    assert set(np.diff([entry.cycle for entry in entries])) <= {64}
    return [entry.data & 0xFFFF for entry in entries]


@every_width
@pytest.mark.parametrize("name", PATTERNS)
def test_checker_finds_no_error_at_any_phase(bits, name, seed):
    cfg, rng = make(bits), random.Random(seed)
    for turned in (0, 1):
        line = [bit ^ turned for bit in pattern_bits(name, 64 * 4 * bits, rng)]
        first, *rest = checked(cfg, name, line, invert=turned)
        assert first <= 31 * 5 and len(rest) >= 2 and not any(rest)


@every_width
@pytest.mark.parametrize(("name", "each"), [("PRBS31", 3), ("PRBS13", 5), ("SQUARE", 2)])
def test_checker_counts_a_line_error_once_and_once_for_each_tap(bits, name, each, seed):
    cfg, rng = make(bits), random.Random(seed)
    line = pattern_bits(name, 64 * 7 * bits, rng)
    # An error that leaves the checker's register empty looks like a line that stands still.
    still = {"PRBS31": "1" * 31, "PRBS13": "0" * 13}.get(name)
    wrong, at = 0, 70 * bits
    while at < 64 * 5 * bits:
        line[at] ^= 1
        if still and still in "".join(map(str, line[at - 30:at + 31])):
            line[at] ^= 1
        else:
            wrong += 1
        at += rng.randrange(40, 900)
    assert sum(checked(cfg, name, line)[1:]) == each * wrong


@every_width
@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("level", [0, 1])
def test_a_line_that_stands_still_is_wrong_in_every_bit(bits, name, level):
    cfg = make(bits)
    assert checked(cfg, name, [level] * 64 * 4 * bits)[1:] == [64 * bits] * 2


@pytest.mark.parametrize("name", PATTERNS)
def test_checker_of_another_pattern_counts_many_errors(name, seed):
    cfg, rng = make(66), random.Random(seed)
    for other in PATTERNS:
        if other != name:
            assert min(checked(cfg, name, pattern_bits(other, 64 * 4 * 66, rng))) > 500


def test_blocks_are_received_again_after_a_pattern(seed):
    cfg, rng = make(64), random.Random(seed)
    pattern_words = words_of(pattern_bits("PRBS31", 150 * 64, rng), 64)
    words = pattern_words + words_of(random_line(rng, 900), 64)
    entries, _ = run_rx(cfg, lambda y, _: words[y], len(words),
                        control=lambda y: {"pattern": 1 if y < 150 else 0})
    assert {e.kind for e in entries if e.cycle < 150} == {"PATTERN"}
    after = [e.kind for e in entries if e.cycle > 151]
    assert "PATTERN" not in after and after[0] == "UNLOCKED" and after[-1] != "UNLOCKED"


def test_a_prbs_that_is_not_inverted_is_caught(monkeypatch):
    monkeypatch.setattr(pattern, "INVERTED", set())
    with pytest.raises(AssertionError):
        test_prbs31_sent_follows_its_polynomial_inverted(64)


def test_a_wrong_prbs_tap_is_caught(monkeypatch, seed):
    monkeypatch.setattr(pattern, "TAPS", {**pattern.TAPS, pattern.Pattern.PRBS13: (1, 2, 11, 13)})
    with pytest.raises(AssertionError):
        test_prbs13_sent_is_the_whole_sequence_of_8191_bits(66)


def test_lane_without_diagnostics_has_no_patterns(seed):
    cfg, rng = make(66, diagnostics=False), random.Random(seed)
    words = words_of(random_line(rng, 150, phase=0), 66)
    compare_rx(cfg, words, control=lambda _: {"pattern": 1})


# --- Generators as components ---

def test_generators_run_on_while_others_are_sent():
    """A change of pattern needs no start: no register of a generator is ever zero."""
    generator = pattern.PatternGenerator(make(32))
    seen = []

    async def bench(ctx):
        for cycle in range(60):
            ctx.set(generator.pattern, name_of(PATTERNS[cycle % 3]))
            seen.append(ctx.get(generator.word))
            await ctx.tick()

    simulator = Simulator(generator)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()
    square = {seen[k] for k in range(2, 60, 3)}
    assert len(square) == 1 and len(set(seen[0::3])) == len(set(seen[1::3])) == 20
