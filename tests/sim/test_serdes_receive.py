"""The receive adapter: block lock of a lane, and the alignment of a port."""

import numpy as np
import pytest
from serdes_restated import channel, offers_of, rows, shaped

from lightloom.config import load, override, scrambler_seed
from lightloom.sim.serdes import (
    Kind,
    encode,
    marker,
    receive,
    receive_all,
    receive_lane,
    transmit,
)

SHORT = {"serdes__marker_period": 16, "serdes__deskew_blocks": 4}


def lane_bits(count, seed):
    data = np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)
    return data, encode(data, np.zeros(count, bool), state=scrambler_seed(0))[0]


@pytest.mark.parametrize("phase", range(0, 66, 5))
def test_lane_locks_at_any_phase(phase, seed):
    data, bits = lane_bits(600, seed)
    got, kind = receive_lane(bits[phase:])
    assert got.size > 100 and (kind == Kind.DATA).all()
    assert np.array_equal(got, data[-got.size:])


def test_lane_gives_blocks_from_the_65th_good_header_on(seed):
    data, bits = lane_bits(100, seed)
    assert np.array_equal(receive_lane(bits)[0], data[64:])
    assert receive_lane(bits[:64 * 66])[0].size == 0


@pytest.mark.parametrize(("bad", "keeps"), [(15, True), (16, False)])
def test_lock_survives_15_bad_headers_of_64_and_not_16(bad, keeps, seed):
    data, bits = lane_bits(256, seed)
    for block in range(64, 64 + bad):
        bits[66 * block] = bits[66 * block + 1]
    got, kind = receive_lane(bits)
    # 16 bad: a slip off the right phase, which 176 blocks are too few to find again.
    assert got.size == (192 if keeps else 16)
    assert np.array_equal(got, data[64:64 + got.size])
    assert (kind == Kind.BAD_HEADER).nonzero()[0].tolist() == list(range(bad))


def test_bad_headers_are_counted_in_windows_of_64(seed):
    _, bits = lane_bits(256, seed)
    for block in [*range(128 - 15, 128 + 15)]:
        bits[66 * block] = bits[66 * block + 1]
    assert receive_lane(bits)[0].size == 192


def test_kinds_of_control_blocks():
    blocks = [0x1E, 0x1F, 0x55, 0x78, 0x4B, 0x87, 0x00, marker(3, live=8), marker(3, live=8) ^ 256]
    data = np.array([0x1E] * 64 + blocks, np.uint64)
    bits, _ = encode(data, np.ones(data.size, bool), state=5)
    got, kind = receive_lane(bits)
    assert np.array_equal(got, data[64:])
    assert kind.tolist() == [
        Kind.IDLE, Kind.BAD_TYPE, Kind.CONTROL, Kind.CONTROL, Kind.BAD_TYPE, Kind.PAD,
        Kind.BAD_TYPE, Kind.MARKER, Kind.BAD_TYPE]


# --- alignment ------------------------------------------------------------------------------

def steady(cfg, cycles=4000):
    """Words with a beat in every slot, numbered in their first block."""
    zero = np.zeros(cfg.derived.blocks, bool)
    offers = []
    for number in range(cycles):
        data = np.zeros(cfg.derived.blocks, np.uint64)
        data[0] = number
        offers.append((0, data, zero))
    return transmit(cfg, offers, cycles)


def break_rows(words, which, lane=0):
    """Spoil the sync header of rows on one lane."""
    line = words[4:, lane].reshape(-1)
    for row in which:
        line[66 * row] = line[66 * row + 1]
    words[4:, lane] = line.reshape(words[4:, lane].shape)


def test_rows_are_given_from_the_second_marker_on():
    """Words of 64: row k's last bit is in the word of cycle 4 + (66 k + 65) // 64, and its beat
    is out 6 cycles later."""
    cfg = override(load("sim"), **SHORT)
    accepted, words = steady(cfg)
    beats = receive(cfg, words)
    due = {4 + (66 * k + 65) // 64 + 6: k for k in range(3900) if k % 17}
    assert all(int(cycle) in due for cycle in beats.cycle)
    assert due[int(beats.cycle[0])] % 17 == 1
    assert (np.diff(beats.data[:, 0].astype(int)) == 1).all()


def test_three_wrong_marker_rows_keep_the_alignment_and_four_end_it():
    cfg = override(load("sim"), **SHORT)
    _, words = steady(cfg)
    clean = receive(cfg, words)
    marks = [17 * i for i in range(400)]
    three, four = words.copy(), words.copy()
    break_rows(three, marks[130:133])
    break_rows(four, marks[130:134])
    assert np.array_equal(receive(cfg, three).data, clean.data)
    lost = receive_all(cfg, four)
    # The port realigns on the next two marker rows: two periods of 16 payload rows are not given.
    missing = np.setdiff1d(clean.data[:, 0], lost.beats.data[:, 0])
    assert missing.size == 32 and (np.diff(missing) == 1).all()
    assert lost.realigns == 1 and lost.bad_headers.tolist() == [4, 0, 0, 0]


def test_skew_beyond_the_deskew_fifo_never_aligns():
    cfg = override(load("sim"), **SHORT)
    _, words = steady(cfg)
    assert receive(cfg, channel(words, [0, 0, 5 * 66, 0])).cycle.size > 1000
    assert receive(cfg, channel(words, [0, 0, 9 * 66, 0])).cycle.size == 0


def test_a_lane_that_comes_twice_never_aligns():
    cfg = override(load("sim"), **SHORT)
    _, words = steady(cfg)
    assert receive(cfg, words[:, [0, 1, 2, 2]]).cycle.size == 0
    assert receive(cfg, words[:, [3, 1, 2, 0]]).cycle.size > 1000


@pytest.mark.parametrize(("lanes", "lane"), [(4, 2), (1, 0)])
def test_loss_of_one_lanes_block_lock_starts_over(lanes, lane):
    """A lane alone cannot overflow its FIFO: the loss itself must end the alignment."""
    cfg = override(load("sim"), **SHORT, serdes__lanes=lanes)
    _, words = steady(cfg, 12000)
    break_rows(words, range(3000, 3020), lane=lane)
    status = receive_all(cfg, words)
    beats = status.beats
    assert status.realigns == 1 and status.aligned
    assert (np.diff(beats.cycle) > 64).sum() == 1 and beats.cycle[-1] > 11980
    good = ~beats.error.any(axis=1)
    assert (np.diff(beats.data[good, 0].astype(np.int64)) > 0).all()
    assert not beats.data[good, 1:].any() and not beats.ctrl[good].any()


def test_a_bad_header_is_given_as_an_error_in_its_block():
    cfg = override(load("sim"), **SHORT)
    _, words = steady(cfg)
    break_rows(words, [3001], lane=2)
    status = receive_all(cfg, words)
    assert status.beats.error.sum() == 1 and status.beats.error[:, 2].sum() == 1
    assert status.bad_headers.tolist() == [0, 0, 1, 0]
    assert status.bip_errors.tolist() == [0, 0, 1, 0]


def test_a_lost_row_spoils_beats_up_to_the_next_marker_only(seed):
    """5 lanes, beats of 8: a bad header over an idle row brings 5 blocks too many."""
    cfg = shaped("5 lanes, beat of 8", period=32)
    rng = np.random.default_rng(seed)
    start = rows(cfg, 800)
    offers = offers_of(cfg, rng, 400, 3, start)
    _, words = transmit(cfg, offers, start + rows(cfg, 1200))
    clean = receive_all(cfg, words)
    assert len(clean.beats.cycle) == 400
    known = {beat.tobytes() for beat in clean.beats.data}
    for row in rng.integers(820, 1100, 20):
        spoilt = words.copy()
        break_rows(spoilt, [row], lane=int(rng.integers(5)))
        beats = receive(cfg, spoilt)
        right = np.array([beat.tobytes() in known for beat in beats.data])
        wrong = (~right).nonzero()[0]
        assert right.sum() >= 400 - 22
        if wrong.size:
            width, marks = cfg.serdes.word_bits, 33 * (row // 33 + 1)
            assert beats.cycle[wrong[-1]] <= 4 + 66 * (marks + 4) // width + 6


def test_a_transceiver_that_slips_is_not_modelled():
    cfg = override(load("sim"), serdes__slip="request")
    with pytest.raises(ValueError, match='serdes.slip = "request"'):
        receive(cfg, np.zeros((10, 4, 64), np.uint8))
