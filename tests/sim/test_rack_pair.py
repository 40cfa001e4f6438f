"""The pair of chiplets: host timing, and what comes out."""

import numpy as np
from xbar_restated import crc8

from lightloom import config
from lightloom.sim.rack import PairModel
from lightloom.sim.xbar import ONE

CFG = config.load("sim")
HERE, AWAY = (ONE, 0b11), (ONE, 0b100)
ROUTES = [[HERE if (dst % 2 == 0) == (end == 0) else AWAY for dst in range(16)]
          for end in range(2)]


def host_of(src, dst):
    """Which of two host ports a flow is delivered at (docs/crossbar.md)."""
    return crc8(src << 12 | dst) * 2 >> 8


def run(*packets, cycles=None):
    """`packets`: (end, host, cycle, src, dst, vc, nbytes)."""
    ports = [[[] for _ in range(2)] for _ in range(2)]
    for end, host, *packet in packets:
        ports[end][host].append(packet)
    return PairModel(CFG, ROUTES).run(ports, cycles)


def test_a_packet_goes_over_and_another_stays():
    result = run((0, 1, 200, 3, 5, 1, 70), (0, 0, 200, 2, 4, 0, 32))
    there, here = result.delivered[1][host_of(3, 5)], result.delivered[0][host_of(2, 4)]
    assert result.accepted[0][1].cycle.tolist() == [200, 201, 202]
    assert [there.packet.tolist(), there.index.tolist()] == [[0, 0, 0], [0, 1, 2]]
    assert there.first.tolist() == [True, False, False]
    assert there.last.tolist() == [False, False, True]
    assert (there.end == 0).all() and (there.host == 1).all()
    assert here.cycle.tolist() == [207]
    assert result.cycles == there.cycle[-1] + 1


def test_a_packet_waits_for_its_cycle_and_for_the_one_before():
    result = run((0, 0, 100, 0, 1, 0, 96), (0, 0, 101, 0, 1, 0, 32), (0, 0, 110, 0, 1, 0, 32))
    assert result.accepted[0][0].cycle.tolist() == [100, 101, 102, 103, 110]
    assert result.accepted[0][0].packet.tolist() == [0, 0, 0, 1, 2]


def test_a_beat_is_held_when_credits_are_gone():
    """Both hosts want the one link: each gets about half of its rate."""
    sources = [next(src for src in range(16) if host_of(src, 1) == host) for host in range(2)]
    result = run(*((0, host, 100, sources[host], 1, 0, 2048)
                   for host in range(2) for _ in range(40)))
    accepted = result.accepted[0][0].cycle
    assert accepted.size == 40 * 64 and (np.diff(accepted[:256]) == 1).all()
    assert np.diff(accepted).max() > 1
    for port in result.delivered[1]:
        assert (np.diff(port.packet * 64 + port.index) == 1).all()
    span = result.cycles - 100
    assert 0.85 < 2 * 40 * 64 / span < 0.91


def test_a_packet_without_a_route_is_not_waited_for_for_ever():
    result = run((0, 0, 100, 0, 16, 0, 32))
    assert result.accepted[0][0].cycle.size == 1
    assert all(port.cycle.size == 0 for end in result.delivered for port in end)
    assert run((0, 0, 100, 0, 1, 0, 32), cycles=110).cycles == 110


def test_one_flit_takes_53_cycles_from_host_to_host_in_the_profile_sim():
    """Ingress, crossbar, link over 20 cycles of fibre, crossbar, egress; 1 more at some rows."""
    starts = range(0, 40_000, 79)
    result = run(*((0, 0, cycle, 0, 1, 0, 32) for cycle in starts))
    took = result.delivered[1][host_of(0, 1)].cycle - result.accepted[0][0].cycle
    print(f"{took.min()} to {took.max()} cycles")
    assert CFG.derived.fibre_cycles == 20
    assert took.min() == np.median(took) == 1 + 4 + (21 + 1 + 20) + 4 + 2 == 53
    assert took.max() <= 55
