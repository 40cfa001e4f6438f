"""Bit-serial references of a lane, written from docs/serdes.md, and rows and lines to try."""

from collections import deque

import pytest

from lightloom.config import load, override, scrambler_seed
from lightloom.tb.lane_harness import Entry, Row, run_rx

WIDTHS = [16, 20, 32, 40, 64, 66]
IDLE, PAD, MARKER, TRAIN, TAIL = 0x1E, 0x87, 0xFF, 0x55, 0x78
KINDS = {IDLE: "IDLE", PAD: "PAD", TRAIN: "CONTROL", TAIL: "CONTROL"}


every_width = pytest.mark.parametrize("bits", WIDTHS, ids=lambda bits: f"words-of-{bits}")


def make(bits, **changes):
    return override(load("ecp5"), **{
        "serdes__lanes": 1, "serdes__word_bits": bits, "serdes__lane_gbps": 1.0,
        "serdes__marker_period": 22, "serdes__deskew_blocks": 4,
        "link__replay_flits": 512, "link__frame_flits": 4, "xbar__vc_depth": 512,
        **{f"serdes__{name}": value for name, value in changes.items()}})


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


def prbs(taps, order, state, *, inverted=False):
    """Bits of a Fibonacci register, forever."""
    register = deque(state, maxlen=order)
    while True:
        bit = sum(register[tap - 1] for tap in taps) & 1
        register.appendleft(bit)
        yield bit ^ inverted


def random_row(rng):
    payload, ctrl = rng.getrandbits(64), rng.random() < 0.4
    if ctrl:
        payload = payload & ~0xFF | rng.choice([IDLE, PAD, TRAIN, TAIL, MARKER])
    return Row(payload, int(ctrl), rng.getrandbits(16), rng.getrandbits(3))


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


def compare_rx(cfg, words, *, signal=None, control=None):
    """Run words through the receiver and the reference; returns the reference's outcome."""
    entries, slips = run_rx(cfg, lambda y, _: words[y], len(words), control=control,
                            signal=signal and (lambda y: signal[y]))
    want = expected(cfg, words, signal)
    assert_same_entries(entries, want[0])
    assert slips == want[1]
    return want
