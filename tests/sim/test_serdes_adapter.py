"""The adapter's schedule, cycle by cycle, and what comes back through a skewed channel."""

import numpy as np
import pytest

from lightloom.config import load, override, scrambler_seed
from lightloom.sim.serdes import encode, marker, receive, receive_lane, transmit

SHORT_PERIOD = {"serdes__marker_period": 16, "serdes__deskew_blocks": 8}
SHAPES = {
    "row is a beat": {},
    "row is a beat, words of 66": {"serdes__word_bits": 66, "serdes__lane_gbps": 33.0},
    "row is a beat, words of 20": {"serdes__word_bits": 20, "serdes__lane_gbps": 10.0,
                                   "link__replay_flits": 512, "xbar__vc_depth": 512},
    "row of two beats": {"chiplet__flit_bytes": 16, "link__frame_flits": 4,
                         "serdes__word_bits": 32, "serdes__lane_gbps": 16.0},
    "beat of two rows": {"chiplet__flit_bytes": 64},
    "beat of four rows": {"chiplet__flit_bytes": 64, "serdes__lanes": 2},
}


@pytest.fixture(params=SHAPES)
def cfg(request):
    return override(load("sim"), serdes__marker_period=64, **SHAPES[request.param])


def random_offers(cfg, rng, count, gap):
    """Offers with random blocks; the first block of every third is a TAIL."""
    blocks = cfg.derived.blocks
    offers, cycle = [], 0
    for index in range(count):
        cycle += int(rng.integers(0, gap + 1))
        data, ctrl = rng.integers(0, 2**64, blocks, np.uint64), np.zeros(blocks, bool)
        if index % 3 == 0:
            data[0], ctrl[0] = data[0] & ~np.uint64(0xFF) | np.uint64(0x78), True
        offers.append((cycle, data, ctrl))
    return offers


def channel(words, bits, rng=None):
    """Delay each lane of words [cycles, lanes, width] by its own number of bits."""
    out = np.zeros_like(words)
    for lane, delay in enumerate(bits):
        line = words[:, lane].reshape(-1)
        before = rng.integers(0, 2, delay) if rng else np.zeros(delay)
        out[:, lane] = np.concatenate([before, line])[:line.size].reshape(words[:, lane].shape)
    return out


def assert_same_beats(beats, offers):
    assert len(beats.cycle) == len(offers)
    for i, (_, data, ctrl) in enumerate(offers):
        assert np.array_equal(beats.data[i], data) and np.array_equal(beats.ctrl[i], ctrl)
    assert not beats.error.any()


def test_beats_come_back_in_order_through_any_phase_and_skew(cfg, seed):
    rng = np.random.default_rng(seed)
    width = cfg.serdes.word_bits
    start = 6000 * 64 // width
    cycles = start + 3000
    offers = [(cycle + start, *beat) for cycle, *beat in random_offers(cfg, rng, 300, 6)]
    accepted, words = transmit(cfg, offers, cycles)
    assert (accepted >= start).all()
    delays = rng.integers(0, (cfg.serdes.deskew_blocks - 3) * 66, cfg.serdes.lanes)
    assert_same_beats(receive(cfg, channel(words, delays, rng)), offers)


def test_steady_state_latency_is_the_contracts(cfg, seed):
    rng = np.random.default_rng(seed)
    width, period = cfg.serdes.word_bits, cfg.serdes.marker_period
    flight, start = 7, 6000 * 64 // width
    offers = [(cycle + start, *beat) for cycle, *beat in random_offers(cfg, rng, 200, 9)]
    accepted, words = transmit(cfg, offers, start + 3000)
    beats = receive(cfg, channel(words, [flight * width] * cfg.serdes.lanes))
    assert_same_beats(beats, offers)
    per_row, per_beat = cfg.derived.beats_per_row, cfg.derived.rows_per_beat
    pulls = [66 * row // width for row in range(10000)]
    payload = [row for row in range(10000) if row % (period + 1)]
    used = {}
    for took, out in zip(accepted, beats.cycle, strict=True):
        # The first payload row pulled at or after the beat was taken, at the end of its group.
        place = next(i for i, row in enumerate(payload) if pulls[row] >= took)
        row = payload[place + per_beat - 1]
        j = used[row] = used.get(row, -1) + 1
        assert j < per_row and place % per_beat == 0
        assert out == 3 + (66 * row + 65) // width + flight + 5 + j


def test_idle_words_are_markers_and_idles_from_each_lanes_seed():
    cfg = override(load("sim"), **SHORT_PERIOD)
    cycles = 50
    accepted, words = transmit(cfg, [], cycles)
    assert accepted.size == 0 and not words[:3].any()
    for lane in range(4):
        data = [0x1E if row % 17 else marker(lane) for row in range(60)]
        bits, _ = encode(np.array(data, np.uint64), np.ones(60, bool), state=scrambler_seed(lane))
        assert np.array_equal(words[3:, lane].reshape(-1), bits[:(cycles - 3) * 64])


def test_ready_cycles_of_a_row_that_is_a_beat():
    """Words of 64: row 0 and 17 are markers; row 32 is pulled in cycle 33, none in cycle 32."""
    cfg = override(load("sim"), **SHORT_PERIOD)
    beat = (np.zeros(4, np.uint64), np.zeros(4, bool))
    accepted, _ = transmit(cfg, [(0, *beat)] * 40, 40)
    expected = [c for c in range(40) if c not in (0, 17, 32, 35)]
    assert accepted.tolist() == expected + [-1] * (40 - len(expected))


def test_ready_cycles_of_a_row_of_two_beats():
    """Words of 32: pulls at 0, 2, 4, ...; one beat gathers at any time, the other at a pull."""
    cfg = override(load("sim"), **SHORT_PERIOD, **SHAPES["row of two beats"])
    beat = (np.zeros(2, np.uint64), np.zeros(2, bool))
    accepted, _ = transmit(cfg, [(0, *beat)] * 4 + [(6, *beat)] + [(9, *beat)] * 2, 20)
    # Row 0 is a marker: the beat of cycle 0 waits, the next is taken with row 1's pull.
    assert accepted.tolist() == [0, 2, 3, 4, 6, 9, 10]


def test_ready_cycles_of_a_beat_of_two_rows():
    cfg = override(load("sim"), **SHORT_PERIOD, **SHAPES["beat of two rows"])
    beat = (np.zeros(8, np.uint64), np.zeros(8, bool))
    accepted, _ = transmit(cfg, [(0, *beat), (2, *beat), (8, *beat)], 20)
    assert accepted.tolist() == [1, 3, 9]


def lane_bits(count, seed):
    data = np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)
    return data, encode(data, np.zeros(count, bool), state=scrambler_seed(0))[0]


@pytest.mark.parametrize("phase", range(0, 66, 5))
def test_lane_locks_at_any_phase(phase, seed):
    data, bits = lane_bits(600, seed)
    got, ctrl, error = receive_lane(bits[phase:])
    assert got.size > 100 and not ctrl.any() and not error.any()
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
    got, _, error = receive_lane(bits)
    # 16 bad: a slip off the right phase, which 176 blocks are too few to find again.
    assert got.size == (192 if keeps else 16)
    assert np.array_equal(got, data[64:64 + got.size])
    assert error.nonzero()[0].tolist() == list(range(bad))


def test_bad_headers_are_counted_in_windows_of_64(seed):
    _, bits = lane_bits(256, seed)
    for block in [*range(128 - 15, 128 + 15)]:
        bits[66 * block] = bits[66 * block + 1]
    assert receive_lane(bits)[0].size == 192


def test_unknown_control_type_is_an_error():
    data = np.array([0x1E] * 65 + [0x1F, 0x55, 0x78, 0x4B, 0x00], np.uint64)
    bits, _ = encode(data, np.ones(70, bool), state=5)
    _, ctrl, error = receive_lane(bits)
    assert ctrl.all() and error.tolist() == [False, True, False, False, False, True]


def steady(cfg, cycles=4000):
    """Words with a beat in every slot, numbered in their first block."""
    zero = np.zeros(cfg.derived.blocks, bool)
    offers = []
    for number in range(cycles):
        data = np.zeros(cfg.derived.blocks, np.uint64)
        data[0] = number
        offers.append((0, data, zero))
    return transmit(cfg, offers, cycles)


def break_rows(words, rows, lane=0):
    """Spoil the sync header of `rows` on one lane."""
    line = words[3:, lane].reshape(-1)
    for row in rows:
        line[66 * row] = line[66 * row + 1]
    words[3:, lane] = line.reshape(words[3:, lane].shape)


def test_three_wrong_marker_rows_keep_the_alignment_and_four_end_it():
    cfg = override(load("sim"), **SHORT_PERIOD)
    _, words = steady(cfg)
    clean = receive(cfg, words)
    marks = [17 * i for i in range(400)]
    three, four = words.copy(), words.copy()
    break_rows(three, marks[130:133])
    break_rows(four, marks[130:134])
    assert np.array_equal(receive(cfg, three).data, clean.data)
    lost = receive(cfg, four)
    # The port realigns on the next two marker rows: one period of 16 payload rows is not given.
    missing = np.setdiff1d(clean.data[:, 0], lost.data[:, 0])
    assert missing.size == 32 and (np.diff(missing) == 1).all()


def test_swapped_lanes_never_align():
    cfg = override(load("sim"), **SHORT_PERIOD)
    _, words = steady(cfg)
    assert receive(cfg, words).cycle.size > 1000
    assert receive(cfg, words[:, [1, 0, 2, 3]]).cycle.size == 0


def test_skew_beyond_the_deskew_fifo_never_aligns():
    cfg = override(load("sim"), **SHORT_PERIOD)
    _, words = steady(cfg)
    assert receive(cfg, channel(words, [0, 0, 7 * 66, 0])).cycle.size > 1000
    assert receive(cfg, channel(words, [0, 0, 9 * 66, 0])).cycle.size == 0


@pytest.mark.parametrize(("lanes", "lane"), [(4, 2), (1, 0)])
def test_loss_of_one_lanes_block_lock_starts_over(lanes, lane):
    """A lane alone cannot overflow its FIFO: the loss itself must end the alignment."""
    cfg = override(load("sim"), **SHORT_PERIOD, serdes__lanes=lanes)
    _, words = steady(cfg, 12000)
    break_rows(words, range(3000, 3020), lane=lane)
    beats = receive(cfg, words)
    assert (np.diff(beats.cycle) > 64).sum() == 1 and beats.cycle[-1] > 11990
    good = ~beats.error.any(axis=1)
    assert (np.diff(beats.data[good, 0].astype(np.int64)) > 0).all()
    assert not beats.data[good, 1:].any() and not beats.ctrl[good].any()


def test_a_bad_header_is_given_as_an_error_in_its_block():
    cfg = override(load("sim"), **SHORT_PERIOD)
    _, words = steady(cfg)
    break_rows(words, [3001], lane=2)
    beats = receive(cfg, words)
    assert beats.error.sum() == 1 and beats.error[:, 2].sum() == 1
