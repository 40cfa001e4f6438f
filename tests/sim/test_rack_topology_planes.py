"""Planes: copies of the switches that endpoints spray over."""

import numpy as np
import pytest
from rack_graphs import graph
from rack_networks import network, shortest_hops, walk
from xbar_restated import crc8

from lightloom import config
from lightloom.sim.rack import RackModel
from lightloom.sim.rack.topology import rack
from lightloom.sim.rack.work import make_work


def planes(count, **fields):
    return network("clos2", 16, radix=8, planes=count, **fields)


def test_each_plane_is_a_copy_and_says_which(seed):
    one, three = rack(planes(1)), rack(planes(3))
    assert (three.switches, three.endpoint_ports, three.planes) == (24, one.endpoint_ports + 2, 3)
    for p in range(3):
        own = slice(8 * p, 8 * p + 8)
        assert np.array_equal(three.switch_entries.ports[own], one.switch_entries.ports)
        assert three.names[16:][own] == tuple(f"plane {p} {name}" for name in one.names[16:])
    names = three.link_names
    assert len(set(names)) == len(names) == 3 * len(one.link_names)
    assert "plane 2 leaf 3 -> plane 2 spine 1" in names
    assert np.array_equal(walk(three, np.random.default_rng(seed)), shortest_hops(one))


def test_the_entry_for_others_is_the_set_of_all_optical_ports():
    topology = rack(planes(3))
    assert topology.hosts == 2
    away = ~np.eye(16, dtype=bool)
    assert (topology.endpoint_entries.ports[away] == 0b11100).all()
    assert (topology.endpoint_entries.ports.diagonal() == 0b11).all()


@pytest.mark.parametrize(("modelled", "bytes_carried"), [(1, 101), (2, 201), (3, 301), (4, 401)])
def test_planes_carry_their_share_of_a_message(modelled, bytes_carried):
    cfg = planes(modelled)
    assert cfg.chiplet.optical_ports == 4
    work = make_work(cfg, graph([(0, 9, 401, 0), (0, 9, 0, 0)]), 2, 16)
    assert work.nbytes.tolist() == [bytes_carried, 1]


def test_occupancy_sprays_the_packets_of_one_flow_over_all_planes():
    cfg = config.override(planes(4), xbar__ecmp="occupancy", xbar__multicast=False)
    result = RackModel(cfg).run(graph([(0, 9, 60 * 2048, 0)]), 6000)
    assert (result.delivered >= 0).all()
    flits = result.link_flits.sum(axis=0)
    sent = [flits[k] for k, name in enumerate(result.link_names) if name.startswith("gpu 0 ->")]
    print(f"flits on each plane: {sent}")
    assert sum(sent) == 60 * 64 and min(sent) > 0
    # One host port sends a flit a cycle: more than the one link of a flow by hash.
    hashed = RackModel(planes(4)).run(graph([(0, 9, 60 * 2048, 0)]), 6000)
    flits = hashed.link_flits.sum(axis=0)
    sent = [flits[k] for k, name in enumerate(hashed.link_names) if name.startswith("gpu 0 ->")]
    assert sorted(sent)[:3] == [0, 0, 0]
    assert result.delivered.max() < hashed.delivered.max()


def hashed(ports, src, dst):
    """The member of a set that `ecmp` = "hash" takes (docs/crossbar.md)."""
    members = [p for p in range(64) if int(ports) >> p & 1]
    return members[crc8(src << 12 | dst) * len(members) >> 8]


def test_hash_leaves_each_plane_a_part_of_its_uplinks_alone():
    """The polarisation that docs/topologies.md warns of; D-mod-k does not have it."""
    uplinks = {}
    for routing in ("ecmp", "minimal"):
        topology = rack(planes(4, routing=routing))
        seen = uplinks[routing] = {p: set() for p in range(4)}
        for src in range(16):
            for dst in range(16):
                if src // 4 != dst // 4:
                    p = hashed(topology.endpoint_entries.ports[src, dst], src, dst) - topology.hosts
                    seen[p].add(hashed(topology.switch_entries.ports[8 * p + src // 4, dst],
                                       src, dst))
    assert uplinks == {"ecmp": {p: {4 + p} for p in range(4)},
                       "minimal": {p: {4, 5, 6, 7} for p in range(4)}}
