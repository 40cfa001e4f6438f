"""Beats in are beats out: every shape, order of wires, skew and live set."""

import numpy as np
import pytest
from serdes_restated import SHAPES, channel, offers_of, rows, shaped

from lightloom.sim.serdes import receive, receive_all, transmit

every_shape = pytest.mark.parametrize("shape", SHAPES)
BRING_UP = 1000
"""Line rows until the port is aligned: slips through all phases, lock, some markers."""


def any_channel(cfg, words, rng):
    """Wires in any order, each late by any bits that the deskew FIFO covers."""
    lanes = cfg.serdes.lanes
    words = words[:, rng.permutation(lanes)]
    return channel(words, rng.integers(0, (cfg.serdes.deskew_blocks - 4) * 66, lanes), rng)


def assert_same_beats(beats, offers):
    assert len(beats.cycle) == len(offers)
    for i, (_, data, ctrl) in enumerate(offers):
        assert np.array_equal(beats.data[i], data) and np.array_equal(beats.ctrl[i], ctrl)
    assert not beats.error.any()


@every_shape
@pytest.mark.parametrize("gap", [0, 1, 9])
def test_beats_come_back_through_any_channel(shape, gap, seed):
    cfg, rng = shaped(shape), np.random.default_rng(seed)
    off = int(rng.integers(2**cfg.serdes.lanes - 1))
    start = rows(cfg, BRING_UP)
    offers = offers_of(cfg, rng, 300, gap, start)
    cycles = start + rows(cfg, 300 * cfg.derived.blocks + 200) + 300 * (gap + 1)
    accepted, words = transmit(cfg, offers, cycles, [(0, off)])
    assert (accepted >= start).all()
    status = receive_all(cfg, any_channel(cfg, words, rng))
    assert_same_beats(status.beats, offers)
    assert status.aligned and status.live == (1 << cfg.serdes.lanes) - 1 & ~off
    assert not status.realigns and not status.bip_errors.any()


@every_shape
def test_lanes_go_and_come_back(shape, seed):
    """Beats between two changes of the live set come back; around one the port realigns."""
    cfg, rng = shaped(shape), np.random.default_rng(seed)
    lanes, begin, offers, off = cfg.serdes.lanes, 0, [], [(0, 0)]
    for _ in range(4):
        quiet = begin + rows(cfg, BRING_UP)
        offers += offers_of(cfg, rng, 40, 3, quiet)
        begin = quiet + rows(cfg, 40 * cfg.derived.blocks + 100) + 160
        off.append((begin, int(rng.integers(2**lanes - 1))))
    accepted, words = transmit(cfg, offers, begin, off)
    assert (accepted >= 0).all()
    status = receive_all(cfg, any_channel(cfg, words, rng))
    assert_same_beats(status.beats, offers)
    changes = sum(a[1] != b[1] for a, b in zip(off[:-2], off[1:-1], strict=True))
    assert status.realigns == changes


@every_shape
def test_a_dark_wire_that_carries_no_live_lane_does_no_harm(shape, seed):
    cfg, rng = shaped(shape), np.random.default_rng(seed)
    lanes = cfg.serdes.lanes
    if lanes == 1:
        pytest.skip("the one lane must live")
    off = int(rng.integers(1, 2**lanes - 1))
    start = rows(cfg, BRING_UP)
    offers = offers_of(cfg, rng, 100, 3, start)
    _, words = transmit(cfg, offers, start + rows(cfg, 100 * cfg.derived.blocks + 200) + 400,
                        [(0, off)])
    words[:, [lane for lane in range(lanes) if off >> lane & 1]] = 0
    assert_same_beats(receive(cfg, any_channel(cfg, words, rng)), offers)


@every_shape
def test_a_bit_error_spoils_few_beats(shape, seed):
    """The descrambler makes three of it, in two blocks. A hidden PAD or idle row and a
    wrong `phase` cost a period at most; a wrong `live` on a lane alone, as it is another set of
    lanes, two."""
    cfg, rng = shaped(shape), np.random.default_rng(seed)
    start, width = rows(cfg, BRING_UP), cfg.serdes.word_bits
    offers = offers_of(cfg, rng, 300, 0, start)
    cycles = start + rows(cfg, 300 * cfg.derived.blocks + 200)
    _, words = transmit(cfg, offers, cycles)
    clean = receive(cfg, words)
    assert_same_beats(clean, offers)
    most = 2 * cfg.serdes.marker_period * cfg.serdes.lanes // cfg.derived.blocks + 2
    hits = []
    for _ in range(20):
        spoilt = words.copy()
        cycle = int(rng.integers(start, cycles))
        spoilt[cycle, rng.integers(cfg.serdes.lanes), rng.integers(width)] ^= 1
        beats = receive(cfg, spoilt)
        known = {beat.tobytes() for beat in beats.data}
        hits.append(sum(beat.tobytes() not in known for beat in clean.data))
    assert max(hits) <= most and np.median(hits) <= 2


@pytest.mark.parametrize("shape", ["4 lanes, beat of 4", "4 lanes, beat of 2", "1 lane, beat of 4",
                                   "16 lanes, beat of 8", "3 lanes, beat of 4"])
def test_steady_state_latency_is_the_contracts(shape, seed):
    """A lone beat: its last row is read a slot after the one before, and out 6 cycles after its
    last bit's word."""
    cfg, rng = shaped(shape), np.random.default_rng(seed)
    width, lanes, blocks = cfg.serdes.word_bits, cfg.serdes.lanes, cfg.derived.blocks
    start, period, flight = rows(cfg, BRING_UP), cfg.serdes.marker_period, 7
    offers = [(start + 60 * k + int(rng.integers(20)), *offers_of(cfg, rng, 1, 0)[0][1:])
              for k in range(100)]
    accepted, words = transmit(cfg, offers, start + 6100)
    assert accepted.tolist() == [cycle for cycle, *_ in offers]
    beats = receive(cfg, channel(words, [flight * width] * lanes))
    assert_same_beats(beats, offers)
    for taken, out in zip(accepted, beats.cycle, strict=True):
        # A row is written a cycle: the first when it is full, or one later, with PAD.
        written = [taken + k + (blocks < lanes) for k in range(-(-blocks // lanes))]
        row = 0
        for at in written:
            row = next(j for j in range(row, 10000)
                       if 2 + 66 * j // width >= at + 3 and j % (period + 1)) + 1
        assert out == 4 + (66 * (row - 1) + 65) // width + flight + 6
