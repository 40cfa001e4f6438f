"""The exported lane FEC against galois and a restatement of docs/fec.md, cycle by cycle."""

import random
from dataclasses import dataclass, field, replace
from functools import cache

import galois
import numpy as np
import pytest

from lightloom.config import FEC_BLOCKS, FEC_LATENCY
from lightloom.flow.cache import to_verilog
from lightloom.hdl.serdes.fec import decoder, encoder, sync, syndromes
from lightloom.hdl.serdes.fec.code import RS152, RS544, Code
from lightloom.hdl.serdes.fec.decoder import FecDecoder
from lightloom.hdl.serdes.fec.encoder import FecEncoder
from lightloom.hdl.serdes.fec.field import Field
from lightloom.tb.fec_harness import run_decoder, run_encoder

ODD = Code("odd", m=7, polynomial=0x89, parity=6, correct=2, data_blocks=10, parity_blocks=1,
           scan=4, first_root=1)
"""Odd m, another first root, a correct below half of the parity, all seven offsets."""

ROOT = Code("root", m=8, polynomial=0x11D, parity=16, correct=7, data_blocks=20, parity_blocks=2,
            scan=4, first_root=112, ctrl_bits=8)


# The codes again, from docs/fec.md: bits of a symbol, symbols, parity, correct, blocks.
FACTS = {
    "rs152": (8, 152, 8, 3, 16, 1, 8, 0, 0x11D),
    "rs544": (10, 544, 30, 15, 79, 5, 1, 0, 0x409),
    "odd": (7, 99, 6, 2, 10, 1, 1, 1, 0x89),
    "root": (8, 196, 16, 7, 20, 2, 8, 112, 0x11D),
}
LATENCY = {"rs152": 14, "rs544": 68, "odd": 12, "root": 22}


class Reference:
    """Blocks to codewords and back, with a plain polynomial division."""

    def __init__(self, name):
        (self.m, self.n, self.parity, self.correct, self.data, self.parities, self.ctrl_bits,
         self.first_root, self.polynomial) = FACTS[name]
        self.k = self.n - self.parity
        self.exp = [1]
        for _ in range(2**self.m - 2):
            self.exp.append(self.exp[-1] << 1)
            if self.exp[-1] >> self.m:
                self.exp[-1] ^= self.polynomial
        self.log = {a: k for k, a in enumerate(self.exp)}
        self.generator = [1]
        for j in range(self.parity):
            shifted = self.generator + [0]
            for k, a in enumerate(self.generator):
                shifted[k + 1] ^= self.times(a, self.exp[(self.first_root + j) % len(self.exp)])
            self.generator = shifted

    def times(self, a, b):
        return self.exp[(self.log[a] + self.log[b]) % len(self.exp)] if a and b else 0

    @property
    def slots(self):
        return self.data + self.parities

    def message(self, blocks):
        """Symbols of `data` blocks (ctrl, payload)."""
        bits, size = 0, self.ctrl_bits + 64
        for k, (ctrl, payload) in enumerate(blocks):
            bits |= (ctrl | payload << self.ctrl_bits) << k * size
        return [bits >> self.m * k & 2**self.m - 1 for k in range(self.k)]

    def encode(self, message):
        rest = message + [0] * self.parity
        for k in range(self.k):
            lead = rest[k]
            for j, g in enumerate(self.generator):
                rest[k + j] ^= self.times(lead, g)
        return message + rest[self.k:]

    def blocks(self, codeword):
        """(ctrl, payload) of all blocks of a codeword; pads that are not zero are lost."""
        bits = sum(s << self.m * k for k, s in enumerate(codeword[:self.k]))
        size = self.ctrl_bits + 64
        out = [(bits >> size * k & 1, bits >> size * k + self.ctrl_bits & 2**64 - 1)
               for k in range(self.data)]
        each = self.parity // self.parities
        for k in range(self.parities):
            symbols = codeword[self.k + each * k:][:each]
            out.append((0, sum(s << self.m * j for j, s in enumerate(symbols))))
        return out

    def places(self):
        """Of each symbol, the bits that are sent."""
        masks = []
        for symbol in range(self.n):
            mask = 0
            for bit in range(self.m):
                word = [0] * self.n
                word[symbol] = 1 << bit
                mask |= any(c or p for c, p in self.blocks(word)) << bit
            masks.append(mask)
        return masks

    def random(self, rng):
        blocks = [(rng.getrandbits(1), rng.getrandbits(64)) for _ in range(self.data)]
        return self.encode(self.message(blocks))


@cache
def reference(name):
    return Reference(name)


@cache
def sent_bits(name):
    return reference(name).places()


def oracle(name, words):
    """galois' codec of the whole length, which takes shortened words; compiled for many."""
    r = reference(name)
    gf = galois.GF(2, r.m, irreducible_poly=galois.Poly.Int(r.polynomial), primitive_element=2,
                   compile="auto" if words > 1500 else "python-calculate")
    length = 2**r.m - 1
    codec = galois.ReedSolomon(length, length - r.parity, field=gf, c=r.first_root)
    return gf, codec


def with_errors(name, codeword, weight, rng, among=None):
    """`codeword` with so many wrong symbols, in bits that are sent."""
    out = list(codeword)
    for place in rng.sample(among or range(len(out)), weight):
        mask = 0
        while not mask:
            mask = rng.getrandbits(reference(name).m) & sent_bits(name)[place]
        out[place] ^= mask
    return out


def with_burst(name, codeword, length, rng):
    """`codeword` with so many wrong bits running on the line, headers left out."""
    r = reference(name)
    blocks = r.blocks(codeword)
    start = rng.randrange(64 * r.slots - length)
    for bit in range(start, start + length):
        ctrl, payload = blocks[bit // 64]
        blocks[bit // 64] = ctrl, payload ^ 1 << bit % 64
    return received(r, blocks)


def received(r, blocks):
    each = r.parity // r.parities
    symbols = [payload >> r.m * k & 2**r.m - 1
               for _, payload in blocks[r.data:] for k in range(each)]
    return r.message(blocks[:r.data]) + symbols


def weight(a, b):
    return sum(x != y for x, y in zip(a, b, strict=True))


@dataclass
class Line:
    """What comes to a decoder, cycle by cycle, and the cycle of each block."""

    rng: random.Random
    spacing: int = 1
    busy: float = 1.0
    cycles: list = field(default_factory=list)
    came: list = field(default_factory=list)

    def block(self, ctrl, payload):
        idle = self.spacing - 1 if self.came else 0
        while self.rng.random() > self.busy:
            idle += 1
        self.idle(idle)
        self.came.append(len(self.cycles))
        # Both bits of a header are received; only the first one is believed.
        self.cycles.append((1, 1, ctrl | self.rng.getrandbits(1) << 1, payload))

    def codeword(self, name, codeword):
        """The cycle of its last block."""
        for block in reference(name).blocks(codeword):
            self.block(*block)
        return self.came[-1]

    def noise(self, count):
        for _ in range(count):
            self.block(self.rng.getrandbits(1), self.rng.getrandbits(64))

    def idle(self, count, lock=1):
        self.cycles += [(lock, 0, self.rng.getrandbits(2), self.rng.getrandbits(64))
                        for _ in range(count)]


@cache
def decoder_verilog(code, spacing):
    return to_verilog(FecDecoder(code, spacing), name="fec_decoder")


@pytest.fixture
def mutate(monkeypatch):
    """`monkeypatch`, with decoders made anew during and after the test."""
    decoder_verilog.cache_clear()
    yield monkeypatch
    decoder_verilog.cache_clear()


def decode(code, line, folder, spacing=1):
    return run_decoder(decoder_verilog(code, spacing), line.cycles,
                       corrected_bits=code.correct.bit_length(), folder=folder)


def blocks_out(given):
    return [(g.ctrl, g.payload, g.bad, g.corrected, g.uncorrected) for g in given if g.valid]


def expected(name, codeword, wrong, decoded, errors):
    """Blocks out for a codeword received as `wrong`, given what the decoder should make of it."""
    r = reference(name)
    good = 0 <= errors <= r.correct
    blocks = r.blocks(decoded if good else wrong)[:r.data]
    last = r.data - 1
    return [(c, p, int(not good), errors if good and k == last else 0,
             int(not good and k == last)) for k, (c, p) in enumerate(blocks)]


def assert_decodes(code, words, line, folder, spacing=1, judge=None):
    """Send `words`, pairs of (codeword, as received), the first two without errors, and compare."""
    name, r = code.name, reference(code.name)
    assert all(sent == got for sent, got in words[:2])
    ends = [line.codeword(name, got) for _, got in words]
    line.idle(LATENCY[name] + spacing * r.data + 5)
    given = decode(code, line, folder, spacing)
    judged = judge([got for _, got in words]) if judge else [
        (sent, weight(sent, got) if weight(sent, got) <= r.correct else -1)
        for sent, got in words]
    want = {}
    for (sent, got), (fixed, errors), end in list(zip(words, judged, ends, strict=True))[1:]:
        if weight(sent, got) <= r.correct:
            assert errors == weight(sent, got) and list(fixed) == sent, "the oracle is wrong"
        for k, block in enumerate(expected(name, sent, got, list(fixed), errors)):
            want[end + LATENCY[name] + spacing * k] = block
    for cycle, g in enumerate(given):
        seen = (g.ctrl, g.payload, g.bad, g.corrected, g.uncorrected) if g.valid else None
        assert seen == want.get(cycle), f"cycle {cycle}: expected {want.get(cycle)}, seen {seen}"
        if not g.valid:
            assert not g.corrected and not g.uncorrected
    return given


def galois_judge(name):
    """Decode all words at once; -1 errors for what galois or `correct` refuses."""
    r = reference(name)

    def judge(words):
        gf, codec = oracle(name, len(words))
        sent = np.array(words)
        fixed, errors = codec.decode(gf(sent), errors=True, output="codeword")
        # A message that galois has encoded: the division above is right too.
        assert np.array_equal(codec.encode(gf(sent[:3, :r.k])),
                              [r.encode([int(s) for s in w[:r.k]]) for w in sent[:3]])
        return [([int(s) for s in word], int(e) if 0 <= e <= r.correct else -1)
                for word, e in zip(np.array(fixed), np.array(errors), strict=True)]
    return judge


def mixed_words(name, count, rng, heaviest):
    """Codewords with errors of all kinds; never `sync.MOST_BAD` uncorrectable ones running."""
    r = reference(name)
    parity, ctrl = range(r.k, r.n), [9 * k for k in range(r.data)]
    words, bad = [], 0
    for k in range(count):
        sent = r.random(rng)
        kind = k % 8
        if k < 2 or bad == 7:
            got = list(sent)
        elif kind < 3:
            got = with_errors(name, sent, rng.randrange(r.correct + 1), rng)
        elif kind == 3:
            got = with_errors(name, sent, r.correct, rng)
        elif kind == 4:
            got = with_errors(name, sent, rng.randrange(r.correct + 1, heaviest + 1), rng)
        elif kind == 5:
            got = with_burst(name, sent, rng.randrange(1, 31), rng)
        elif kind == 6:
            got = with_errors(name, sent, rng.randrange(1, r.correct + 2), rng, parity)
        elif r.ctrl_bits > 1:
            got = with_errors(name, sent, rng.randrange(1, r.correct + 3), rng, ctrl)
        else:
            got = with_flipped_ctrl(name, sent, rng.randrange(1, r.correct + 2), rng)
        bad = bad + 1 if weight(sent, got) > r.correct else 0
        words.append((sent, got))
    return words


def with_flipped_ctrl(name, codeword, count, rng):
    r = reference(name)
    blocks = r.blocks(codeword)
    for k in rng.sample(range(r.data), min(count, r.data)):
        blocks[k] = 1 - blocks[k][0], blocks[k][1]
    return received(r, blocks)


def offered(name, messages, rng, busy):
    """Cycles of an encoder and, of the blocks, which of them they are."""
    r = reference(name)
    cycles = []
    for blocks in messages:
        for slot in range(r.slots):
            while rng.random() > busy:
                cycles.append((0, rng.getrandbits(1), rng.getrandbits(1), rng.getrandbits(64)))
            parity = slot >= r.data
            ctrl, payload = blocks[slot] if not parity else (
                rng.getrandbits(1), rng.getrandbits(64))
            cycles.append((1, int(parity), ctrl, payload))
    return cycles


def assert_encodes(code, count, rng, folder, busy):
    r = reference(code.name)
    messages = [[(rng.getrandbits(1), rng.getrandbits(64)) for _ in range(r.data)]
                for _ in range(count)]
    cycles = offered(code.name, messages, rng, busy)
    sent = run_encoder(to_verilog(FecEncoder(code), name="fec_encoder"), cycles, folder=folder)
    seen = [(s.ctrl, s.payload) for s, (en, *_) in zip(sent, cycles, strict=True) if en]
    want = [b for m in messages for b in r.blocks(r.encode(r.message(m)))]
    for k, (a, b) in enumerate(zip(want, seen, strict=True)):
        assert a == b, f"block {k % r.slots} of codeword {k // r.slots}: expected {a}, seen {b}"


@pytest.mark.parametrize(("code", "count", "busy"), [
    (RS152, 60, 0.6), (RS544, 3, 0.9), (ODD, 40, 0.7), (ROOT, 20, 1.0)],
    ids=lambda v: getattr(v, "name", v))
def test_encoder_sends_the_message_and_then_its_parity(code, count, busy, seed, tmp_path):
    assert_encodes(code, count, random.Random(seed), tmp_path, busy)


@pytest.mark.slow
@pytest.mark.parametrize(("code", "count", "heaviest"), [
    (RS152, 500, 8), (RS544, 60, 20), (ODD, 60, 7)], ids=lambda v: getattr(v, "name", v))
def test_decoder_makes_of_errors_what_galois_does(code, count, heaviest, seed, tmp_path):
    rng = random.Random(seed)
    assert_decodes(code, mixed_words(code.name, count, rng, heaviest), Line(rng), tmp_path,
                   judge=galois_judge(code.name))


@pytest.mark.long
@pytest.mark.parametrize(("code", "count", "heaviest"), [
    (RS152, 8000, 12), (RS544, 400, 30), (ODD, 3000, 9), (ROOT, 1600, 14)],
    ids=lambda v: getattr(v, "name", v))
def test_decoder_makes_of_many_errors_what_galois_does(code, count, heaviest, seed, tmp_path):
    rng = random.Random(seed)
    assert_decodes(code, mixed_words(code.name, count, rng, heaviest), Line(rng, busy=0.9),
                   tmp_path, judge=galois_judge(code.name))


@pytest.mark.parametrize(("code", "spacing", "busy"), [
    (RS152, 1, 0.5), (RS152, 2, 0.97), (ROOT, 1, 0.8), (ODD, 3, 1.0)],
    ids=lambda v: getattr(v, "name", v))
def test_blocks_leave_at_their_time_whenever_they_come(code, spacing, busy, seed, tmp_path):
    rng = random.Random(seed)
    words = mixed_words(code.name, 40, rng, 2 * code.correct + 1)
    assert_decodes(code, words, Line(rng, spacing, busy), tmp_path, spacing)


@pytest.mark.parametrize("code", [RS152, ODD], ids=lambda code: code.name)
def test_every_single_wrong_symbol_is_found(code, seed, tmp_path):
    rng, r = random.Random(seed), reference(code.name)
    words = []
    for place in [None, None, *range(r.n)]:
        sent = r.random(rng)
        among = None if place is None else [place]
        words.append((sent, with_errors(code.name, sent, int(bool(among)), rng, among)))
    assert_decodes(code, words, Line(rng), tmp_path)


def test_codeword_of_zeros_and_errors_at_both_ends(seed, tmp_path):
    rng, r = random.Random(seed), reference("rs152")
    ends = [0, 1, r.n - 2, r.n - 1]
    words = [([0] * r.n, with_errors("rs152", [0] * r.n, w, rng, ends))
             for w in (0, 0, 1, 2, 3, 3, 4, 4, 3)]
    assert_decodes(RS152, words, Line(rng), tmp_path)


def lock_cycle(given):
    return next((cycle for cycle, g in enumerate(given) if g.locked), None)


def most_blocks(r):
    """To lock, from any phase, on good codewords (docs/fec.md)."""
    return (2 * r.slots + 1) * r.slots + r.slots


def assert_locks(code, before, rng, folder):
    """After `before` blocks of a codeword that began unseen: the rest, in order, from some on."""
    r = reference(code.name)
    line = Line(rng)
    words = [r.random(rng) for _ in range(2 * r.slots + 5)]
    tail = r.blocks(words[0])[r.slots - before:] if before else []
    for block in tail:
        line.block(*block)
    for word in words[1:]:
        line.codeword(code.name, word)
    line.idle(LATENCY[code.name] + r.data)
    given = decode(code, line, folder)
    locked = lock_cycle(given)
    assert locked is not None and locked <= most_blocks(r) + LATENCY[code.name], locked
    assert all(g.locked for g in given[locked:])
    out = blocks_out(given)
    want = [(c, p, 0, 0, 0) for word in words[1:] for c, p in r.blocks(word)[:r.data]]
    assert out == want[-len(out):] and len(out) % r.data == 0 and out
    return locked


@pytest.mark.parametrize("before", [0, 1, 16])
def test_codeword_sync_is_found_from_any_block(before, seed, tmp_path):
    locked = assert_locks(RS152, before, random.Random(seed), tmp_path)
    # `before` slips, of 2 × slots + 1 blocks each, bring the phase there; see docs/fec.md.
    assert locked == (2 * 17 + 1) * before + 2 * 17 - 1 + LATENCY["rs152"] - 1


def test_noise_neither_locks_nor_is_given(seed, tmp_path):
    line = Line(random.Random(seed))
    line.noise(2000)
    given = decode(RS152, line, tmp_path)
    assert not any(g.locked or g.valid for g in given)


@pytest.mark.parametrize(("bad", "keeps"), [(7, True), (8, False)])
def test_eight_uncorrectable_codewords_running_end_the_lock_and_seven_do_not(
        bad, keeps, seed, tmp_path):
    assert_loses_lock_after(bad, keeps, seed, tmp_path)


def assert_loses_lock_after(bad, keeps, seed, tmp_path):
    rng, r = random.Random(seed), reference("rs152")
    line, ends = Line(rng), []
    for k in range(20):
        sent = r.random(rng)
        spoiled = 4 <= k < 4 + bad
        ends.append(line.codeword("rs152", with_errors("rs152", sent, 5, rng) if spoiled else sent))
    line.idle(40)
    given = decode(RS152, line, tmp_path)
    held = [given[end + LATENCY["rs152"]].locked for end in ends]
    lost = [] if keeps else [11, 12]     # the eighth itself, and the first good one after it
    assert held == [k >= 1 and k not in lost for k in range(20)]
    valid = [given[end + LATENCY["rs152"]].valid for end in ends]
    assert valid == held
    assert sum(g.uncorrected for g in given) == min(bad, 7)


def test_a_lost_block_costs_the_lock_which_comes_again(seed, tmp_path):
    rng, r = random.Random(seed), reference("rs152")
    words = [r.random(rng) for _ in range(60)]
    line = Line(rng)
    for k, word in enumerate(words):
        blocks = r.blocks(word)
        for block in blocks[1:] if k == 10 else blocks:
            line.block(*block)
    line.idle(40)
    given = decode(RS152, line, tmp_path)
    changes = [b.locked - a.locked for a, b in zip(given[:-1], given[1:], strict=True)]
    assert [c for c in changes if c] == [1, -1, 1] and given[-1].locked
    good = [(g.ctrl, g.payload) for g in given if g.valid and not g.bad]
    want = [b for k, word in enumerate(words) for b in r.blocks(word)[:r.data]
            if k != 10]
    # The next block that begins a codeword is 16 slips away.
    assert good[:9 * r.data] == want[r.data:10 * r.data]
    tail = good[9 * r.data:]
    assert len(tail) >= 5 * r.data and tail == want[-len(tail):]


def test_loss_of_block_lock_drops_all_state(seed, tmp_path):
    rng, r = random.Random(seed), reference("rs152")
    line, restarts = Line(rng), []
    for _ in range(4):
        words = [r.random(rng) for _ in range(5)]
        restarts.append(words)
        for word in words[:-1]:
            line.codeword("rs152", word)
        for block in r.blocks(words[-1])[:rng.randrange(1, 17)]:
            line.block(*block)
        line.idle(rng.randrange(1, 9), lock=0)
        # What comes without block lock is nothing.
        line.cycles[-1] = (0, 1, 1, rng.getrandbits(64))
    given = decode(RS152, line, tmp_path)
    dropped = [k for k, (lock, *_) in enumerate(line.cycles) if not lock]
    assert not any(given[k + 1].locked or given[k + 1].valid for k in dropped if k + 1 < len(given))
    out = blocks_out(given)
    starts = [(k + 1 if k >= 0 else 0) for k in
              [-1] + [k for k in dropped if k + 1 not in dropped][:-1]]
    place = 0
    for start, words in zip(starts, restarts, strict=True):
        end = next((k for k in dropped if k > start), len(given))
        count = sum(g.valid for g in given[start:end + 1])
        want = [(c, p, 0, 0, 0) for w in words[1:4] for c, p in r.blocks(w)[:r.data]]
        assert out[place:place + count] == want[:count] and count >= r.data
        place += count


def test_generator_of_rs544_is_that_of_table_91_3():
    assert Field(RS544).generator(30, 0) == [
        523, 834, 128, 158, 185, 127, 392, 193, 610, 788, 361, 883, 503, 942, 385, 495,
        720, 94, 132, 593, 249, 282, 565, 108, 1, 552, 230, 187, 552, 575, 1]


@pytest.mark.parametrize(("changes", "text"), [
    ({"polynomial": 0x11B}, "not primitive"), ({"polynomial": 0x409}, "not primitive"),
    ({"correct": 5}, "correct is 5"), ({"correct": 0}, "correct is 0"),
    ({"data_blocks": 28}, "260 symbols"), ({"parity_blocks": 3}, "do not divide"),
    ({"parity": 10}, "do not fit"), ({"scan": 3}, "scan is 3"), ({"scan": 9}, "scan is 9")])
def test_impossible_codes_are_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        replace(RS152, **changes)


def test_facts_of_the_codes():
    for code in (RS152, RS544, ODD, ROOT):
        r = reference(code.name)
        assert (code.n, code.k, code.slots) == (r.n, r.k, r.slots)
        assert code.latency == LATENCY[code.name]


def test_another_first_root_is_caught_in_the_encoder(seed, tmp_path, monkeypatch):
    right = encoder.feedback
    monkeypatch.setattr(encoder, "feedback", lambda code: right(replace(code, first_root=1)))
    with pytest.raises(AssertionError, match="block 16 of codeword 0"):
        assert_encodes(RS152, 2, random.Random(seed), tmp_path, 1.0)


def assert_mutant_is_caught(seed, tmp_path):
    rng = random.Random(seed)
    with pytest.raises(AssertionError, match="cycle"):
        assert_decodes(RS152, mixed_words("rs152", 60, rng, 8), Line(rng), tmp_path)


class WrongPower(Field):
    """alpha^3 is not what it should be."""

    def power(self, exponent):
        return super().power(exponent) ^ (exponent == 3)


@pytest.mark.parametrize("module", [syndromes, decoder.forney])
def test_a_wrong_constant_is_caught_in_the_decoder(module, seed, tmp_path, mutate):
    mutate.setattr(module, "Field", WrongPower)
    assert_mutant_is_caught(seed, tmp_path)


def test_a_decoder_that_corrects_four_is_caught(seed, tmp_path, monkeypatch):
    rng = random.Random(seed)
    words = mixed_words("rs152", 60, rng, 8)
    four = replace(RS152, correct=4)
    monkeypatch.setitem(LATENCY, "rs152", four.latency)
    with pytest.raises(AssertionError, match="cycle"):
        assert_decodes(four, words, Line(rng), tmp_path)


def test_giving_up_one_codeword_early_is_caught(seed, tmp_path, mutate):
    mutate.setattr(sync, "MOST_BAD", 7)
    with pytest.raises(AssertionError):
        assert_loses_lock_after(7, True, seed, tmp_path)


@pytest.mark.parametrize("code", [RS152, RS544], ids=lambda code: code.name)
def test_the_configuration_has_the_codes_blocks_and_latency(code):
    assert FEC_BLOCKS[code.name] == (code.data_blocks, code.parity_blocks)
    assert FEC_LATENCY[code.name] == code.latency
