"""The crossbar model by hand: multicast, and the queues of sets."""

import pytest
from xbar_driver import NONE, START, count, entries, packet, rows, run, seen, straight

from lightloom.sim.xbar import ALL, ONE, PERMIT

MULTICAST = {"multicast": True}


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("length", [1, 4])
def test_each_output_of_a_set_receives_the_packet_once(stages, length):
    result = run(packet(START, length, dst=0), writes=entries((ALL, 0b1011)),
                 changes=MULTICAST | {"stages": stages})
    for output in range(4):
        mine = [row[2:] for row in rows(result) if row[1] == output]
        assert mine == ([(0, *flit[2:]) for flit in packet(START, length, dst=0)]
                        if output != 2 else [])


def test_the_first_flit_of_several_goes_out_in_ascending_order_and_the_rest_at_once():
    result = run(packet(START, 3, dst=0), writes=entries((ALL, 0b1101)), changes=MULTICAST)
    assert seen(result, "tag", "output", "cycle") == [
        (0, 0, START + 4), (0, 2, START + 5), (0, 3, START + 6),
        *((tag, output, START + 6 + tag) for tag in (1, 2) for output in (0, 2, 3))]


def test_packets_of_one_flit_go_to_whatever_outputs_are_ready():
    # Output 0 has no credit until 60: its sink holds those of 8 flits.
    flits = [*packet(START, 8, dst=1, tag=10), *packet(START + 8, 1, dst=0)]
    result = run(flits, writes=entries((ALL, 0b0111), (ONE, 0b1)), holds=[(0, 0, 80)],
                 changes=MULTICAST)
    assert seen(result, "output", "cycle")[8:] == [
        (1, START + 12), (2, START + 12), (0, 83)]


def test_a_flit_for_a_set_returns_one_credit_when_the_last_output_has_it():
    """One slot: the second packet waits until the first has gone to the blocked output."""
    flits = [*packet(START, 8, dst=1, vc=1, tag=10), *packet(START + 8, 1, dst=0, vc=1),
             *packet(START + 8, 1, dst=0, vc=1, tag=1)]
    result = run(flits, writes=entries((ALL, 0b0111), (ONE, 0b1)), holds=[(0, 0, 80)],
                 changes=MULTICAST | {"depth": 1}, cycles=300)
    late = [row for row in rows(result) if row[7] == 1]
    assert sorted(row[1] for row in late) == [0, 1, 2]
    assert min(row[0] for row in late) > 83


def test_members_outside_permit_are_left_out_and_counted_and_the_rest_served():
    result = run(packet(START, 1, dst=0, vc=1, src=9), changes=MULTICAST, writes=[
        *entries((ALL, 0b1111)), (0, PERMIT, 1, 0, 0, 0b0110)])
    assert sorted(seen(result, "output")) == [(1,), (2,)]
    assert (count(result, "breaches"), count(result, "unknown")) == (1, 0)
    assert [int(result.refused[k][0]) for k in ("valid", "breach", "vc", "src", "dst")] == [
        1, 1, 1, 9, 0]


@pytest.mark.parametrize("stages", [1, 2])
def test_crossing_multicasts_do_not_wait_for_each_other_for_ever(stages):
    """All inputs send packets of several flits to sets that overlap in all ways."""
    sets = (0b1111, 0b0011, 0b1100, 0b1001, 0b0110, 0b1010, 0b0111, 0b1110)
    flits = {i: [flit for k in range(60)
                 for flit in packet(START, 3, src=i, vc=k % 2, dst=(i + k) % 8, tag=i << 8)]
             for i in range(4)}
    result = run(flits, cycles=6000, writes=entries(*((ALL, each) for each in sets)),
                 changes=MULTICAST | {"stages": stages})
    expected = sum(3 * sets[(i + k) % 8].bit_count() for i in range(4) for k in range(60))
    assert len(rows(result)) == expected
    # Packets of one VC do not mix at an output.
    inside = {}
    for _, output, vc, first, end, _, _, tag in rows(result):
        assert inside.get((output, vc), tag >> 8) == tag >> 8
        assert first == ((output, vc) not in inside)
        inside[output, vc] = tag >> 8
        if end != NONE:
            del inside[output, vc]


def test_a_multicast_does_not_hold_up_packets_to_one_output_behind_it():
    flits = [*packet(START, 8, dst=1, tag=10), *packet(START + 8, 1, dst=0),
             *packet(START + 9, 1, dst=2, tag=20)]
    table = entries((ALL, 0b0001), (ONE, 0b1), (ONE, 0b1000))
    result = run(flits, writes=table, holds=[(0, 0, 80)], changes=MULTICAST | {"depth": 16})
    assert seen(result, "tag", "cycle")[8:] == [(20, START + 13), (0, 83)]


@pytest.mark.parametrize(("queues", "cycle"), [("voq", START + 13), ("fifo", 84)])
def test_a_blocked_output_blocks_those_behind_in_fifos_alone(queues, cycle):
    flits = [*packet(START, 9, dst=0, tag=10), *packet(START + 9, 1, dst=1)]
    result = run(flits, writes=straight(2), holds=[(0, 0, 80)],
                 changes={"queues": queues, "depth": 16})
    assert [row[0] for row in rows(result) if row[1] == 1] == [cycle]


def test_fifos_carry_multicast_too():
    result = run(packet(START, 2, dst=0), writes=entries((ALL, 0b0110)),
                 changes=MULTICAST | {"queues": "fifo"})
    assert sorted(seen(result, "output", "tag")) == [(1, 0), (1, 1), (2, 0), (2, 1)]
