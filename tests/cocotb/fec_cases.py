"""Codes, a restatement of docs/fec.md, and words with errors for the tests of the FEC."""

import random
from dataclasses import dataclass, field
from functools import cache

import galois
import numpy as np

from lightloom.flow.cache import to_verilog
from lightloom.hdl.serdes.fec.code import Code
from lightloom.hdl.serdes.fec.decoder import FecDecoder
from lightloom.hdl.serdes.fec.encoder import FecEncoder
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
    """Decode all words at once; -1 errors for what galois or `correct` refuses.

    Beyond its power galois may give what is no codeword (a locator of lower degree than its
    register is long); its own check of a codeword tells these words apart.
    """
    r = reference(name)

    def judge(words):
        gf, codec = oracle(name, len(words))
        sent = np.array(words)
        fixed, errors = codec.decode(gf(sent), errors=True, output="codeword")
        errors = np.where(codec.detect(fixed), -1, errors)
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
