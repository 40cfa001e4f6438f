"""A small rack in RTL against the model: every flit at every host port, in its cycle."""

import numpy as np
import pytest

from lightloom import config
from lightloom.config import ConfigError
from lightloom.flow import minirack
from lightloom.flow.errors import FlowError
from lightloom.sim.rack import pair
from lightloom.sim.xbar.state import SCHEDULED

pytestmark = pytest.mark.timeout(1800)


def held(done):
    assert not done.mismatches, "\n".join(done.mismatches[:10])


def expected_of(cfg, packets):
    return minirack.BeatModel(cfg).run(
        [[[(p.cycle, p.src, p.dst, p.vc, len(p.data)) for p in port] for port in end]
         for end in packets])


def waits_of(beats):
    """Cycles from the first beat in to the first beat out of each packet."""
    began = {(end, host, number): cycle for end, ports in enumerate(beats.accepted)
             for host, port in enumerate(ports)
             for cycle, number in zip(port.cycle[port.first], port.packet[port.first], strict=True)}
    return np.array([cycle - began[key] for ports in beats.delivered for port in ports
                     for cycle, *key in zip(*(field[port.first] for field in port[:4]), strict=True)
                     for key in [tuple(key)]])


@pytest.mark.parametrize(("rack", "simulator", "packets"), [
    ("clos2", "verilator", 12),
    pytest.param("direct", "icarus", 6, marks=pytest.mark.long)])
def test_rack_in_rtl_equals_the_model_flit_by_flit(tmp_path, seed, monkeypatch, rack, simulator,
                                                   packets):
    """And what is wrong by one cycle, or by one turn of an arbiter, is found out."""
    done = minirack.run(rack=rack, simulator=simulator, seed=seed, packets=packets,
                        out=tmp_path, quiet=True)
    held(done)
    assert done.model == "fast" and done.flits > 50 and not done.lanes and not done.replays
    cfg = minirack.mini(rack=rack)
    offered = minirack.traffic(cfg, seed, cfg.derived.bringup_cycles, packets)
    if rack == "clos2":
        # The hot spot: packets wait in the switches, much longer than the way takes.
        waits = waits_of(done.expected)
        assert waits.max() > 2 * np.median(waits)
    names = [f"gpu {e}" for e in range(cfg.rack.endpoints)]
    longer = config.override(cfg, rack__fibre_m=1.5)
    assert minirack.compare(cfg, offered, expected_of(longer, offered), done.run, names)[1]

    def turned(*args):
        fabric = make_fabric(*args)
        # VC 1 has the turns of VC 0; without this mark the schedule is known and not read.
        fabric.switches.ever[SCHEDULED] = 1
        fabric.switches.schedule[:] ^= 1
        return fabric

    make_fabric = pair.make_fabric
    monkeypatch.setattr(pair, "make_fabric", turned)
    assert minirack.compare(cfg, offered, expected_of(cfg, offered), done.run, names)[1]


@pytest.mark.parametrize(("rack", "simulator"), [
    ("clos2", "verilator"),
    pytest.param("direct", "icarus", marks=pytest.mark.long)])
def test_bit_errors_and_a_dead_lane_cost_the_same_cycles_in_rtl_and_model(tmp_path, seed, rack,
                                                                         simulator):
    errors = 60 if rack == "direct" else 200
    done = minirack.run(rack=rack, simulator=simulator, seed=seed, packets=4, errors=errors,
                        lane_death=True, out=tmp_path, quiet=True)
    held(done)
    assert done.model == "exact" and done.replays > 0
    assert list(done.lanes.values()) == [1]
    lost, back = done.outage
    assert 0 < lost < back


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_mini_rack_equals_the_model_for_long(tmp_path, seed, part):
    done = minirack.run(seed=seed + part, packets=150, out=tmp_path, quiet=True)
    held(done)
    assert done.flits > 5000
    # Hosts have to wait: no beat is offered without another behind it within a packet.
    gaps = [np.diff(port.cycle[port.packet == k]) for end in done.expected.accepted
            for port in end for k in np.unique(port.packet)]
    assert max(gap.max(initial=0) for gap in gaps) > 1


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_mini_rack_equals_the_exact_model_for_long(tmp_path, seed, part):
    done = minirack.run(seed=seed + part, packets=30, errors=150, lane_death=True, out=tmp_path,
                        quiet=True)
    held(done)
    assert done.replays > 20


@pytest.mark.long
def test_mini_rack_of_the_profile_sim_survives_a_dead_lane(tmp_path, seed):
    """Four lanes, and the shipped profile's depths and periods."""
    done = minirack.run("sim", seed=seed, packets=8, errors=20, lane_death=True, out=tmp_path,
                        quiet=True)
    held(done)
    assert list(done.lanes.values()) == [3]


def test_faults_are_the_same_for_a_seed_and_lie_in_the_traffic():
    cfg = minirack.mini()
    topology = minirack.BeatModel(cfg).topology
    faults = minirack.draw_faults(cfg, topology, 7, 1000, 300, 50, True)
    assert faults == minirack.draw_faults(cfg, topology, 7, 1000, 300, 50, True)
    assert faults != minirack.draw_faults(cfg, topology, 8, 1000, 300, 50, True)
    assert all(1000 <= cycle < 1300 for _, cycle, *_ in faults.flips)
    assert faults.dark[0][2] == 1100


def test_what_the_mini_rack_cannot_do_is_refused(tmp_path):
    with pytest.raises(FlowError, match="packets = 0: must be at least 1"):
        minirack.run(packets=0, out=tmp_path)
    with pytest.raises(FlowError, match="rack = ring: must be one of clos2, direct"):
        minirack.run(rack="ring", out=tmp_path)
    with pytest.raises(FlowError, match="errors = -1"):
        minirack.run(errors=-1, out=tmp_path)
    with pytest.raises(FlowError, match="no errors on its fibres"):
        minirack.run(errors=1, exact=False, out=tmp_path)
    with pytest.raises(ConfigError, match="chiplet.flit_bytes"):
        minirack.run(changes={"chiplet__flit_bytes": 8}, out=tmp_path)
