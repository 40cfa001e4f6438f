"""Frames through the adapters with errors on the line: none that was hit is taken as good."""

from itertools import pairwise

import crcmod.predefined
import numpy as np
import pytest
from serdes_restated import clear_payloads, line_blocks, rows

from lightloom import config
from lightloom.sim.link.syndromes import line_syndromes
from lightloom.sim.serdes import receive, transmit

PROFILES = "sim", "ecp5", "tera"
CRC32C = crcmod.predefined.mkPredefinedCrcFun("crc-32c")
TAIL = 0x78
SPILL = 58
GOOD = CRC32C(CRC32C(b"").to_bytes(4, "little"))
"""CRC register after any frame and its CRC."""
LEAD = 4
"""Cycle of the first word."""


def make_frames(cfg, rng, count):
    """Frames of random flits as beats uint64[n, W] each: the tail's type and `count` are right
    (docs/link.md), then come random bits and the CRC."""
    size, frames = cfg.chiplet.flit_bytes, []
    for number in range(count):
        flits = int(rng.integers(cfg.link.frame_flits + 1)) if number % 3 else cfg.link.frame_flits
        body = bytearray(rng.bytes(size * (flits + 1) - 4))
        body[size * flits:size * flits + 2] = (TAIL | flits << 8).to_bytes(2, "little")
        whole = bytes(body) + CRC32C(bytes(body)).to_bytes(4, "little")
        frames.append(np.frombuffer(whole, "<u8").reshape(flits + 1, -1))
    return frames


def take(cfg, beats):
    """What a receiver makes of beats (docs/link.md): for each tail its frame's beats, the
    syndrome, whether it is accepted, and whether no beat before it was left out."""
    flits, whole = [], True
    for data, ctrl, error in zip(beats.data, beats.ctrl, beats.error, strict=True):
        if error.any() or (ctrl.any() and (
                ctrl.tolist() != [True] + [False] * (ctrl.size - 1) or data[0] & 0xFF != TAIL)):
            whole = False
        elif not ctrl.any():
            flits.append(data)
        else:
            frame = np.array([*flits, data])
            syndrome = CRC32C(frame.astype("<u8").tobytes()) ^ GOOD
            count = int(data[0]) >> 8 & (1 << cfg.derived.count_bits) - 1
            yield frame, syndrome, syndrome == 0 and count == len(flits), whole
            flits, whole = [], True


class Sent:
    """Frames on the line: `words`, and for each block of each frame its lane and row."""

    def __init__(self, cfg, frames):
        self.cfg, self.frames = cfg, frames
        beats = np.concatenate(frames)
        ends = np.cumsum([len(frame) for frame in frames]) - 1
        # Block lock, then two marker rows.
        warm = rows(cfg, 500 + 3 * (cfg.serdes.marker_period + 1))
        ctrl = np.zeros(beats.shape, bool)
        ctrl[ends, 0] = True
        cycles = warm + rows(cfg, beats.size // cfg.serdes.lanes + 40) * 65 // 64 + 200
        _, self.words = transmit(
            cfg, [(warm, beat, sync) for beat, sync in zip(beats, ctrl, strict=True)], cycles)
        self.numbers = {int(block): number for number, frame in enumerate(frames)
                        for block in frame.reshape(-1)}
        at = {}
        for lane in range(cfg.serdes.lanes):
            sent = [block[2] for block in line_blocks(self.words, lane)]
            at |= {block: (lane, row) for row, block in enumerate(clear_payloads(sent, lane))}
        # No two of the random blocks are the same.
        self.places = [[at[int(block)] for block in frame.reshape(-1)] for frame in frames]
        self.owner = {place: number for number, places in enumerate(self.places)
                      for place in places}

    def line(self, words):
        """View of words as bits [lanes, line bits]; bit 0 is the first one of row 0."""
        return words[LEAD:].transpose(1, 0, 2).reshape(self.cfg.serdes.lanes, -1)

    def receive(self, flips):
        """{number: frame} of the frames taken, and {number: syndrome} of the whole ones."""
        line = self.line(self.words).copy()
        for lane, bit in flips:
            line[lane, bit] ^= 1
        words = self.words.copy()
        shape = words[LEAD:].transpose(1, 0, 2).shape
        words[LEAD:] = line.reshape(shape).transpose(1, 0, 2)
        taken, syndromes = {}, {}
        for frame, syndrome, good, whole in take(self.cfg, receive(self.cfg, words)):
            known = [self.numbers[int(block)] for block in frame.reshape(-1)
                     if int(block) in self.numbers]
            number = max(known, key=known.count, default=-1)
            if good:
                taken[number] = frame
            if whole:
                syndromes[number] = syndrome
        return taken, syndromes

    def touched(self, flip):
        """Frames that a wrong bit spoils."""
        lane, bit = flip
        row, place = divmod(bit, 66)
        spills = place >= 2 and place - 2 + SPILL >= 64
        return {self.owner.get((lane, row + k)) for k in range(1 + spills)} - {None}


def flips_of(sent, rng, *, headers, most):
    """1 to `most` wrong bits in every third frame, near each other or not."""
    flips = set()
    for places in sent.places[1::3]:
        for _ in range(rng.integers(1, most + 1)):
            lane, row = places[rng.integers(len(places))]
            bit = rng.integers(66) if headers else rng.integers(2, 66)
            flips.add((lane, 66 * row + int(bit)))
    return sorted(flips)


@pytest.fixture(params=PROFILES)
def sent(request, seed):
    cfg, rng = config.load(request.param), np.random.default_rng(seed)
    return Sent(cfg, make_frames(cfg, rng, 150)), rng


def test_all_frames_arrive_without_errors(sent):
    sent, _ = sent
    good, _ = sent.receive([])
    assert list(good) == list(range(len(sent.frames)))
    assert all(np.array_equal(good[k], frame) for k, frame in enumerate(sent.frames))


@pytest.mark.parametrize("headers", [False, True], ids=["payload", "headers-too"])
def test_a_frame_that_one_or_two_wrong_bits_hit_is_never_taken(sent, headers):
    sent, rng = sent
    for _ in range(4):
        flips = flips_of(sent, rng, headers=headers, most=2)
        hits = [number for flip in flips for number in sent.touched(flip)]
        good, _ = sent.receive(flips)
        assert len(hits) > 40
        for number, frame in good.items():
            assert hits.count(number) == 0 or hits.count(number) > 2
            assert np.array_equal(frame, sent.frames[number])
        if not headers:
            # The others are taken, but for one behind a tail that was not recognised.
            for before, number in pairwise(range(len(sent.frames))):
                assert number in good or number in hits or before in hits


def test_syndromes_of_a_frame_hit_on_the_line_are_as_computed(sent):
    sent, rng = sent
    lanes, checked = sent.cfg.serdes.lanes, 0
    flips = flips_of(sent, rng, headers=False, most=3)
    wrong = {}
    for lane, bit in flips:
        wrong.setdefault((lane, bit // 66), []).append(bit % 66 - 2)
    _, seen = sent.receive(flips)
    for number, value in seen.items():
        places = sent.places[number] if number >= 0 else []
        if len(places) < lanes or any(b != a + 1 for (_, a), (_, b) in zip(
                places, places[lanes:], strict=False)):
            continue      # there is a marker row in it
        syndrome, weight = line_syndromes(len(places), lanes)
        around = [(lane, row - 1) for lane, row in places[:lanes]] + places
        hits = [(k, bit) for k, place in enumerate(around) for bit in wrong.get(place, [])]
        want = np.bitwise_xor.reduce([syndrome[hit] for hit in hits] or [0])
        checked += any(weight[hit] for hit in hits)
        assert value == want
    assert checked > 10
