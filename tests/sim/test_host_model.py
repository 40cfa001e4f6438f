"""Host ports of the model, cycle by cycle."""

import numpy as np
from numba import njit

from lightloom.sim.flits import NO_FLIT, pack
from lightloom.sim.host import egress_step, ingress_step, make_egress, make_ingress
from lightloom.sim.wires import make_wires, put_credit, put_flit, take_credit, take_flit
from lightloom.sim.xbar import ONE, Shape, make_entries, make_xbars, xbar_step

NONE, FULL = 0, 1


def word(vc, first, end, tag, dst=0):
    return pack.py_func(vc, first, end, 0, dst, tag)


@njit
def _ingress(state, wires, beats, pulses, cycles):
    """Cycle in which each beat is accepted, and in which its flit is on the wire."""
    accepted, valid = np.full(beats.size, -1), np.full(beats.size, -1)
    at = seen = 0
    for cycle in range(cycles):
        beat = beats[at] if at < beats.size else NO_FLIT
        if ingress_step(state, wires, 0, cycle, beat):
            accepted[at] = cycle
            at += 1
        if take_flit(wires, 0, cycle) != NO_FLIT:
            valid[seen] = cycle
            seen += 1
        for vc in range(8):
            if pulses[cycle] >> vc & 1:
                put_credit(wires, 0, cycle + 1, vc)
    return accepted, valid


def test_ingress_waits_until_every_vc_has_a_credit():
    """Two credits each; those of VC 0 are gone, so VC 1 waits too, until the pulse at 7 counts."""
    beats = np.array([word(v, 1, FULL, 0) for v in (0, 0, 1, 1)])
    pulses = np.zeros(20, np.int64)
    pulses[6] = 0b01
    accepted, valid = _ingress(make_ingress([0], 2, 2), make_wires(1), beats, pulses, 20)
    assert accepted.tolist() == [0, 1, 8, 9]
    assert valid.tolist() == [1, 2, 9, 10]


@njit
def _egress(state, wires, flits, cycles):
    """`flits` [k, 2] are (cycle, word): rows of (cycle, word) shown, rows of (cycle, credits)."""
    shown, credits, at = [], [], 0
    for cycle in range(cycles):
        flit = egress_step(state, wires, 0, cycle)
        if flit != NO_FLIT:
            shown.append((cycle, flit))
        pulses = take_credit(wires, 0, cycle)
        if pulses:
            credits.append((cycle, np.int64(pulses)))
        if at < len(flits) and flits[at, 0] == cycle + 1:
            put_flit(wires, 0, cycle + 1, flits[at, 1])
            at += 1
    return shown, credits


def egress(flits, cycles=40):
    shown, credits = _egress(make_egress([0], 2, 8), make_wires(1), np.array(flits), cycles)
    return [(cycle, flit >> 30) for cycle, flit in shown], list(credits)


def test_egress_shows_a_flit_two_cycles_later_and_then_returns_its_credit():
    assert egress([(10, word(1, 1, FULL, 5))]) == ([(12, 5)], [(12, 0b10)])


def test_egress_streams_and_ends_a_packet_before_it_turns_to_another_vc():
    flits = [(10, word(0, 1, NONE, 0)), (11, word(1, 1, FULL, 1)), (13, word(0, 0, NONE, 2)),
             (14, word(0, 0, FULL, 3)), (15, word(0, 1, FULL, 4))]
    shown, credits = egress(flits)
    # The packet's FIFO is empty at 12 and 13 and VC 1 waits; then VC 1 has its turn before VC 0.
    assert shown == [(12, 0), (15, 2), (16, 3), (17, 1), (18, 4)]
    assert [cycle for cycle, _ in credits] == [cycle for cycle, _ in shown]


@njit
def _chiplet(ingress, xbars, egress, wires, beats, cycles):
    shown, at = [], 0
    for cycle in range(cycles):
        beat = beats[at] if at < beats.size and cycle >= 10 else NO_FLIT
        at += ingress_step(ingress, wires, 0, cycle, beat)
        xbar_step(xbars, wires, 0, cycle)
        flit = egress_step(egress, wires, 0, cycle)
        if flit != NO_FLIT:
            shown.append((cycle, flit))
    return shown


def test_host_to_host_through_a_crossbar_takes_seven_cycles():
    beats = np.array([word(0, 1, NONE, 0), word(0, 0, NONE, 1), word(0, 0, FULL, 2)])
    xbars = make_xbars(Shape(inputs=2, outputs=2, vcs=2, depth=16, credits=8), [[0, 1]], [[2, 3]],
                       make_entries([[(ONE, 0b10)]]))
    shown = _chiplet(make_ingress([0], 2, 16), xbars, make_egress([3], 2, 8), make_wires(4),
                     beats, 40)
    assert list(shown) == [(17, beats[0]), (18, beats[1]), (19, beats[2])]
