"""The crossbar model by hand: the rules of an input, timing, credits, full load."""

import numpy as np
import pytest
from numba import njit
from xbar_driver import (
    ABORT,
    FULL,
    NONE,
    PARTIAL,
    START,
    count,
    crossbar,
    entries,
    packet,
    rows,
    run,
    seen,
    straight,
)

from lightloom.sim.flits import NO_FLIT, pack, tag_of
from lightloom.sim.host import egress_step, ingress_step, make_egress, make_ingress
from lightloom.sim.wires import make_wires
from lightloom.sim.xbar import MAX_PORTS, ONE, Shape, make_entries, make_xbars, xbar_step

ERRORS = ("unknown", "protocol_errors", "overflows")


def errors(result, at=0):
    return tuple(count(result, name, at) for name in ERRORS)


@pytest.mark.parametrize(("stages", "latency"), [(1, 4), (2, 7)])
def test_a_flit_takes_4_or_7_cycles_and_keeps_its_fields(stages, latency):
    tag = 2**63 - 1
    result = run([(50, 1, 1, PARTIAL, 3, 2, tag)], at=2, changes={"stages": stages})
    assert rows(result) == [(50 + latency, 2, 1, 1, PARTIAL, 3, 2, tag)]
    assert errors(result, 2) == (0, 0, 0)


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_one_flow_runs_at_a_flit_a_cycle_beyond_its_credits(stages, length):
    flits = [flit for k in range(0, 200, length) for flit in packet(START, length, tag=k)]
    # Two stages keep a slot longer: more of them cover the round trip.
    result = run(flits, cycles=400, changes={"stages": stages, "depth": 12, "credits": 12})
    delivered = seen(result, "cycle", "tag")
    first = delivered[0][0]
    assert delivered == [(first + k, k) for k in range(len(flits))]


@pytest.mark.parametrize(("stages", "period"), [(1, 4), (2, 6)])
def test_a_slot_is_used_again_when_its_flit_has_left_and_its_credit_is_back(stages, period):
    """One slot: valid t, match t+2, credit t+3, spent in t+3 for valid t+4; S = 2: accepted at
    t+4."""
    times = [row[0] for row in rows(run(packet(START, 4), changes={"depth": 1, "stages": stages}))]
    assert np.diff(times).tolist() == [period] * 3


def test_one_credit_of_an_output_comes_back_four_cycles_after_its_match():
    """Match m, valid m+2, the sink's pulse m+3, visible to matching m+4."""
    times = [row[0] for row in rows(run(packet(START, 4), changes={"credits": 1}))]
    assert np.diff(times).tolist() == [4] * 3


def test_a_sink_returns_no_credit_while_it_holds_and_then_one_of_each_vc_a_cycle():
    flits = [flit for k in range(6) for flit in packet(START, 1, vc=k % 2, tag=k)]
    result = run(flits, holds=[(1, 0, 70)], changes={"credits": 2})
    # Pulses of both VCs at 70 and 71: visible to matching at 71, and seen two cycles later.
    assert [row[0] for row in rows(result)] == [44, 45, 46, 47, 73, 74]


def test_rule_1_no_such_vc():
    result = run([(START, 5, 1, FULL, 0, 1, 0), *packet(START + 1, 1, tag=1)])
    assert [row[7] for row in rows(result)] == [1]
    assert errors(result) == (0, 1, 0)


OVERFLOWING = {"depth": 1, "source_credits": 99}


def test_rule_2_overflow_of_an_open_packet_ends_it_by_an_abort():
    # One slot: flit 0 leaves at START+2, so flit 1 is lost in its write cycle START+2; flit 2
    # becomes the abort, and flit 3 is the rest of what is dropped.
    flits = packet(START, 4)
    flits[3] = (START + 10, *flits[3][1:])
    result = run(flits, changes=OVERFLOWING)
    assert [row[3:] for row in rows(result)] == [(1, NONE, 3, 1, 0), (0, ABORT, 0, 0, 2)]
    assert errors(result) == (0, 0, 1)


def test_rule_2_overflow_of_a_new_packet_drops_all_of_it():
    flits = [*packet(START, 1), *packet(START + 1, 1, tag=1), *packet(START + 2, 3, tag=10)]
    result = run(flits, changes={"depth": 2, "credits": 0, "source_credits": 99})
    assert rows(result) == [] and errors(result) == (0, 0, 3)


@pytest.mark.parametrize(("end", "strays"), [(FULL, 1), (NONE, 0)])
def test_rule_2_what_follows_a_lost_head_is_dropped_up_to_its_end(end, strays):
    # The head is lost in its write cycle; the stray flit is part of its packet if that is open.
    flits = [*packet(START, 1), (START + 1, 0, 1, NONE, 3, 1, 1), (START + 2, 0, 0, end, 0, 0, 2),
             (START + 10, 0, 0, FULL, 0, 0, 3)]
    result = run(flits, changes=OVERFLOWING)
    assert [row[7] for row in rows(result)] == [0]
    assert errors(result) == (0, strays, 1)


def test_rule_3_a_packet_in_a_packet_aborts_it_and_is_dropped():
    flits = [*packet(START, 3)[:2], *packet(START + 2, 3, dst=2, tag=10),
             *packet(START + 5, 1, tag=20)]
    result = run(flits)
    assert [row[1:] for row in rows(result)] == [
        (1, 0, 1, NONE, 3, 1, 0), (1, 0, 0, NONE, 0, 0, 1), (1, 0, 0, ABORT, 0, 0, 10),
        (1, 0, 1, FULL, 3, 1, 20)]
    assert errors(result) == (0, 1, 0)


def test_rule_4_the_body_follows_its_head():
    assert seen(run(packet(START, 3, dst=3)), "output", "first", "end") == [
        (3, 1, NONE), (3, 0, NONE), (3, 0, FULL)]


def test_rule_5_an_unknown_destination_drops_the_packet_and_returns_its_credits():
    flits = [flit for k in range(20) for flit in packet(START, 3, dst=5)]
    result = run([*flits, *packet(START, 1, tag=7)])
    assert [row[7] for row in rows(result)] == [7]
    assert errors(result) == (20, 0, 0)


def test_rule_7_strays_are_counted_until_their_packet_has_ended():
    strays = [(START + k, 0, 0, FULL if k > 1 else NONE, 0, 0, 0) for k in range(4)]
    result = run(strays)
    assert rows(result) == [] and errors(result) == (0, 2, 0)


def test_a_dropped_flit_returns_its_credit_two_cycles_after_it_came():
    """Valid t, dropped t+1, credit t+2, spent in t+2 for valid t+3: 6 cycles for two of them."""
    flits = [(START, 0, 1, FULL, 0, 5, 0), (START, 0, 1, FULL, 0, 5, 0), *packet(START, 1)]
    assert [row[0] for row in rows(run(flits, changes={"depth": 1}))] == [START + 3 + 3 + 4]


def test_counters_saturate():
    flits = np.tile(np.array([0, 7, 1, FULL, 0, 0, 0]), (65600, 1))
    assert errors(run(flits, cycles=66000)) == (0, 65535, 0)


def test_vcs_take_turns_and_so_do_the_inputs_of_each():
    result = run({i: [flit for k in range(30) for flit in packet(START, 1, vc=k % 2, tag=i)]
                  for i in range(4)})
    assert [row[7] for row in rows(result)[:16]] == [0, 0, 1, 1, 2, 2, 3, 3] * 2
    assert [row[2] for row in rows(result)[:16]] == [0, 1] * 8


def test_numbers_of_inputs_and_outputs_need_not_be_equal():
    result = run({i: packet(START, 1, src=i, dst=i % 2, tag=i) for i in range(5)},
                 changes={"inputs": 5, "outputs": 2})
    assert sorted(seen(result, "output", "tag")) == [(0, 0), (0, 2), (0, 4), (1, 1), (1, 3)]


@njit
def _hosts(ingress, xbars, egress, wires, packets, cycles):
    """Source of the flit that the egress shows in each cycle, or -1.

    `packets` int64[inputs, n]: the packet that an input offers again and again; a flit's tag is
    its input.
    """
    inputs, length = packets.shape
    at, shown = np.zeros(inputs, np.int64), np.full(cycles, -1)
    for cycle in range(cycles):
        for i in range(inputs):
            if ingress_step(ingress, wires, i, cycle, packets[i, at[i]]):
                at[i] = (at[i] + 1) % length
        xbar_step(xbars, wires, 0, cycle)
        flit = egress_step(egress, wires, 0, cycle)
        if flit != NO_FLIT:
            shown[cycle] = tag_of(flit)
    return shown


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8, 16])
def test_inputs_of_one_vc_share_a_host_port_while_another_vc_is_busy(length):
    """Inputs 0 and 1 send on VC 0, input 2 on VC 1; the host takes packets of both in turn.

    So a packet of input 0 waits for one of input 1 and, before and after it, one of input 2: no
    two flits of an input are more than 3n + 1 cycles apart.
    """
    cycles = 20_000
    packets = np.array([[pack.py_func(*flit[1:6], i) for flit in packet(0, length, vc=vc, dst=3)]
                        for i, vc in enumerate((0, 0, 1))])
    xbars = make_xbars(Shape(inputs=4, outputs=4, vcs=2, depth=64, credits=8), [range(4)],
                       [range(4, 8)], make_entries([[(ONE, 1 << port) for port in range(4)]]))
    shown = _hosts(make_ingress(range(3), 2, 64), xbars, make_egress([7], 2, 8), make_wires(8),
                   packets, cycles)
    times = [np.flatnonzero(shown == i) for i in range(3)]
    counts = [len(t) for t in times]
    gaps = [int(np.diff(t, append=cycles).max()) for t in times]
    print(f"{length} flits: {counts} delivered, longest gaps {gaps}")
    assert sum(counts) > 0.99 * cycles
    assert abs(counts[0] - counts[1]) < 0.1 * min(counts[:2])
    assert max(gaps) <= 3 * length + 1


def mixed(rng, ports, vcs, packets, lengths):
    return {i: [flit for k in range(packets)
                for flit in packet(2 * ports, int(rng.choice(lengths)), src=i,
                                   vc=int(rng.integers(vcs)), dst=int(rng.integers(ports)),
                                   tag=i << 32 | k << 8)] for i in range(ports)}


@pytest.mark.parametrize("stages", [1, 2])
def test_every_flit_is_delivered_once_and_packets_whole(stages, seed):
    rng, ports = np.random.default_rng(seed), MAX_PORTS
    stimulus = mixed(rng, ports, 2, 20, (1, 2, 5, 17))
    result = run(stimulus, cycles=5000, changes={
        "inputs": ports, "outputs": ports, "depth": 64, "destinations": ports, "stages": stages})
    delivered = rows(result)
    assert sorted(row[7] for row in delivered) == sorted(
        flit[6] for flits in stimulus.values() for flit in flits)
    following = {}
    for _, output, vc, first, end, _, dst, tag in delivered:
        assert tag == following.get((output, vc), tag)
        assert first == ((output, vc) not in following)
        assert dst == (output if first else 0)
        following[output, vc] = tag + 1
        if end != NONE:
            del following[output, vc]
    assert not following


def test_lists_and_arrays_of_flits_are_the_same_stimulus(seed):
    stimulus = mixed(np.random.default_rng(seed), 4, 2, 40, (1, 3))
    model, lists = crossbar(), [stimulus[i] for i in range(4)]
    tables = {"writes": straight(4)}
    expected = rows(model.run(lists, 500, **tables))
    assert expected and expected == rows(model.run([np.array(x) for x in lists], 500, **tables))


def test_set_queues_that_stay_idle_need_not_be_stepped(seed):
    """`idle_sets` is faster, and nothing else, while no packet is of kind ALL."""
    stimulus = mixed(np.random.default_rng(seed), 4, 2, 200, (1, 2, 5))
    results = [run(stimulus, cycles=2000, changes={"multicast": True, "idle_sets": idle})
               for idle in (False, True)]
    assert len(rows(results[0])) > 1000
    assert rows(results[0]) == rows(results[1])


def test_a_shape_that_the_model_cannot_hold_is_refused():
    for name in ("inputs", "outputs", "vcs", "destinations"):
        with pytest.raises(ValueError, match=f"^{name} = 0: .* 1 to"):
            crossbar(**{name: 0})
    with pytest.raises(ValueError, match="stimulus of 3 inputs: the crossbar has 4"):
        crossbar().run([[]] * 3, 1, writes=entries((ONE, 1)))
