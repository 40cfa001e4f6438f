"""The crossbar model: rules and timing by hand, and against a second reading of the contract."""

import numpy as np
import pytest
from numba import njit
from xbar_restated import Restated

from lightloom.sim.flits import NO_FLIT, pack, tag_of
from lightloom.sim.host import egress_step, ingress_step, make_egress, make_ingress
from lightloom.sim.wires import make_wires
from lightloom.sim.xbar import MAX_PORTS, CrossbarModel, make_xbars, xbar_step

NONE, FULL, PARTIAL, ABORT = range(4)
ROUTES = [(1, 0, 0), (1, 1, 0), (1, 2, 0), (1, 3, 0), (0, 0, 0), (1, 2, 1), (1, 3, 3)]
FIELDS = ("cycle", "output", "vc", "first", "end", "src", "dst", "tag")


def crossbar(**changes):
    return CrossbarModel(**{"ports": 4, "vcs": 2, "depth": 8, "credits": 8, "routes": ROUTES,
                            **changes})


def run(flits, *, cycles=100, at=0, **changes):
    """Rows delivered, and (route drops, protocol errors, overflows) of input `at`."""
    stimulus = [[] for _ in range(4)]
    stimulus[at] = flits
    result = crossbar(**changes).run(stimulus, cycles)
    return rows(result), tuple(int(column[at]) for column in result.counters.values())


def rows(result):
    return [tuple(map(int, row))
            for row in zip(*(result.delivered[name] for name in FIELDS), strict=True)]


def packet(cycle, length, *, vc=0, src=3, dst=1, tag=0):
    """Flits one a cycle; tags count up."""
    return [(cycle + k, vc, int(k == 0), FULL if k == length - 1 else NONE,
             src if k == 0 else 0, dst if k == 0 else 0, tag + k) for k in range(length)]


def test_a_flit_takes_four_cycles_and_keeps_its_fields():
    tag = 2**48 - 1
    delivered, counters = run([(10, 1, 1, PARTIAL, 3, 2, tag)], at=2)
    assert delivered == [(14, 2, 1, 1, PARTIAL, 3, 2, tag)]
    assert counters == (0, 0, 0)


def test_one_flow_runs_at_a_flit_a_cycle_beyond_its_credits():
    flits = [flit for k in range(10) for flit in packet(10, 20, tag=20 * k)]
    delivered, _ = run(flits, cycles=300)
    assert [row[0] for row in delivered] == list(range(14, 214))
    assert [row[7] for row in delivered] == list(range(200))


def test_a_slot_is_used_again_four_cycles_after_its_flit_came():
    """One slot: valid t, match t+2, credit t+3, spent in t+3 for valid t+4."""
    delivered, _ = run(packet(10, 4), depth=1)
    assert [row[0] for row in delivered] == [14, 18, 22, 26]


def test_one_credit_of_an_output_comes_back_four_cycles_after_its_match():
    """Match m, valid m+2, the sink's pulse m+3, visible to matching m+4."""
    delivered, _ = run(packet(10, 4), credits=1)
    assert [row[0] for row in delivered] == [14, 18, 22, 26]


def test_rule_1_no_such_vc():
    delivered, counters = run([(10, 5, 1, FULL, 0, 1, 0), *packet(11, 1, tag=1)])
    assert [row[7] for row in delivered] == [1]
    assert counters == (0, 1, 0)


def stalled(flits):
    """Slots for two flits, and no credit to send any."""
    return run(flits, depth=2, credits=0, source_credits=99)


def test_rule_2_overflow_of_an_open_packet_ends_it_by_an_abort():
    # One slot: flit 0 leaves at 12, so flit 1 is lost in its write cycle 12; flit 2 becomes the
    # abort, and flit 3 is the rest of what is dropped.
    flits = packet(10, 4)
    flits[3] = (20, *flits[3][1:])
    delivered, counters = run(flits, depth=1, source_credits=99)
    assert [row[3:] for row in delivered] == [(1, NONE, 3, 1, 0), (0, ABORT, 0, 0, 2)]
    assert counters == (0, 0, 1)


def test_rule_2_overflow_of_a_new_packet_drops_all_of_it():
    flits = [*packet(10, 1), *packet(11, 1, tag=1), *packet(12, 3, tag=10)]
    assert stalled(flits) == ([], (0, 0, 3))


@pytest.mark.parametrize(("end", "errors"), [(FULL, 1), (NONE, 0)])
def test_rule_2_what_follows_a_lost_head_is_dropped_up_to_its_end(end, errors):
    # The head is lost in write cycle 12; the stray flit is part of its packet if that is open.
    flits = [*packet(10, 1), (11, 0, 1, NONE, 3, 1, 1), (12, 0, 0, end, 0, 0, 2),
             (20, 0, 0, FULL, 0, 0, 3)]
    delivered, counters = run(flits, depth=1, source_credits=99)
    assert [row[7] for row in delivered] == [0]
    assert counters == (0, errors, 1)


def test_rule_3_a_packet_in_a_packet_aborts_it_and_is_dropped():
    flits = [*packet(10, 3)[:2], *packet(12, 3, dst=2, tag=10), *packet(15, 1, tag=20)]
    delivered, counters = run(flits)
    assert [row[1:] for row in delivered] == [
        (1, 0, 1, NONE, 3, 1, 0), (1, 0, 0, NONE, 0, 0, 1), (1, 0, 0, ABORT, 0, 0, 10),
        (1, 0, 1, FULL, 3, 1, 20)]
    assert counters == (0, 1, 0)


def test_rule_4_the_body_follows_its_head():
    delivered, _ = run(packet(10, 3, dst=3))
    assert [(row[1], row[3], row[4]) for row in delivered] == [
        (3, 1, NONE), (3, 0, NONE), (3, 0, FULL)]


@pytest.mark.parametrize(("dst", "src"), [(4, 0), (99, 0), (6, 1)],
                         ids=["invalid", "outside the table", "port P or more"])
def test_rule_5_no_route_drops_the_packet_and_returns_its_credits(dst, src):
    flits = [flit for k in range(20) for flit in packet(10, 3, dst=dst, src=src)]
    delivered, counters = run([*flits, *packet(10, 1, tag=7)])
    assert [row[7] for row in delivered] == [7]
    assert counters == (20, 0, 0)


def test_rule_6_spread_adds_bits_of_the_source():
    delivered, _ = run([*packet(10, 1, dst=5, src=6), *packet(11, 1, dst=5, src=7)])
    assert [row[1] for row in delivered] == [2, 3]


def test_rule_7_strays_are_counted_until_their_packet_has_ended():
    strays = [(10, 0, 0, NONE, 0, 0, 0), (11, 0, 0, NONE, 0, 0, 0), (12, 0, 0, FULL, 0, 0, 0),
              (13, 0, 0, FULL, 0, 0, 0)]
    assert run(strays) == ([], (0, 2, 0))


def test_a_dropped_flit_returns_its_credit_two_cycles_after_it_came():
    """Valid t, dropped t+1, credit t+2, spent in t+2 for valid t+3: 8 cycles for two of them."""
    flits = [(10, 0, 1, FULL, 0, 4, 0), (10, 0, 1, FULL, 0, 4, 0), *packet(10, 1)]
    delivered, _ = run(flits, depth=1)
    assert [row[0] for row in delivered] == [10 + 3 + 3 + 4]


def test_counters_saturate():
    assert run([(0, 7, 1, FULL, 0, 0, 0)] * 65600, cycles=66000)[1] == (0, 65535, 0)


def test_vcs_take_turns_and_so_do_the_inputs_of_each():
    stimulus = [[flit for k in range(30) for flit in packet(10, 1, vc=k % 2, tag=i)]
                for i in range(4)]
    delivered = rows(crossbar().run(stimulus, 60))
    assert [row[7] for row in delivered[:16]] == [0, 0, 1, 1, 2, 2, 3, 3] * 2
    assert [row[2] for row in delivered[:16]] == [0, 1] * 8


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
    xbars = make_xbars(1, 4, 2, 64, 8, [range(4)], [range(4, 8)], [ROUTES])
    shown = _hosts(make_ingress(range(3), 2, 64), xbars, make_egress([7], 2, 8), make_wires(8),
                   packets, cycles)
    times = [np.flatnonzero(shown == i) for i in range(3)]
    counts = [len(t) for t in times]
    gaps = [int(np.diff(t, append=cycles).max()) for t in times]
    print(f"{length} flits: {counts} delivered, longest gaps {gaps}")
    assert sum(counts) > 0.99 * cycles
    assert abs(counts[0] - counts[1]) < 0.1 * min(counts[:2])
    assert max(gaps) <= 3 * length + 1


def uniform(rng, ports, vcs, count, lengths=(1,)):
    return [[flit for k in range(count)
             for flit in packet(0, int(rng.choice(lengths)), vc=int(rng.integers(vcs)), src=i,
                                dst=int(rng.integers(ports)), tag=i << 32 | k << 8)]
            for i in range(ports)]


@pytest.mark.parametrize("vcs", [1, 2])
@pytest.mark.parametrize("ports", [8, 16])
def test_uniform_single_flits_at_full_load_carry_95_percent(ports, vcs, seed):
    rng, cycles = np.random.default_rng(seed), 12_000
    model = crossbar(ports=ports, vcs=vcs, depth=256, routes=[(1, j, 0) for j in range(ports)])
    result = model.run(uniform(rng, ports, vcs, cycles), cycles)
    steady = (result.delivered["cycle"] >= 2000).sum() / (ports * (cycles - 2000))
    print(f"{ports} ports, {vcs} VCs: throughput {steady:.4f} of line rate")
    assert steady >= 0.95


def test_every_flit_is_delivered_once_and_packets_whole(seed):
    rng, ports = np.random.default_rng(seed), MAX_PORTS
    model = crossbar(ports=ports, depth=64, routes=[(1, j, 0) for j in range(ports)])
    stimulus = uniform(rng, ports, 2, 20, lengths=(1, 2, 5, 17))
    delivered = rows(model.run(stimulus, 4000))
    assert sorted(row[7] for row in delivered) == sorted(f[6] for s in stimulus for f in s)
    following = {}
    for _, output, vc, first, end, _, _, tag in delivered:
        assert tag == following.get((output, vc), tag)
        assert first == ((output, vc) not in following)
        following[output, vc] = tag + 1
        if end != NONE:
            del following[output, vc]
    assert not following


def spoiled(rng, flits):
    """Some flits lost, some of another `first`, `end` or VC."""
    for cycle, vc, first, end, src, dst, tag in flits:
        match rng.integers(40):
            case 0:
                continue
            case 1:
                first = 1 - first
            case 2:
                end = FULL if end == NONE else NONE
            case 3:
                vc = 5
        yield cycle, vc, first, end, src, dst, tag


@pytest.mark.parametrize("source_credits", [4, 6], ids=["credits kept", "overflowing"])
def test_random_broken_traffic_equals_the_contract_restated(source_credits, seed):
    rng = np.random.default_rng(seed)
    for _ in range(15):
        shape = {"ports": int(rng.integers(2, 6)), "vcs": int(rng.integers(1, 4)), "depth": 4,
                 "credits": int(rng.integers(1, 5)), "routes": ROUTES,
                 "source_credits": source_credits}
        stimulus = [list(spoiled(rng, flits))
                    for flits in uniform(rng, shape["ports"], shape["vcs"], 40, (1, 2, 3, 5))]
        restated = Restated(**shape)
        expected = restated.run(stimulus, 400)
        result = CrossbarModel(**shape).run(stimulus, 400)
        assert rows(result) == expected
        assert np.stack(list(result.counters.values()), 1).tolist() == restated.counters
