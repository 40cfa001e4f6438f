"""The crossbar model by hand: tables, partitions, sets of outputs, routes in the payload."""

import pytest
from xbar_driver import FULL, NONE, START, count, entries, packet, rows, run, seen, straight

from lightloom.sim.xbar import ALL, DEFAULT, DENIED, ONE, PERMIT, ROUTE, SOURCE

EVERY = 2**64 - 1


def outputs(result):
    return [row[1] for row in rows(result)]


def report(result, at=0):
    return tuple(int(result.refused[name][at]) for name in ("valid", "breach", "vc", "src", "dst"))


def test_a_write_waits_until_all_entries_are_cleared():
    """Ready from cycle M = 8 on, one write a cycle; ROUTE at t holds for `valid` at t+1."""
    flits = [(cycle, 0, 1, FULL, 3, dst, cycle) for cycle, dst in
             ((7, 0), (8, 0), (9, 0), (10, 1), (11, 1), (12, 1))]
    result = run(flits, writes=[(0, ROUTE, 1, 0, ONE, 0b1), (10, ROUTE, 1, 1, ONE, 0b10)])
    assert seen(result, "tag", "output") == [(9, 0), (11, 1), (12, 1)]


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("op", [DEFAULT, PERMIT])
def test_default_and_permit_hold_for_flits_of_the_cycle_of_their_write(op, stages):
    flits = [(cycle, 0, 1, FULL, 3, 0, cycle) for cycle in (58, 59, 60, 61)]
    tables = {DEFAULT: [], PERMIT: [*entries((ONE, 0b1)), (0, PERMIT, 1, 0, 0, 0)]}[op]
    result = run(flits, writes=[*tables, (60, op, 1, 0, ONE, 0b1)], changes={"stages": stages})
    assert seen(result, "tag") == [(60,), (61,)]


def test_a_packet_keeps_the_way_that_it_began_with():
    flits = packet(60, 10, dst=0)
    result = run(flits, writes=[*entries((ONE, 0b1)), (63, ROUTE, 1, 0, ONE, 0b10),
                                (65, PERMIT, 1, 0, 0, 0)])
    assert outputs(result) == [0] * 10


def test_inputs_have_tables_of_their_own():
    result = run({i: packet(START, 1, dst=0, tag=i) for i in range(4)},
                 writes=[(0, ROUTE, 0b0011, 0, ONE, 0b1), (0, ROUTE, 0b0100, 0, ONE, 0b1000)])
    assert sorted(seen(result, "tag", "output")) == [(0, 0), (1, 0), (2, 3)]
    assert result.inputs["unknown"].tolist() == [0, 0, 0, 1]


def test_the_default_holds_where_there_is_no_entry():
    flits = [flit for dst in range(8) for flit in packet(START, 1, dst=dst, tag=dst)]
    # Kinds 5 and above, and those whose feature is off, are no entry.
    table = entries((ONE, 1), (0, 2), (5, 2), (7, 2), (ALL, 2), (SOURCE, 2), (DENIED, 2))
    result = run(flits, writes=[*table, (0, DEFAULT, 1, 0, ONE, 0b1000)])
    assert seen(result, "tag", "output") == [(0, 0), *((dst, 3) for dst in (1, 2, 3, 4, 5, 7))]
    assert report(result) == (1, 1, 0, 3, 6)


@pytest.mark.parametrize(("entry", "default", "permit", "breach"), [
    ((0, 1), (0, 1), EVERY, 0), ((0, 1), (6, 1), EVERY, 0), ((ONE, 0), (ONE, 1), EVERY, 0),
    ((ALL, 0), (0, 0), EVERY, 0), ((DENIED, 1), (ONE, 1), EVERY, 1),
    ((0, 0), (DENIED, 0), EVERY, 1),
    ((ONE, 0b11), (0, 0), 0b1100, 1), ((ALL, 0b11), (0, 0), 0b1100, 1),
], ids=["no entry", "default above 4", "ONE of none", "ALL of none", "denied", "default denied",
        "ONE not permitted", "ALL not permitted"])
def test_what_is_refused_is_counted_reported_and_dropped(entry, default, permit, breach):
    result = run(packet(START, 3, vc=1, src=77, dst=0), changes={"multicast": True}, writes=[
        *entries(entry), (0, DEFAULT, 1, 0, *default), (0, PERMIT, 1, 0, 0, permit)])
    assert rows(result) == []
    assert (count(result, "unknown"), count(result, "breaches")) == (1 - breach, breach)
    assert report(result) == (1, breach, 1, 77, 0)


def test_a_report_is_of_the_last_packet_and_of_its_input():
    result = run([*packet(START, 1, dst=5, src=1), *packet(START, 1, dst=6, src=2, vc=1),
                  *packet(START, 1, dst=1)], at=2)
    assert report(result, 2) == (1, 0, 1, 2, 6) and report(result, 0) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(("ports", "members"), [
    (0b1111, (1, 2, 0)), (0b1101, (2, 2, 0)), (0b1010, (1, 3, 1))])
def test_the_hash_of_a_flow_is_the_crc_8_of_its_24_bits(ports, members):
    """CRC-8/SMBUS of 12 34 56, 12 30 00, 00 00 01: 124, 141, 7; of 4 members number 1, 2, 0, of 3
    number 1, 1, 0, of 2 number 0, 1, 0."""
    flows = ((0x123, 0x456), (0x123, 0), (0, 1))
    flits = [flit for src, dst in flows for flit in packet(4200, 1, src=src, dst=dst)]
    result = run(flits, cycles=4300, changes={"destinations": 4096},
                 writes=[(0, ROUTE, 1, dst, ONE, ports) for _, dst in flows])
    assert outputs(result) == list(members)


def test_the_packets_of_a_flow_take_one_output_and_flows_are_spread():
    flits = {i: [flit for k in range(40) for flit in packet(START, 1, src=i * 40 + k % 10, dst=0)]
             for i in range(4)}
    result = run(flits, cycles=800, writes=entries((ONE, 0b1111)))
    ways = {}
    for src, output in seen(result, "src", "output"):
        ways.setdefault(src, set()).add(output)
    assert len(ways) == 40 and all(len(way) == 1 for way in ways.values())
    assert {output for way in ways.values() for output in way} == {0, 1, 2, 3}


def test_lowest_takes_the_lowest_that_is_permitted():
    result = run(packet(START, 1, dst=0), changes={"ecmp": "lowest"},
                 writes=[*entries((ONE, 0b1110)), (0, PERMIT, 1, 0, 0, 0b1100)])
    assert outputs(result) == [2]


def test_occupancy_takes_the_shortest_queue_and_of_equals_the_first_from_the_hashed_one():
    """Nothing leaves. 0x123 to 0 hashes to number 2 of 4; a second flit comes to each of 2, 3."""
    flits = [flit for k in range(6) for flit in packet(START, 1, src=0x123, dst=0)]
    result = run(flits, writes=entries((ONE, 0b1111)),
                 changes={"ecmp": "occupancy", "depth": 16, "credits": 0, "voq_limit": 1})
    assert seen_stops(result) == [0b0100, 0b1100, 0b1101, 0b1111]
    result = run(flits, writes=entries((ONE, 0b1111)),
                 changes={"ecmp": "occupancy", "depth": 16, "credits": 0, "voq_limit": 2})
    assert seen_stops(result) == [0b0100, 0b1100]


def seen_stops(result):
    return result.stop["outputs"].tolist()


def test_source_routes_are_read_from_byte_0_which_moves_behind_the_others():
    payload = 0x8877665544332201
    flits = [(*flit, payload) for flit in packet(START, 2, dst=0, tag=5)]
    result = run(flits, writes=entries((SOURCE, 0)), changes={"source_routing": True})
    assert seen(result, "output", "first", "tag", "payload") == [
        (1, 1, 5, 0x0188776655443322), (1, 0, 6, payload)]


def test_source_routes_to_no_output_are_unknown_and_outside_permit_a_breach():
    flits = [(*packet(START, 1, dst=0, tag=k)[0], byte) for k, byte in enumerate((4, 255, 2, 1))]
    result = run(flits, changes={"source_routing": True},
                 writes=[*entries((SOURCE, 0)), (0, PERMIT, 1, 0, 0, 0b1010)])
    assert seen(result, "tag", "output") == [(3, 1)]
    assert (count(result, "unknown"), count(result, "breaches")) == (2, 1)
    assert report(result) == (1, 1, 0, 3, 0)


def test_partitions_hold_whatever_the_entries_say():
    """Inputs 0, 1 may send to outputs 0, 1 and inputs 2, 3 to outputs 2, 3."""
    flits = {i: [flit for k in range(40) for flit in packet(START, 1, src=i, dst=k % 4, tag=i)]
             for i in range(4)}
    result = run(flits, cycles=500, writes=[*straight(4), (0, PERMIT, 0b0011, 0, 0, 0b0011),
                                            (0, PERMIT, 0b1100, 0, 0, 0b1100)])
    assert set(seen(result, "tag", "output")) == {(i, j) for i in range(4) for j in range(4)
                                                  if i // 2 == j // 2}
    assert result.inputs["breaches"].tolist() == [20] * 4


def test_unknown_operations_and_indices_beyond_a_table_write_nothing():
    result = run(packet(START, 2, dst=0), writes=[
        *entries((ONE, 0b10)), (0, 5, EVERY, 0, ONE, 1), (0, 7, EVERY, 0, ONE, 1),
        (0, ROUTE, EVERY, 8, ONE, 1)])
    assert outputs(result) == [1, 1] and [row[4] for row in rows(result)] == [NONE, FULL]
