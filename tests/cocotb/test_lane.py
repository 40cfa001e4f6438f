"""A lane's transmitter and receiver against bit-serial references written from docs/serdes.md."""

import random
from collections import deque
from itertools import islice

import numpy as np
import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from lightloom.config import load, override, scrambler_seed
from lightloom.hdl.serdes import bip, blocklock, gearbox_rx, lane_rx, lane_tx, linecode, pattern
from lightloom.tb.lane_harness import Entry, Row, run_rx, run_tx

WIDTHS = [16, 20, 32, 40, 64, 66]
PATTERNS = ["PRBS31", "PRBS13", "SQUARE"]
IDLE, PAD, MARKER, TRAIN, TAIL = 0x1E, 0x87, 0xFF, 0x55, 0x78
KINDS = {IDLE: "IDLE", PAD: "PAD", TRAIN: "CONTROL", TAIL: "CONTROL"}


def make(bits, **changes):
    return override(load("ecp5"), **{
        "serdes__lanes": 1, "serdes__word_bits": bits, "serdes__lane_gbps": 1.0,
        "serdes__marker_period": 22, "serdes__deskew_blocks": 4,
        "link__replay_flits": 512, "link__frame_flits": 4, "xbar__vc_depth": 512,
        **{f"serdes__{name}": value for name, value in changes.items()}})


@pytest.fixture(params=WIDTHS, ids=lambda bits: f"words-of-{bits}")
def bits(request):
    return request.param


# --- The references: one bit at a time ---

def scramble(stream, state):
    """Scrambled bits; `state` holds the 58 bits before, the latest first."""
    state, out = deque(state, maxlen=58), []
    for bit in stream:
        out.append(bit ^ state[38] ^ state[57])
        state.appendleft(out[-1])
    return out, state


def bits_of(value, count=64):
    return [value >> i & 1 for i in range(count)]


def value_of(stream):
    return sum(bit << i for i, bit in enumerate(stream))


def header_of(ctrl):
    return [1, 0] if ctrl else [0, 1]


def parity_of(coded):
    """Parity of a coded block, 66 bits."""
    out = [0] * 8
    for p, bit in enumerate(coded[2:]):
        out[p % 8] ^= bit
    out[3] ^= coded[0]
    out[4] ^= coded[1]
    return value_of(out)


def marker_block(lane, live, phase, bip_value, wrong=0):
    return (MARKER | lane << 8 | (~lane & 0xFF ^ wrong) << 16 | live << 24 | phase << 40
            | bip_value << 48 | (~bip_value & 0xFF) << 56)


def coded_blocks(rows, state):
    """66 bits of each of `rows`: (payload, ctrl), or ("marker", lane, live, phase)."""
    total = 0
    for row in rows:
        is_marker = row[0] == "marker"
        payload, ctrl = (marker_block(*row[1:], total), True) if is_marker else row
        sent, state = scramble(bits_of(payload), state)
        coded = header_of(ctrl) + sent
        total = parity_of(coded) ^ (0 if is_marker else total)
        yield coded


def words_of(line, width, *, lead=0):
    """Words of a line, after `lead` words of zero; the last one is whole."""
    line = list(line)
    return [0] * lead + [value_of(line[k:k + width])
                         for k in range(0, len(line) - width + 1, width)]


def lane_state(number):
    return bits_of(scrambler_seed(number), 58)


class Receiver:
    """Entries of a lane, from the words as they come."""

    def __init__(self, width, *, drops, ignored):
        self._width, self._drops, self._ignored_after = width, drops, ignored
        self.entries, self.slips, self.losses = [], [], 0
        self._block, self._skip, self._before = [], 0, [0] * 58
        self._locked, self._light = False, 0
        self._bip, self._known = 0, False
        self._new = None    # cycle of the block found last, and whether its header is bad
        self._clear()

    def _clear(self):
        self._seen = self._bad = self._ignored = 0

    def word(self, y, word, signal=1):
        """Word `word` of cycle y; its block, if it ends one, is an entry of cycle y+1."""
        lit = bool(signal and self._light)    # now and in the cycle before
        if not lit:
            self._unlock()
        self._light = signal
        done = None
        for bit in bits_of(word, self._width):
            if self._skip:
                self._skip -= 1
                continue
            self._block.append(bit)
            if len(self._block) == 66:
                # A word has at most one block's last bit.
                done, self._block = self._block, []
        if done:
            self._take(y + 1, done, signal)

    def _unlock(self):
        self._locked = False
        self._clear()

    def _take(self, cycle, coded, signal):
        plain = []
        for bit in coded[2:]:
            plain.append(bit ^ self._before[38] ^ self._before[57])
            self._before = [bit, *self._before[:57]]
        payload, is_marker, wrong = value_of(plain), False, 0
        if not self._locked:
            kind, payload, self._known = "UNLOCKED", signal, False
        elif coded[0] == coded[1]:
            kind = "BAD_HEADER"
        elif coded[1]:
            kind = "DATA"
        else:
            kind = KINDS.get(payload & 0xFF, "BAD_TYPE")
            is_marker = (payload & 0xFF == MARKER
                         and (payload >> 8 & 0xFF) + (payload >> 16 & 0xFF) == 0xFF)
            if is_marker:
                kind = "MARKER"
                wrong = int(self._known and payload >> 48 & 0xFF != self._bip)
                self._known = True
        self._bip = parity_of(coded) ^ (0 if is_marker else self._bip)
        self.entries.append(Entry(cycle, kind, payload, wrong))
        self._new = (cycle, coded[0] == coded[1])

    def judge(self, signal, next_signal):
        """Block lock, on the block that :meth:`word` found last, if any."""
        if self._new is None:
            return
        (cycle, bad), self._new = self._new, None
        if not (signal and next_signal):
            return
        if self._ignored:
            self._ignored -= 1
            return
        self._seen += 1
        self._bad += bad
        if bad and (not self._locked or self._bad == 16):
            self.losses += self._locked
            self._unlock()
            self._ignored = self._ignored_after
            self.slips.append(cycle + 1)
            self._skip = int(self._drops)
        elif self._seen == 64:
            self._locked = True
            self._seen = self._bad = 0


def expected(cfg, words, signal=None):
    """What the receiver makes of `words`: (entries, slip pulses, losses of lock)."""
    gearbox = cfg.serdes.slip == "gearbox"
    receiver = Receiver(cfg.serdes.word_bits, drops=gearbox, ignored=4 if gearbox else 32)
    light = [1] * (len(words) + 1) if signal is None else [*signal, signal[-1]]
    for y, word in enumerate(words):
        receiver.word(y, word, light[y])
        receiver.judge(light[y], light[y + 1])
    inside = lambda cycle: cycle < len(words)
    return ([e for e in receiver.entries if inside(e.cycle)],
            [c for c in receiver.slips if inside(c)], receiver.losses)


def assert_same_entries(seen, want):
    """Of `UNLOCKED` only bit 0 of the data is meant."""
    seen = [e._replace(data=e.data & 1) if e.kind == "UNLOCKED" else e for e in seen]
    for k, (have, should) in enumerate(zip(seen, want, strict=False)):
        assert have == should, f"entry {k}: expected {should}, seen {have}"
    assert len(seen) == len(want)


# --- Transmitter ---

def random_row(rng):
    payload, ctrl = rng.getrandbits(64), rng.random() < 0.4
    if ctrl:
        payload = payload & ~0xFF | rng.choice([IDLE, PAD, TRAIN, TAIL, MARKER])
    return Row(payload, int(ctrl), rng.getrandbits(16), rng.getrandbits(3))


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

def random_blocks(rng, count, *, lane=3):
    """Rows of each kind, with right and wrong markers; as :func:`coded_blocks` takes them."""
    rows = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.1:
            rows.append(("marker", rng.choice([lane, 0, 255]), rng.getrandbits(16),
                         rng.randrange(8)))
        elif kind < 0.15:
            rows.append((marker_block(lane, 1, 0, 0, wrong=1 << rng.randrange(8)), True))
        elif kind < 0.25:
            # A marker of wrong parity, most likely.
            rows.append((marker_block(lane, 1, 0, rng.getrandbits(8)), True))
        elif kind < 0.6:
            rows.append((rng.getrandbits(64), False))
        else:
            block_type = rng.choice([*KINDS, IDLE, PAD, rng.getrandbits(8)])
            rows.append((rng.getrandbits(56) << 8 | block_type, True))
    return rows


def random_line(rng, blocks, *, phase=None, bad=()):
    """Bits of random blocks from any phase on; blocks `bad` with a bad header."""
    line = []
    for k, coded in enumerate(coded_blocks(random_blocks(rng, blocks), lane_state(3))):
        if k in bad:
            coded = [coded[0], coded[0], *coded[2:]]
        line += coded
    return line[rng.randrange(66) if phase is None else phase:]


def errors_in(line, rng, rate, start):
    return [bit ^ (k >= start and rng.random() < rate) for k, bit in enumerate(line)]


def compare_rx(cfg, words, *, signal=None, control=None):
    """Run words through the receiver and the reference; returns the reference's outcome."""
    entries, slips = run_rx(cfg, lambda y, _: words[y], len(words), control=control,
                            signal=signal and (lambda y: signal[y]))
    want = expected(cfg, words, signal)
    assert_same_entries(entries, want[0])
    assert slips == want[1]
    return want


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


def test_inverted_line_is_read_with_inversion_and_taken_as_it_is_without(bits, seed):
    cfg, rng = make(bits), random.Random(seed)
    words = words_of(random_line(rng, 150, phase=0), bits)
    turned = [word ^ (1 << bits) - 1 for word in words]
    entries, _ = run_rx(cfg, lambda y, _: turned[y], len(words), control=lambda _: {"invert": 1})
    assert_same_entries(entries, expected(cfg, words)[0])
    kinds = [e.kind for e in compare_rx(cfg, turned)[0]]    # it locks, too
    assert kinds[-1] != "UNLOCKED" and "BAD_TYPE" in kinds


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


# --- Patterns ---

def prbs(taps, order, state, *, inverted=False):
    """Bits of a Fibonacci register, forever."""
    register = deque(state, maxlen=order)
    while True:
        bit = sum(register[tap - 1] for tap in taps) & 1
        register.appendleft(bit)
        yield bit ^ inverted


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


def test_prbs31_sent_follows_its_polynomial_inverted(bits):
    line = np.array(sent_pattern(make(bits), "PRBS31", 300), np.uint8) ^ 1
    assert line[:31].any()
    assert np.array_equal(line[31:], line[3:-28] ^ line[:-31])


def test_prbs13_sent_is_the_whole_sequence_of_8191_bits(bits):
    line = np.array(sent_pattern(make(bits), "PRBS13", 2 * 8191 // bits + 10), np.uint8)
    assert np.array_equal(line[13:], line[12:-1] ^ line[11:-2] ^ line[1:-12] ^ line[:-13])
    assert np.array_equal(line[:8191], line[8191:2 * 8191])
    # Of maximal length: every state but zero once, so 4,096 ones.
    states = {tuple(line[k:k + 13]) for k in range(8191)}
    assert len(states) == 8191 and line[:8191].sum() == 4096


def test_square_wave_is_eight_ones_and_eight_zeros(bits):
    line = "".join(map(str, sent_pattern(make(bits), "SQUARE", 60)))
    start = line.index("01") + 1
    assert line[start:start + 256] == ("1" * 8 + "0" * 8) * 16


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


@pytest.mark.parametrize("name", PATTERNS)
def test_checker_finds_no_error_at_any_phase(bits, name, seed):
    cfg, rng = make(bits), random.Random(seed)
    for turned in (0, 1):
        line = [bit ^ turned for bit in pattern_bits(name, 64 * 4 * bits, rng)]
        first, *rest = checked(cfg, name, line, invert=turned)
        assert first <= 31 * 5 and len(rest) >= 2 and not any(rest)


@pytest.mark.parametrize(("name", "each"), [("PRBS31", 3), ("PRBS13", 5), ("SQUARE", 2)])
def test_checker_counts_a_line_error_once_and_once_for_each_tap(bits, name, each, seed):
    cfg, rng = make(bits), random.Random(seed)
    line = pattern_bits(name, 64 * 7 * bits, rng)
    # An error that leaves the checker's register empty looks like a line that stands still.
    order, level = {"PRBS31": (31, 1), "PRBS13": (13, 0)}.get(name, (len(line), 0))
    wrong, at = 0, 70 * bits
    while at < 64 * 5 * bits:
        line[at] ^= 1
        around = "".join(map(str, line[at - order + 1:at + order]))
        if str(level) * order in around:
            line[at] ^= 1
        else:
            wrong += 1
        at += rng.randrange(40, 900)
    assert sum(checked(cfg, name, line)[1:]) == each * wrong


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


# --- FEC ---

FEC = {"rs152": (16, 1), "rs544": (79, 5)}


@pytest.mark.parametrize("fec", FEC)
@pytest.mark.parametrize("width", [20, 66])
def test_parity_rows_are_in_their_slots_and_change_no_block(fec, width, seed):
    cfg, rng = make(width, fec=fec), random.Random(seed)
    data, parity = FEC[fec]
    rows = [random_row(rng) for _ in range(3 * (data + parity) + 5)]
    cycles = len(rows) * 66 // width - 66 // width
    words, pulled = run_tx(cfg, 7, lambda j: rows[j], cycles)
    slots, blocks, number = [], [], 0
    for j in range(len(rows)):
        is_parity = j % (data + parity) >= data
        kind = "parity" if is_parity else "block" if number % 23 else "marker"
        slots.append((66 * j // width, kind))
        if not is_parity:
            blocks.append((rows[j].data, rows[j].ctrl) if number % 23 else
                          ("marker", 7, rows[j].live, rows[j].phase))
            number += 1
    assert pulled == slots[:len(pulled)]
    line = [bit for word in words[2:] for bit in bits_of(word, width)]
    want = coded_blocks(blocks, lane_state(7))
    seen = [line[66 * j:66 * j + 66] for j in range(len(line) // 66)]
    for j, coded in enumerate(seen):
        if slots[j][1] == "parity":
            assert coded[:2] == [0, 1]
        else:
            assert coded == next(want), f"row {j}"


@pytest.mark.parametrize("fec", FEC)
@pytest.mark.parametrize("width", [66, pytest.param(40, marks=pytest.mark.slow)])
def test_fec_lane_gives_the_blocks_sent_and_says_what_it_corrected(fec, width, seed):
    data, parity = FEC[fec]
    size = data + parity
    cfg, rng = make(width, fec=fec), random.Random(seed)
    # Block lock takes 64 blocks, and the phase found then for codewords is a bit early.
    slips = rng.randrange(3)
    early = (64 + slips) % size    # blocks before the first whole codeword
    codewords = 64 // size + 3 * slips + 10
    rows = [random_row(rng) for _ in range(size * codewords + 200)]
    rows = [row if row.data & 0xFF != MARKER else row._replace(ctrl=0) for row in rows]
    cycles = (len(rows) - 2) * 66 // width
    words, pulled = run_tx(cfg, 2, lambda j: rows[j], cycles)
    line = [bit for word in words[2:] for bit in bits_of(word, width)]
    line = line[66 * (size - early):]
    damaged, spoiled = codewords - 4, codewords - 3    # codewords, from the first whole one
    at = lambda codeword, block: 66 * (early + codeword * size + block)
    line[at(damaged, 3) + 20] ^= 1
    line[at(damaged, 7) + 30] ^= 1
    for block in range(data):
        for bit in (5, 25, 45):
            line[at(spoiled, block) + bit] ^= 1
    received = words_of(line, width)
    entries, _ = run_rx(cfg, lambda y, _: received[y], len(received))
    given = [e for e in entries if e.kind != "UNLOCKED"]
    assert [e.kind for e in entries[:64]] == ["UNLOCKED"] * 64
    assert [e.corrected for e in given if e.corrected] == [2]
    assert sum(e.uncorrected for e in given) == 1
    assert [e.kind for e in given].count("UNCORRECTED") == data
    assert not {"BAD_HEADER"} & {e.kind for e in given}
    # Block rows of the line in order; they are given in this order, from some codeword on.
    blocks = [(j, kind) for j, (_, kind) in enumerate(pulled) if kind != "parity"]
    bad = [k for k, e in enumerate(given) if e.kind == "UNCORRECTED"]
    first = (spoiled + 1) * data - bad[0]    # in block rows of the line before the cut, see `at`
    clear = [k for k in range(len(given)) if k > 0 and k not in bad and k != bad[-1] + 1]
    assert len(clear) > 3 * data
    # Both counts come with the last block of their codeword.
    assert given[bad[0] - 1].corrected == 2 and given[bad[-1]].uncorrected
    errors = []
    for k in clear:
        j, kind = blocks[first + k]
        if kind == "marker":
            assert given[k].kind == "MARKER"
            errors.append(given[k].bip_error)
        else:
            assert given[k].data == rows[j].data
            assert (given[k].kind == "DATA") == (not rows[j].ctrl)
    assert sum(errors) <= 1    # of the marker behind the codeword that was beyond correction


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
