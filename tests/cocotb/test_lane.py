"""A lane's transmitter and receiver against the bit-serial references."""

import random
from collections import deque
from itertools import islice

import numpy as np
import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator
from lane_cases import (
    IDLE,
    MARKER,
    assert_same_entries,
    bits_of,
    coded_blocks,
    compare_rx,
    every_width,
    expected,
    lane_state,
    make,
    prbs,
    random_line,
    random_row,
    scramble,
    value_of,
    words_of,
)

from lightloom.hdl.serdes import bip, blocklock, gearbox_rx, lane_rx, lane_tx, linecode
from lightloom.tb.lane_harness import Row, run_rx, run_tx

# --- Transmitter ---

def sent_and_wanted(cfg, number, rng, cycles):
    """Words of the transmitter, and of the reference, on random rows."""
    width, period = cfg.serdes.word_bits, cfg.serdes.marker_period + 1
    rows = [random_row(rng) for _ in range(cycles * width // 66 + 2)]
    words, pulled = run_tx(cfg, number, lambda j: rows[j], cycles)
    assert pulled == [(66 * j // width, "block" if j % period else "marker")
                      for j in range(len(pulled))]
    line = [bit for coded in coded_blocks(
        [(row.data, row.ctrl) if j % period else ("marker", number, row.live, row.phase)
         for j, row in enumerate(rows)], lane_state(number)) for bit in coded]
    return words, words_of(line, width, lead=2)[:cycles]


def assert_same_words(cfg, number, rng, cycles=400):
    words, want = sent_and_wanted(cfg, number, rng, cycles)
    assert len(want) == cycles
    for cycle, (have, should) in enumerate(zip(words, want, strict=True)):
        assert have == should, f"word of cycle {cycle}: expected {should:#x}, seen {have:#x}"


@every_width
def test_every_bit_sent_is_that_of_the_reference(bits, seed):
    rng = random.Random(seed)
    assert_same_words(make(bits), rng.randrange(16), rng, 1200 if bits < 64 else 400)


def test_first_marker_has_no_parity_and_its_scrambler_state_is_the_lanes_own(seed):
    # Row 0 unscrambled, with the state written out: what scrambler_seed is meant to be.
    for number in (0, 15):
        words, _ = run_tx(make(66), number, lambda j: Row(0, 0, 0xBEEF, 5), 4)
        line = bits_of(words[2], 66)
        state, plain = lane_state(number), []
        for bit in line[2:]:
            plain.append(bit ^ state[38] ^ state[57])
            state = [bit, *state[:57]]
        assert line[:2] == [1, 0]
        assert value_of(plain) == (0xFF << 56) | 5 << 40 | 0xBEEF << 24 | (
            number ^ 0xFF) << 16 | number << 8 | 0xFF


@every_width
def test_inversion_turns_every_bit_but_those_before_the_first_row(bits, seed):
    cfg, cycles = make(bits), 60
    rng = random.Random(seed)
    rows = [random_row(rng) for _ in range(100)]
    plain, _ = run_tx(cfg, 1, lambda j: rows[j], cycles)
    turned, _ = run_tx(cfg, 1, lambda j: rows[j], cycles, control=lambda _: {"invert": 1})
    assert plain[:2] == turned[:2] == [0, 0]
    assert all(a ^ b == (1 << bits) - 1 for a, b in zip(plain[2:], turned[2:], strict=True))


PEER_BLOCKS = (0x7BFFF0800000001E, 0x85CFF0FFFFF8401E)
PEER_PRBS31 = 0x3C0FFFFFF8FFFFFFF
"""What rtl/lfsr.v of verilog-ethernet (github.com/alexforencich/verilog-ethernet, 77320a9) gives
with the parameters of its rtl/eth_phy_10g_tx_if.v and registers of all ones: two payloads 0x1E
scrambled, and 66 bits of the inverted PRBS31."""


def test_references_agree_with_verilog_ethernet():
    two, _ = scramble(bits_of(IDLE) * 2, [1] * 58)
    assert (value_of(two[:64]), value_of(two[64:])) == PEER_BLOCKS
    assert value_of(islice(prbs([28, 31], 31, [1] * 31, inverted=True), 66)) == PEER_PRBS31


def test_scrambler_agrees_with_verilog_ethernet():
    m = Module()
    payload, before, sent, plain = (Signal(64) for _ in range(4))
    m.d.comb += [sent.eq(linecode.scramble(payload, before)),
                 plain.eq(linecode.descramble(sent, before))]

    async def bench(ctx):
        ctx.set(payload, IDLE)
        ctx.set(before, 2**64 - 1)
        for want in PEER_BLOCKS:
            assert ctx.get(sent) == want and ctx.get(plain) == IDLE
            ctx.set(before, want)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_wrong_scrambler_tap_is_caught(seed, monkeypatch):
    monkeypatch.setattr(linecode, "TAPS", (38, 58))
    with pytest.raises(AssertionError, match="word of cycle"):
        assert_same_words(make(64), 0, random.Random(seed), 60)


def test_a_header_bit_at_the_wrong_place_of_the_parity_is_caught(seed, monkeypatch):
    monkeypatch.setattr(bip, "HEADER_PLACES", (4, 3))
    with pytest.raises(AssertionError, match="word of cycle"):
        assert_same_words(make(66), 0, random.Random(seed), 60)


def test_a_parity_that_covers_the_marker_twice_is_caught(seed, monkeypatch):
    monkeypatch.setattr(lane_tx, "parity_of", lambda header, payload: 1)
    with pytest.raises(AssertionError, match="word of cycle"):
        assert_same_words(make(66), 0, random.Random(seed), 60)


# --- Receiver ---

def errors_in(line, rng, rate, start):
    return [bit ^ (k >= start and rng.random() < rate) for k, bit in enumerate(line)]


@every_width
def test_every_entry_is_that_of_the_reference_at_any_phase_and_through_errors(bits, seed):
    rng = random.Random(seed)
    # From a late phase: few slips to lock. Then errors; then noise, and lock is found again.
    late = random_line(rng, 420, phase=62 + rng.randrange(4))
    noise = [rng.getrandbits(1) for _ in range(66 * 70)]
    line = errors_in(late, rng, 3e-3, 66 * 200) + noise + random_line(rng, 700)
    entries, _, losses = compare_rx(make(bits), words_of(line, bits))
    kinds = {entry.kind for entry in entries}
    assert kinds >= {"DATA", "CONTROL", "IDLE", "PAD", "MARKER", "BAD_TYPE", "BAD_HEADER",
                     "UNLOCKED"}
    assert losses >= 1 and entries[-1].kind != "UNLOCKED"
    assert {entry.bip_error for entry in entries if entry.kind == "MARKER"} == {0, 1}


@every_width
def test_without_errors_no_marker_has_a_parity_error(bits, seed):
    cfg, rng = make(bits), random.Random(seed)
    rows = [random_row(rng) for _ in range(400)]
    rows = [row if row.data & 0xFF != MARKER else row._replace(ctrl=0) for row in rows]
    words, _ = run_tx(cfg, 5, lambda j: rows[j], 350 * 66 // bits)
    entries, _ = run_rx(cfg, lambda y, _: words[2 + y], len(words) - 2)
    # In the receiver's words the first row begins at bit 0.
    given = [e for e in entries if e.kind != "UNLOCKED"]
    first = len(entries) - len(given)
    assert first == 64
    period = cfg.serdes.marker_period + 1
    for j, entry in enumerate(given, first):
        assert entry.cycle == (66 * j + 65) // bits + 1
        assert entry.bip_error == 0
        if j % period == 0:
            assert entry.kind == "MARKER"
            assert entry.data >> 24 & 0xFFFF == rows[j].live
        else:
            assert entry.data == rows[j].data
            assert (entry.kind == "DATA") == (not rows[j].ctrl)


class Transceiver:
    """Words of a line; some words after a pulse, it leaves one bit out."""

    def __init__(self, line, width, latency):
        self._line, self._width, self._at = line, width, 0
        self._due = deque([False] * latency)
        self.words = []

    def __call__(self, _, slipped):
        self._due.append(bool(slipped))
        self._at += self._due.popleft()
        self.words.append(value_of(self._line[self._at:self._at + self._width]))
        self._at += self._width
        return self.words[-1]


@every_width
def test_a_transceiver_that_slips_on_request_is_led_to_lock(bits, seed):
    cfg, rng = make(bits, slip="request"), random.Random(seed)
    # The receiver's blocks begin at multiples of 66 from its first bit on.
    slips_to_go = rng.randrange(3, 9)
    line = random_line(rng, 500, phase=66 - slips_to_go)
    line = errors_in(line, rng, 2e-3, 66 * 420)
    line += random_line(rng, 1200)[:66 * 64]
    transceiver = Transceiver(line, bits, rng.randrange(12))
    cycles = len(line) // bits - 2
    entries, slips = run_rx(cfg, transceiver, cycles)
    want = expected(cfg, transceiver.words)
    assert_same_entries(entries, want[0])
    assert slips == want[1]
    locked = [e for e in entries if e.kind != "UNLOCKED"]
    assert len(locked) > 50
    assert len([c for c in slips if c < locked[0].cycle]) <= slips_to_go
    # 32 blocks pass between two slips, and one that is bad.
    assert np.diff(slips).min() >= 33 * 66 // bits


@pytest.mark.parametrize("slip", ["gearbox", "request"])
@pytest.mark.parametrize(("count", "stays"), [(15, True), (16, False)])
def test_sixteen_bad_headers_within_a_window_end_the_lock_and_fifteen_do_not(
        slip, count, stays, seed):
    cfg, rng = make(66, slip=slip), random.Random(seed)
    bad = set(rng.sample(range(64, 127), count - 1)) | {127}
    line = random_line(rng, 200, phase=0, bad=bad)
    entries, _, losses = compare_rx(cfg, words_of(line, 66))
    assert losses == (not stays)
    # The last of them is still given.
    assert [e.kind for e in entries[64:128]].count("BAD_HEADER") == count
    assert entries[127].kind == "BAD_HEADER"
    assert (entries[128].kind != "UNLOCKED") == stays


def test_bad_headers_of_two_windows_do_not_add_up(seed):
    cfg = make(66, slip="request")
    line = random_line(random.Random(seed), 300, phase=0, bad=range(64 + 64 - 15, 64 + 64 + 15))
    _, _, losses = compare_rx(cfg, words_of(line, 66))
    assert losses == 0


@every_width
def test_inverted_line_is_read_with_inversion_and_taken_as_it_is_without(bits, seed):
    cfg, rng = make(bits), random.Random(seed)
    words = words_of(random_line(rng, 150, phase=0), bits)
    turned = [word ^ (1 << bits) - 1 for word in words]
    entries, _ = run_rx(cfg, lambda y, _: turned[y], len(words), control=lambda _: {"invert": 1})
    assert_same_entries(entries, expected(cfg, words)[0])
    kinds = [e.kind for e in compare_rx(cfg, turned)[0]]    # it locks, too
    assert kinds[-1] != "UNLOCKED" and "BAD_TYPE" in kinds


@every_width
@pytest.mark.parametrize("slip", ["gearbox", "request"])
def test_without_signal_there_is_no_lock_and_no_slip(bits, slip, seed):
    cfg, rng = make(bits, slip=slip), random.Random(seed)
    words = words_of(random_line(rng, 1000, phase=0), bits)
    dark = len(words) // 8 + rng.randrange(20)
    signal = [1] * len(words)
    for start, length in ((dark, 30), (dark + 40, 1), (dark + 43, 1), (dark + 44, 1)):
        signal[start:start + length] = [0] * length
    noisy = [word if lit else rng.getrandbits(bits)
             for word, lit in zip(words, signal, strict=True)]
    entries, slips, _ = compare_rx(cfg, noisy, signal=signal)
    lost = [e for e in entries if e.kind == "UNLOCKED" and e.cycle > dark]
    assert lost[0].cycle <= dark + 1 + -(-66 // bits) and {e.data for e in lost} == {0, 1}
    assert entries[-1].kind != "UNLOCKED" and not [c for c in slips if c < dark + 30]


def test_a_lock_after_63_good_headers_is_caught(seed, monkeypatch):
    monkeypatch.setattr(blocklock, "WINDOW", 63)
    with pytest.raises(AssertionError, match="expected"):
        compare_rx(make(66), words_of(random_line(random.Random(seed), 150, phase=0), 66))


def test_a_slip_that_ignores_three_blocks_is_caught(seed, monkeypatch):
    monkeypatch.setattr(lane_rx, "IGNORED", {"gearbox": 3})
    with pytest.raises(AssertionError):
        compare_rx(make(32), words_of(random_line(random.Random(seed), 300, phase=20), 32))


class LosesBlock(gearbox_rx.GearboxRx):
    def _slipping(self, m):
        super()._slipping(m)
        again = Signal()
        m.d.sync += again.eq(self.slip)
        with m.If(again):
            m.d.sync += self.valid.eq(0)


def test_a_gearbox_that_loses_a_block_after_a_slip_is_caught(seed, monkeypatch):
    monkeypatch.setattr(lane_rx, "GearboxRx", LosesBlock)
    with pytest.raises(AssertionError, match="expected"):
        compare_rx(make(64), words_of(random_line(random.Random(seed), 300, phase=20), 64))
