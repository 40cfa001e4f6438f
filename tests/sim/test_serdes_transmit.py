"""The transmit adapter: every bit on the line, and the cycles, from the contract."""

import numpy as np
import pytest
from serdes_restated import (
    IDLE,
    MARKER,
    PAD,
    SHAPES,
    clear_payloads,
    line_blocks,
    offers_of,
    parities,
    rows,
    shaped,
)

from lightloom.config import load, override
from lightloom.sim.serdes import transmit

ZERO = (np.zeros(4, np.uint64), np.zeros(4, bool))


def line(cfg, words):
    """Rows on the line: [(control, block)] of each lane; and each lane's parities."""
    lanes, bips = [], []
    for lane in range(cfg.serdes.lanes):
        blocks = line_blocks(words, lane)
        assert all(first != second for first, second, _ in blocks)
        clear = clear_payloads([payload for *_, payload in blocks], lane)
        lanes.append([(first, block) for (first, *_), block in zip(blocks, clear, strict=True)])
        bips.append(parities(blocks))
    return list(zip(*lanes, strict=True)), bips


def expect_line(cfg, words, beats):
    """Check all rows; the blocks of `beats` (data, ctrl) must be on them in order."""
    on_line, bips = line(cfg, words)
    lanes, period, size = cfg.serdes.lanes, cfg.serdes.marker_period, cfg.derived.blocks
    queue = [(int(sync), int(block)) for data, ctrl in beats
             for block, sync in zip(data, ctrl, strict=True)]
    taken, lives = 0, []
    for k, row in enumerate(on_line):
        if k % (period + 1) == 0:
            live = row[0][1] >> 24 & 0xFFFF
            for lane, (control, block) in enumerate(row):
                bip = 0
                for own in bips[lane][k - period - 1:k] if k else []:
                    bip ^= own
                assert control and block == (
                    MARKER | lane << 8 | (lane ^ 0xFF) << 16 | live << 24
                    | taken % size << 40 | bip << 48 | (bip ^ 0xFF) << 56)
            lives.append(live)
            continue
        used = [row[lane] for lane in range(lanes) if live >> lane & 1]
        assert all(row[lane] == (1, IDLE) for lane in range(lanes) if not live >> lane & 1)
        if used[0] == (1, IDLE):
            assert used == [(1, IDLE)] * len(used)
            continue
        body = [block for block in used if block != (1, PAD)]
        assert used == body + [(1, PAD)] * (len(used) - len(body))
        assert body == queue[taken:taken + len(body)]
        taken += len(body)
        assert len(body) == len(used) or taken % size == 0
    return taken // size, lives


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gap", [0, 5])
def test_the_line_carries_markers_and_the_beats_in_order(shape, gap, seed):
    cfg, rng = shaped(shape, period=32), np.random.default_rng(seed)
    everything = (1 << cfg.serdes.lanes) - 1
    changes = [(int(cycle), int(rng.integers(everything + 1)))
               for cycle in np.sort(rng.integers(0, rows(cfg, 300), 4))]
    cycles = rows(cfg, 400)
    offers = offers_of(cfg, rng, cycles, gap)
    accepted, words = transmit(cfg, offers, cycles, changes)
    assert not words[:4].any()
    sent, lives = expect_line(cfg, words, [beat for _, *beat in offers])
    assert (accepted >= 0).sum() - 60 <= sent <= (accepted >= 0).sum()
    sets = [everything, *(everything & ~off for _, off in changes if off != everything)]
    assert lives[0] == everything and set(lives) <= set(sets) and lives[-1] == sets[-1]


def test_an_idle_port_sends_markers_and_idles():
    cfg = override(load("sim"), serdes__marker_period=16, serdes__deskew_blocks=4)
    accepted, words = transmit(cfg, [], 60)
    assert accepted.size == 0
    assert expect_line(cfg, words, []) == (0, [0xF] * 4)


def test_a_beat_with_a_block_of_the_adapters_own_is_dropped():
    cfg = shaped("4 lanes, beat of 4", period=32)
    offers = offers_of(cfg, np.random.default_rng(1), 12, 4)
    for index, own in zip((2, 5, 9), (IDLE, PAD, MARKER), strict=True):
        offers[index][1][index % 4] = 7 << 8 | own
        offers[index][2][index % 4] = True
    accepted, words = transmit(cfg, offers, 200)
    assert (accepted >= 0).all()
    good = [beat for k, (_, *beat) in enumerate(offers) if k not in (2, 5, 9)]
    assert expect_line(cfg, words, good)[0] == 9


def test_lanes_that_are_not_there_are_no_choice():
    with pytest.raises(ValueError, match="lanes_off = 0x10: the port has 4 lanes"):
        transmit(load("sim"), [], 10, [(0, 0x10)])


def test_all_lanes_off_changes_nothing():
    cfg = shaped("4 lanes, beat of 4", period=32)
    _, words = transmit(cfg, [], 100, [(0, 0b1111)])
    assert expect_line(cfg, words, []) == (0, [0xF] * 3)


def test_a_row_waits_for_a_slot_and_is_sent_two_cycles_later():
    """Words of 66: row j is pulled at 2 + j; rows 0 and 33 are marker rows."""
    cfg = shaped("4 lanes, beat of 4, words of 66", period=32)
    data, ctrl = np.full(4, 0x1234, np.uint64), np.zeros(4, bool)
    for taken, slot in ((17, 20), (18, 21), (31, 34), (32, 36), (33, 36), (34, 37)):
        accepted, words = transmit(cfg, [(taken, data, ctrl)], 60)
        assert accepted.tolist() == [taken]
        on_line, _ = line(cfg, words)
        assert [k for k, row in enumerate(on_line) if row[0] == (0, 0x1234)] == [slot - 2]


def test_ready_of_a_row_that_is_a_beat_is_room_in_the_crossing(seed):
    cfg = shaped("4 lanes, beat of 4", period=16, depth=4)
    accepted, _ = transmit(cfg, [(0, *ZERO)] * 300, 250)
    slots = [2 + 66 * j // 64 for j in range(250) if j % 17]
    taken, read = [], []
    for cycle in range(250):
        if len(taken) - sum(at <= cycle - 3 for at in read) < 8:
            taken.append(cycle)
        if cycle in slots and len(read) < sum(at <= cycle - 3 for at in taken):
            read.append(cycle)
    assert accepted.tolist() == taken + [-1] * (300 - len(taken))
    assert len(taken) < 240


def test_blocks_gather_while_the_crossing_is_full():
    """5 lanes of 16, beats of 8 blocks; slots at 2 + 4.125 j. Row 0 is a marker's."""
    cfg = shaped("16 lanes, beat of 8", period=64)
    beat = np.zeros(8, np.uint64), np.zeros(8, bool)
    accepted, _ = transmit(cfg, [(10, *beat)] * 40, 60, [(0, 0xFFE0)])
    # Rows of 5: a = 8 - 5 = 3, 11 - 5 = 6 (not ready), 1, 4, 7 (not), 2, 5 (not), 0: ready again.
    pattern = [10, 11, 13, 14, 16]
    assert accepted[:5].tolist() == pattern


def test_a_lone_beat_on_a_wide_row_is_padded_at_once():
    """One beat of 4 on 16 lanes, words of 16: taken at 40, row at 41, readable at 44."""
    cfg = shaped("16 lanes, beat of 4")
    data, ctrl = np.full(4, 0x1234, np.uint64), np.zeros(4, bool)
    _, words = transmit(cfg, [(40, data, ctrl)], 200)
    on_line, _ = line(cfg, words)
    slot = next(j for j in range(1, 100) if 2 + 66 * j // 16 >= 44)
    assert on_line[slot] == ((0, 0x1234),) * 4 + ((1, PAD),) * 12


@pytest.mark.parametrize(("second", "fills"), [(56, [8]), (57, [4, 4])])
def test_a_begun_row_waits_while_two_rows_wait(second, fills):
    """Words of 16: slots at 43, 47, 51, 55, 59. Rows of four beats are written at 43, 47, 51 and
    read a slot later; of the read at 51 the row former knows at 56, so that the beat of 52 waits
    until then: one that comes at 56 joins it."""
    cfg = shaped("16 lanes, beat of 4")
    beat = np.full(4, 0x1234, np.uint64), np.zeros(4, bool)
    cycles = [*range(40, 53), second]
    accepted, words = transmit(cfg, [(cycle, *beat) for cycle in cycles], 400)
    assert accepted.tolist() == cycles
    seen = [sum(block == (0, 0x1234) for block in row) for row in line(cfg, words)[0]]
    assert [fill for fill in seen if fill] == [16, 16, 16, *fills]


@pytest.mark.parametrize("live", [16, 15, 11, 4, 1, None])
def test_efficiency_on_16_lanes(live, seed):
    saturated(load("tera"), live, np.random.default_rng(seed))


@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "16 lanes, beat of 2"])
def test_efficiency_of_every_shape(shape, seed):
    saturated(shaped(shape, period=256), None, np.random.default_rng(seed))


@pytest.mark.parametrize(("fec", "period", "rate"), [
    ("rs152", 512, 64 / 66 * 16 / 17), ("rs544", 4200, 64 / 66 * 514 / 544)])
def test_efficiency_with_fec_is_within_half_a_percent_of_the_codes_rate(fec, period, rate, seed):
    cfg = override(load("tera"), serdes__fec=fec, serdes__marker_period=period,
                   link__replay_flits=2048, xbar__vc_depth=2048)
    saturated(cfg, 16, np.random.default_rng(seed), 0.995 * rate)


def saturated(cfg, live, rng, least=0.965):
    """At least so much of the bits of the live lanes is payload, over 2 * 10^4 rows."""
    lanes, blocks, width = cfg.serdes.lanes, cfg.derived.blocks, cfg.serdes.word_bits
    live = live or int(rng.integers(1, lanes + 1))
    off = sum(1 << int(lane) for lane in rng.permutation(lanes)[live:])
    cycles, count = rows(cfg, 20_000), 20_000 * live // blocks + 100
    beat = np.zeros(blocks, np.uint64), np.zeros(blocks, bool)
    accepted, words = transmit(cfg, [(0, *beat)] * count, cycles, [(0, off)])
    warm = rows(cfg, 2 * cfg.serdes.marker_period)
    beats = (accepted >= warm).sum()
    share = beats * blocks * 64 / ((cycles - warm) * width * live)
    print(f"{live} live lanes: {share:.4f} of a line bit is payload")
    assert share >= least
