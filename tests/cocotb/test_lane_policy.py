"""Which lanes an end uses: docs/link.md (Lanes) in numbers, and the model in every cycle."""

import numpy as np
import pytest
from serdes_cases import make

from lightloom.flow.cache import to_verilog
from lightloom.hdl.link import lanes
from lightloom.sim.link import lanes as model
from lightloom.sim.link.lanes import LanePolicyModel, TransmitLanesModel
from lightloom.tb.lanes_harness import Lanes, Story, run_lanes

SHRUNK = {"link__lane_retry_cycles": 1024, "link__lane_budget": 4}
SHAPES = {1: "1x2-32", 4: "4x4-66", 5: "5x8-40", 16: "16x8-16"}


def config(count, **changes):
    return make(SHAPES[count], **{**SHRUNK, **changes})


def run(cfg, story, folder, **parts):
    return run_lanes(cfg, to_verilog(Lanes(cfg, **parts), name="lanes"), story, folder=folder)


def random_story(cfg, rng, cycles):
    """Wires that are well, worse, dead or restless for a while each; any order of lanes."""
    story, count = Story(cfg, cycles), cfg.serdes.lanes
    story.lane[:] = rng.permutation(count)
    for wire in range(count):
        at = 0
        while at < cycles:
            part = slice(at, at + int(rng.choice([20, 300, 1500, 5000])))
            shape = story.error[part, wire].shape
            mood = rng.integers(8)
            story.error[part, wire] = rng.random(shape) < (0, 0, 0, 1e-3, 5e-3, 0.3, 1e-3, 0)[mood]
            if mood >= 6 or (mood == 5 and rng.random() < 0.5):
                story.marker_lock[part, wire] = mood == 7 and rng.integers(0, 2, shape)
            if rng.random() < 0.1:      # another lane than before, or one that there is not
                story.lane[part, wire] = rng.integers(16)
            at = part.stop
    # Some never come up; without any that has markers there is no waiting.
    never = rng.random(count) < rng.choice([0, 0.2, 0.8])
    story.marker_lock[:int(rng.integers(cycles)), never] = 0
    if count > 1:
        story.error[cycles // 2:cycles // 2 + 500, 0] = 1    # one is taken out in every story
    for flags, least in ((story.aligned, 4 * cfg.derived.bringup_cycles), (story.asleep, 500)):
        at = int(rng.integers(least))
        while at < cycles:
            end = at + int(rng.integers(1, least))
            flags[at:end] ^= 1
            at = end + int(rng.integers(1, least))
    for sets in (story.heard, story.struck):
        for at in rng.integers(0, cycles, 30):
            sets[at:] = rng.choice([0, rng.integers(2**count), 2**count - 1])
    story.taken[rng.integers(0, cycles, cycles // 5000)] = 1
    return story


def assert_same_as_the_model(cfg, story, folder, **parts):
    """RTL and model agree in every cycle; returns what the RTL did."""
    used = run(cfg, story, folder, **parts)
    policy, transmit = LanePolicyModel(cfg), TransmitLanesModel(cfg)
    wires = np.stack([story.signal, story.locked, story.marker_lock, story.lane, story.error],
                     axis=2).tolist()
    for cycle, inputs in enumerate(zip(
            story.aligned.tolist(), wires, story.heard.tolist(), story.taken.tolist(),
            story.struck.tolist(), story.asleep.tolist(), strict=True)):
        aligned, *others = inputs
        want = *policy.step(aligned, [tuple(wire) for wire in others[0]]), transmit.step(
            aligned, *others[1:])
        seen = used.off[cycle], used.removals[cycle], used.lanes_off[cycle]
        assert seen == want, (
            f"cycle {cycle}: off, removals, lanes_off expected {want}, seen {seen}")
    return used


def changes(values):
    """(cycle, value) of each change of a value that is 0 before cycle 0."""
    at = np.flatnonzero(np.diff(values, prepend=0))
    return [(int(cycle), int(values[cycle])) for cycle in at]


# Four lanes: wire w has its turn in each cycle c with c mod 4 = w; a level falls, and a window
# ends, in the turns of cycles 0-3, 1024-1027, 2048-2051 ...


def test_a_level_counts_an_error_a_turn_leaks_and_takes_the_lane_out_at_the_budget(tmp_path):
    cfg = config(4)
    story = Story(cfg, 2400)
    story.lane[:] = [2, 0, 3, 1]
    for cycle in (2000, 2001, 2002, 2006, 2010):    # wire 1: two of them before its turn in 2001
        story.error[cycle, 1] = 1
    story.error[[2017, 2018, 2019, 2020], 3] = 1    # turns in 2019, 2023
    story.error[2025, 3] = 1                        # level 3, and 2 after the turn in 2051
    story.error[[2060, 2100], 3] = 1                # turns in 2063, 2103
    used = run(cfg, story, tmp_path)
    assert list(np.flatnonzero(used.removals)) == [2014, 2104]
    assert changes(used.off) == [(2016, 0b0001), (2104, 0b0011)]


def test_a_lane_comes_back_after_whole_windows_without_error_each_time_twice_as_many(tmp_path):
    cfg = config(4)
    story = Story(cfg, 16_400)
    for start in (2000, 4000, 7000):    # wire 1: out at 2013, 4013, 7013
        story.error[start:start + 13:4, 1] = 1
    # Back after 1 window: that from 2049 to 3073; after 2, from 4097 to 6145; after 4.
    story.error[9217, 1] = 1            # the last turn of the window that begins at 8193
    story.marker_lock[9500:9540, 1] = 0     # from 9217 to 10241
    used = run(cfg, story, tmp_path)
    assert list(np.flatnonzero(used.removals)) == [2014, 4014, 7014]
    assert changes(used.off) == [
        (2016, 2), (3076, 0), (4016, 2), (6148, 0), (7016, 2), (14_340, 0)]


def test_after_long_use_a_lane_comes_back_as_fast_as_the_first_time(tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "MOST_BACK", 1)
    cfg = config(4)
    story = Story(cfg, 17_500)
    for start in (2000, 4000, 9000):
        story.error[start:start + 13:4, 1] = 1
    # In use from 3073 to 4013: k stays 1. In use from 6145: at 8193, the second window, k = 0.
    # In use from 10,241 until the very turn that ends the second window: k stays 1. In use from
    # 14,337 until the turn that ends the first window: it does not count.
    for turn in (12_289, 15_361):
        waited = slice(turn - cfg.derived.lane_patience, turn + 1)
        story.aligned[waited] = story.marker_lock[waited, 1] = 0
    used = run(cfg, story, tmp_path)
    assert changes(used.off) == [
        (2016, 2), (3076, 0), (4016, 2), (6148, 0), (9016, 2), (10_244, 0), (12_292, 2),
        (14_340, 0), (15_364, 2), (17_412, 0)]


def test_a_wire_without_markers_is_out_when_the_others_have_waited_long_enough(tmp_path):
    cfg = config(4)
    patience = cfg.derived.lane_patience
    story = Story(cfg, 4000)
    story.lane[:] = [2, 0, 3, 0]        # wire 3 never says that it carries lane 1
    story.marker_lock[:, 3] = 0
    story.aligned[403 - patience:403] = 0       # long enough in its turn, but aligned just then
    story.aligned[804 - patience:804] = 0       # a cycle too short in its turn
    story.aligned[1000:] = 0
    story.marker_lock[1100] = 0         # no wire has markers: waiting starts again
    turn = 1101 + patience
    turn += (3 - turn) % 4
    used = run(cfg, story, tmp_path)
    assert list(np.flatnonzero(used.removals)) == [turn + 1]
    assert changes(used.off) == [(turn + 1, 0b0010)]


def test_wires_that_never_had_markers_are_the_lanes_that_are_left_in_order(tmp_path):
    cfg = config(5)
    story = Story(cfg, cfg.derived.lane_patience + 20)
    story.lane[:] = [0, 9, 2, 0, 0]     # a partner with a lane 9 has more lanes than we
    story.marker_lock[:, [0, 3, 4]] = 0
    story.aligned[:] = 0
    used = run(cfg, story, tmp_path)
    # Free are 0, 1, 3, 4.
    assert used.removals.sum() == 3 and used.off[-1] == 0b01011


@pytest.mark.parametrize("count", [4, 5, 16])
def test_the_last_lane_is_not_taken_out(count, tmp_path):
    cfg = config(count, link__lane_budget=3)
    story = Story(cfg, 3000)
    # All wires are bad in three turns from 100 on; the one that is last in a round stays.
    last = (100 - 1) % count
    story.error[100:100 + 3 * count] = 1
    # The others come back at 2048. The level of that one was 0 again when it was due: three errors.
    story.error[2500:2500 + 3 * count, last] = 1
    used = run(cfg, story, tmp_path)
    removed = np.flatnonzero(used.removals)
    first = 100 + 2 * count + 1     # behind the turn in which the first level is 3
    assert list(removed[:count - 1]) == list(range(first, first + count - 1))
    assert used.off[1000] == 2**count - 1 - (1 << last)
    errors = [cycle for cycle in range(2500, 2600) if cycle % count == last][:3]
    assert list(removed[count - 1:]) == [errors[2] + 1] and used.off[-1] == 1 << last


def test_an_end_with_one_lane_keeps_it(tmp_path):
    cfg = config(1)
    story = Story(cfg, 2 * cfg.derived.bringup_cycles + 50)
    story.aligned[:] = story.marker_lock[:] = 0
    story.error[:] = story.heard[:] = story.struck[:] = story.asleep[:] = 1
    used = run(cfg, story, tmp_path)
    assert not (used.off.any() or used.removals.any() or used.lanes_off.any())


def test_the_partner_strikes_and_sleep_take_lanes_out_and_a_search_all_but_one(tmp_path):
    cfg = config(4)
    limit = cfg.derived.bringup_cycles
    start = 200 + limit
    story = Story(cfg, start + 6 * (limit + 1) + 40)
    story.heard[10:35], story.heard[35:50], story.heard[50:60] = 0b0001, 0b0011, 0b0111
    story.struck[20:60] = 0b1000        # from 50 on none is left
    story.asleep[30:40] = story.asleep[50:60] = 1
    story.aligned[100:100 + limit] = 0      # aligned when a search was to begin
    story.aligned[start:] = 0
    begins = [start + k * (limit + 1) for k in range(1, 7)]    # of a turn of the search
    story.asleep[begins[1] + 5] = story.heard[begins[1] + 6] = 1
    story.taken[begins[4] - 1] = 1      # just when a turn would begin
    story.heard[begins[4]:] = 0b0100
    used = run(cfg, story, tmp_path)
    assert changes(used.lanes_off) == [
        (10, 0b0001), (20, 0b1001), (30, 0b1101), (35, 0b1011), (50, 0b1111), (60, 0),
        (begins[0], 0b1110), (begins[1], 0b1101), (begins[2], 0b1011), (begins[3], 0b0111),
        (begins[4], 0b0100), (begins[5], 0b1110)]


# 2^10 windows are more than a story has: with 2^1 and 2^2 k comes to its ends.
@pytest.mark.parametrize(("count", "most"), [(1, 10), (4, 1), (5, 10), (16, 2)])
def test_lanes_equal_the_model_in_every_cycle(count, most, seed, tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "MOST_BACK", most)
    monkeypatch.setattr(model, "MOST_TRIALS", most)
    cfg, rng = config(count), np.random.default_rng(seed)
    used = assert_same_as_the_model(cfg, random_story(cfg, rng, 30_000), tmp_path)
    assert count == 1 or (used.removals.any() and used.lanes_off.any())
