"""The crossbar model by hand: who is served, and how much of an output it gets."""

import numpy as np
import pytest
from xbar_driver import START, packet, rows, run, straight

from lightloom.sim.xbar import SLOT, STRICT

DEEP = {"depth": 64, "credits": 64, "source_credits": 64}


def stream(length, count, **fields):
    return [flit for _ in range(count) for flit in packet(START, length, **fields)]


def share(result, output, begin, end):
    """Flits of each VC at an output in cycles `begin` up to `end`."""
    mine = [row for row in rows(result) if row[1] == output and begin <= row[0] < end]
    return np.bincount([row[2] for row in mine], minlength=2).tolist()


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("slots", [1, 2, 4, 7])
def test_a_vc_gets_its_slots_of_an_output(slots, length, stages):
    """VC 1 has so many of 8 slots, VC 0 the others; both are always eligible."""
    writes = [*straight(4), *[(0, SLOT, 0, k, int(k < slots), 0b10) for k in range(8)]]
    flits = {vc: stream(length, 1600 // length, vc=vc) for vc in range(2)}
    result = run(flits, cycles=1100, writes=writes, changes=DEEP | {"stages": stages})
    first = 200
    assert share(result, 1, first, first + 400) == [400 // 8 * (8 - slots), 400 // 8 * slots]


def test_slots_and_vcs_beyond_the_schedule_write_nothing():
    flits = {0: stream(1, 200, vc=0), 1: stream(1, 200, vc=1)}
    writes = [*straight(4), (0, SLOT, 0, 8, 1, 0b10), (0, SLOT, 0, 0, 2, 0b10),
              (0, STRICT, 0, 1, 2, 0b10)]
    assert share(run(flits, writes=writes, changes=DEEP), 1, 100, 180) == [40, 40]


def test_a_slot_whose_vc_has_nothing_to_send_goes_to_the_next():
    writes = [*straight(4), *[(0, SLOT, 0, k, 1, 0b10) for k in range(8)]]
    result = run(stream(1, 200), cycles=400, writes=writes, changes=DEEP)
    assert share(result, 1, 100, 200) == [100, 0]


def test_strict_vcs_come_first_until_they_are_not_strict_any_more():
    flits = {0: stream(1, 300, vc=0), 1: stream(1, 300, vc=1)}
    writes = [*straight(4), (0, STRICT, 0, 1, 1, 0b10), (200, STRICT, 0, 0, 1, 0b10)]
    result = run(flits, cycles=400, writes=writes, changes=DEEP)
    assert share(result, 1, 100, 200) == [0, 100]
    assert share(result, 1, 210, 250) == [20, 20]


def test_schedules_are_of_the_outputs_that_were_written_alone():
    flits = {0: stream(1, 300, vc=0, dst=2), 1: stream(1, 300, vc=1, dst=2)}
    result = run(flits, cycles=400, writes=[*straight(4), (0, STRICT, 0, 1, 1, 0b10)],
                 changes=DEEP)
    assert share(result, 2, 100, 200) == [50, 50]


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("length", [1, 2, 3, 16])
def test_requesters_of_an_output_are_served_in_turn(length, stages):
    """Three inputs with packets at hand: each has a third, and two stages lose no cycle."""
    flits = {i: stream(length, 1000 // length, tag=i << 32) for i in range(3)}
    result = run(flits, cycles=900, changes=DEEP | {"stages": stages})
    cycles = 48 * 12
    mine = [row for row in rows(result) if 200 <= row[0] < 200 + cycles]
    assert len(mine) == cycles
    counts = np.bincount([row[7] >> 32 for row in mine])
    assert (abs(counts - cycles // 3) <= length).all()


def test_an_input_stays_with_a_packet_that_it_has_begun():
    """Two inputs with a backlog for both outputs: no output idles inside a packet."""
    flits = {i: [flit for k in range(60)
                 for flit in packet(START, 8, dst=k % 2, tag=(60 * i + k) << 8)] for i in range(2)}
    result = run(flits, cycles=600, holds=[(0, 0, 200), (1, 0, 200)], changes={
        "vcs": 1, "inputs": 2, "outputs": 2, "depth": 256})
    heads, tails = {}, {}
    for cycle, output, *_, tag in rows(result):
        heads.setdefault((output, tag >> 8), cycle)
        tails[output, tag >> 8] = cycle
    spans = [tails[key] - heads[key] for key in heads if 205 < heads[key] < 400]
    assert len(spans) > 40 and set(spans) == {7}


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("length", [2, 4, 6])
def test_a_backlog_for_one_output_does_not_starve_a_packet_to_another(length, stages):
    """Output 1's VC 1 is busy, so that it grants input 0 in even cycles alone, in which the heads
    of input 0's backlog for output 0 are served."""
    for held in (190, 191):
        backlog = stream(length, 200 // length, vc=0, dst=0)
        flits = {0: [*backlog, *packet(START, length, vc=0, dst=1, tag=7),
                     *stream(length, 300, vc=0, dst=0)],
                 1: stream(1, 900, vc=1, dst=1, tag=9)}
        result = run(flits, cycles=700, holds=[(0, 0, held + START)],
                     changes=DEEP | {"depth": 1024, "source_credits": 1024})
        mine = [row[0] for row in rows(result) if row[1] == 1 and row[2] == 0]
        assert len(mine) == length and mine[-1] < START + 210 + 4 * length


def test_more_rounds_match_what_one_leaves(seed):
    """Full load of single flits and short queues: each round adds some."""
    rng = np.random.default_rng(seed)
    flits = {i: [flit for dst in rng.integers(8, size=2000)
                 for flit in packet(START, 1, dst=int(dst))] for i in range(8)}
    shape = {"inputs": 8, "outputs": 8, "depth": 16, "vcs": 1}
    carried = [len(rows(run(flits, cycles=1500, changes=shape | {"rounds": rounds})))
               for rounds in (1, 2, 3)]
    print(carried)
    assert carried[0] < carried[1] <= carried[2] * 1.01
