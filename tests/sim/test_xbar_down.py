"""The crossbar model by hand: outputs that are down."""

import pytest
from xbar_driver import ABORT, FULL, NONE, START, count, entries, packet, rows, run, seen, straight

from lightloom.sim.xbar import ALL, ONE

HOLD = {"hold_cycles": 20}


def test_flits_for_an_output_that_is_down_go_on_until_it_drains():
    """`up` is 0 from 50: draining from 70, so that a flit matched at 69 is the last."""
    result = run(packet(START, 60), up=[(50, 1, 0)], changes=HOLD)
    assert [row[0] for row in rows(result)] == list(range(START + 4, 72))
    assert count(result, "discards", 1) == 60 - 28 and count(result, "aborts", 1) == 0


@pytest.mark.parametrize(("gap", "discards"), [(70, 0), (71, 1)])
def test_an_output_drains_after_hold_cycles_down_in_a_row(gap, discards):
    """Down in 50..69 drains at 70 alone: what is matched then is lost. Down in 50..60 and from 61
    on counts from 61."""
    flit = packet(68, 1)
    result = run(flit, up=[(50, 1, 0), (gap - 1, 1, 1)], changes=HOLD)
    assert count(result, "discards", 1) == discards
    assert len(rows(result)) == 1 - discards
    again = run(packet(75, 1), up=[(50, 1, 0), (60, 1, 1), (61, 1, 0)], changes=HOLD)
    assert [row[0] for row in rows(again)] == [79]


@pytest.mark.parametrize(("stages", "latency"), [(1, 4), (2, 7)])
def test_a_packet_that_is_cut_is_ended_by_an_abort_when_the_output_is_up(stages, latency):
    flits = packet(START, 60, vc=1)
    # Up again in time for the last flits of the packet: they are lost too.
    result = run(flits, up=[(50, 1, 0), (80, 1, 1)], changes=HOLD | {"stages": stages})
    delivered = rows(result)
    sent = [row for row in delivered if row[4] != ABORT]
    assert [row[7] for row in sent] == list(range(len(sent))) and len(sent) < 40
    # `up` at 80 shows at 81, in which the abort is sent.
    assert delivered[-1] == (81 + 1 + stages, 1, 1, 0, ABORT, 0, 0, 0)
    assert (count(result, "discards", 1), count(result, "aborts", 1)) == (60 - len(sent), 1)


def test_the_next_packet_waits_for_the_abort_and_the_abort_for_a_credit():
    flits = [*packet(START, 20), *packet(90, 1, tag=100)]
    result = run(flits, cycles=300, up=[(50, 1, 0), (80, 1, 1)], holds=[(1, 0, 150)],
                 changes=HOLD | {"depth": 32})
    # 8 flits took all credits; the rest was lost while draining.
    assert [row[7] for row in rows(result)] == [*range(8), 0, 100]
    assert seen(result, "cycle", "end")[8:] == [(153, ABORT), (154, FULL)]
    assert count(result, "discards", 1) == 12


def test_a_packet_that_was_not_begun_is_lost_whole_without_an_abort():
    """Its head is lost while draining; the rest too, though the output is up by then."""
    flits = [*packet(75, 10), *packet(90, 2, tag=100)]
    result = run(flits, up=[(50, 1, 0), (79, 1, 1)], changes=HOLD)
    assert [row[7] for row in rows(result)] == [100, 101]
    assert (count(result, "discards", 1), count(result, "aborts", 1)) == (10, 0)


def test_a_packet_is_not_cut_that_waits_while_an_output_drains():
    """No flit of it comes in between, so none is lost."""
    flits = [*packet(START, 4)[:2], *[(100 + k, *flit[1:]) for k, flit in
                                      enumerate(packet(START, 4)[2:])]]
    result = run(flits, up=[(50, 1, 0), (80, 1, 1)], changes=HOLD)
    assert [row[7] for row in rows(result)] == [0, 1, 2, 3]
    assert count(result, "discards", 1) == 0


def test_what_is_discarded_returns_its_credits():
    """One slot, 20 packets: all are dropped, and one for another output follows."""
    flits = [flit for k in range(20) for flit in packet(90, 1)] + packet(90, 1, dst=2, tag=9)
    result = run(flits, cycles=300, up=[(50, 1, 0)], changes=HOLD | {"depth": 1})
    assert count(result, "discards", 1) == 20
    assert seen(result, "output", "tag") == [(2, 9)]


def test_a_multicast_loses_the_copy_for_an_output_that_drains_alone():
    result = run(packet(90, 3, dst=0), writes=entries((ALL, 0b0111)), up=[(50, 1, 0)],
                 changes=HOLD | {"multicast": True})
    assert sorted(seen(result, "output", "tag")) == [(j, k) for j in (0, 2) for k in range(3)]
    assert count(result, "discards", 1) == 3


def test_a_set_of_outputs_leaves_out_those_that_drain_unless_all_do():
    flits = [flit for k in range(8) for flit in packet(90, 1, src=k, dst=0, tag=k)]
    one = run(flits, writes=entries((ONE, 0b0011)), up=[(50, 0, 0)], changes=HOLD)
    assert [row[1] for row in rows(one)] == [1] * 8
    both = run(flits, writes=entries((ONE, 0b0011)), up=[(50, 0, 0), (50, 1, 0)], changes=HOLD)
    assert rows(both) == []
    assert sum(int(both.outputs["discards"][j]) for j in (0, 1)) == 8


def test_an_abort_takes_the_turn_of_the_output_for_the_lowest_vc_first():
    flits = {0: packet(START, 60, vc=1), 1: packet(START, 60, vc=0, tag=1000)}
    result = run(flits, cycles=300, writes=straight(4), up=[(50, 1, 0), (90, 1, 1)],
                 changes=HOLD)
    ends = [row for row in rows(result) if row[4] != NONE]
    assert [(row[2], row[4]) for row in ends] == [(0, ABORT), (1, ABORT)]
    assert ends[0][0] == 93 and ends[1][0] == 94
