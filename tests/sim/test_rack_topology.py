"""Topologies: where routes lead, over which links."""

import numpy as np
import pytest

from lightloom import config
from lightloom.sim.rack.topology import direct, pair, rack
from lightloom.sim.xbar import ONE


def walk(topology):
    """Follow the routes of all (src, dst) pairs; switches passed, and whether dst is reached."""
    count, size, radix = topology.endpoints, topology.endpoint_ports, topology.switch_ports
    across = np.full(topology.ports, -1)
    across[topology.ends] = topology.ends[topology.peers]
    src, dst = (axis.reshape(-1) for axis in np.indices((count, count)))
    # Of several host ports the lowest stands for all.
    out = lambda entries, node: np.log2(entries.ports[node, dst] & -entries.ports[node, dst]
                                        ).astype(int)
    valid = topology.endpoint_entries.kind[src, dst] == ONE
    port = src * size + out(topology.endpoint_entries, src)
    hops = np.zeros(src.size, int)
    for _ in range(4):
        away = port % size >= topology.hosts
        at_endpoint = (port < count * size)
        moving = away | ~at_endpoint
        port[moving] = across[port[moving]]
        switch = (port - count * size) // radix
        inside = moving & (port >= count * size)
        hops += inside
        at = np.where(inside, switch, 0)
        valid &= ~inside | (topology.switch_entries.kind[at, dst] == ONE)
        port = np.where(inside, count * size + switch * radix + out(topology.switch_entries, at),
                        port)
        arrived = moving & ~inside
        at = np.where(arrived, port // size, 0)
        port = np.where(arrived, port // size * size + out(topology.endpoint_entries, at), port)
    reached = valid & (port == dst * size)
    return hops.reshape(count, count), reached.reshape(count, count)


def test_d_mod_k_reaches_all_1024_endpoints_and_passes_2_9375_switches_on_average():
    cfg = config.load("sim")
    topology = rack(cfg)
    assert (topology.switches, topology.ends.size) == (64, 4096)
    hops, reached = walk(topology)
    assert reached.all()
    away = ~np.eye(1024, dtype=bool)
    leaf = np.arange(1024) // 32
    assert np.array_equal(hops[away], np.where(leaf[:, None] == leaf, 1, 3)[away])
    # Through its leaf, an endpoint would reach itself in one.
    assert (hops.sum() + 1024) / 1024**2 == 2.9375


def test_d_mod_k_gives_each_destination_one_path_down():
    topology = rack(config.load("sim"))
    up = np.log2(topology.switch_entries.ports[:32]).astype(int)
    remote = up >= 32
    assert (up[remote] - 32 == np.broadcast_to(np.arange(1024) % 32, up.shape)[remote]).all()


@pytest.mark.parametrize("endpoints", [4, 16, 32])
def test_small_clos_reaches_all(endpoints):
    cfg = config.override(config.load("sim"), rack__radix=8, rack__endpoints=endpoints)
    assert walk(rack(cfg))[1].all()


def test_direct_passes_one_switch():
    cfg = config.override(config.load("sim"), rack__topology="direct", rack__radix=16,
                          rack__endpoints=12)
    hops, reached = walk(direct(cfg))
    assert reached.all() and (hops[~np.eye(12, dtype=bool)] == 1).all()


def test_links_are_named_by_direction():
    names = rack(config.load("sim")).link_names
    assert len(set(names)) == len(names) == 4096
    assert {"gpu 17 -> leaf 0", "leaf 31 -> gpu 1023", "leaf 0 -> spine 3"} <= set(names)


def test_pair_joins_port_to_port():
    cfg = config.load("sim")
    topology = pair(cfg, [[(ONE, 0b100)], [(ONE, 0b11), (ONE, 0b100)]])
    ports = cfg.derived.ports
    far = (topology.ends + ports) % (2 * ports)
    assert topology.ends[topology.peers].tolist() == far.tolist()
    assert topology.endpoint_entries.kind.tolist() == [[ONE, 0], [ONE, ONE]]
    assert topology.endpoint_entries.ports.tolist() == [[0b100, 0], [0b11, 0b100]]


def test_an_endpoint_takes_its_own_packets_at_any_of_its_host_ports():
    cfg = config.override(config.load("sim"), chiplet__host_ports=3)
    entries = rack(cfg).endpoint_entries
    assert (entries.ports.diagonal() == 0b111).all()
    assert (entries.ports[~np.eye(1024, dtype=bool)] == 0b1000).all()


@pytest.mark.parametrize("field", ["host_ports", "optical_ports"])
@pytest.mark.parametrize("make", [rack, lambda cfg: pair(cfg, [[], []])], ids=["rack", "pair"])
def test_chiplets_without_a_port_to_the_host_or_the_rack_are_refused(make, field):
    cfg = config.override(config.load("sim"), **{f"chiplet__{field}": 0})
    with pytest.raises(config.ConfigError, match=rf"chiplet\.{field} = 0: must be at least 1"):
        make(cfg)
