"""Routes by the source: words lead to the destination, classes close no circle, UGAL compares."""

import dataclasses

import networkx as nx
import numpy as np
import pytest
from numba import njit
from rack_graphs import graph as task_graph
from rack_networks import across, network

from lightloom import config
from lightloom.sim.rack import RackModel, model
from lightloom.sim.rack.fabric import make_fabric
from lightloom.sim.rack.topology import (
    TABLES,
    packet_route,
    rack,
    route_word,
    vc_of_packet,
)
from lightloom.sim.rack.topology.source import class_by, minimal_via, queued_for, word_by
from lightloom.sim.random import mix_of, number
from lightloom.sim.xbar import SOURCE

CASES = [network("clos2", 32, 8, "valiant"),
         network("clos2", 12, 8, "valiant", switch_endpoints=3, uplinks=4, spines=2),
         network("butterfly", 10, routing="valiant", dims=(5,), switch_endpoints=2),
         network("butterfly", 24, routing="valiant", dims=(3, 4), switch_endpoints=2, vcs=4),
         network("butterfly", 12, routing="valiant", dims=(2, 3, 2), vcs=8)]
IDS = ["clos2", "clos2 trunks", "group", "butterfly", "butterfly of 3"]


@njit
def words(routes, src, dst, via):
    """Words and classes of all."""
    out, kind = np.empty(src.size, np.uint64), np.empty(src.size, np.int64)
    for k in range(src.size):
        out[k] = word_by(routes, src[k], dst[k], via[k])
        kind[k] = class_by(routes, src[k], dst[k], via[k])
    return out, kind


@njit
def drawn(routes, src, dst, random):
    out = np.empty(random.size, np.uint64)
    for k in range(random.size):
        out[k] = route_word(routes, src, dst, random[k])
    return out


@njit
def chosen(routes, switches, src, dst, vc, random, home, port):
    """Word, VC, and what waits for an output of a switch."""
    word, vc = packet_route(routes, switches, src, dst, vc, random)
    return word, vc, queued_for(routes, switches, home, port)


def queued(routes, switches, home, port):
    return chosen(routes, switches, 0, 1, 0, np.uint64(0), home, port)[2]


@njit
def own_vc(routes, src, dst, vc):
    return vc_of_packet(routes, src, dst, vc)


@njit
def least(routes, src, dst):
    return minimal_via(routes, src, dst)


def everything(routes, count):
    src, dst, via = (axis.reshape(-1) for axis in np.indices((count, count, routes.vias)))
    away = src != dst
    return src[away], dst[away], via[away]


def follow(topology, src, dst, word):
    """Ports out of switches, [packets, 8], -1 behind the last; bytes are eaten one by one."""
    first, far = topology.endpoints * topology.endpoint_ports, across(topology)
    at = far[src * topology.endpoint_ports + topology.hosts]
    taken, word = np.full((src.size, 8), -1), word.copy()
    for hop in range(8):
        moving = at >= first
        switch = (at - first) // topology.switch_ports
        byte = (word & np.uint64(255)).astype(int)
        assert (byte < topology.switch_ports).all()
        taken[moving, hop] = (first + switch * topology.switch_ports + byte)[moving]
        at = np.where(moving, far[taken[:, hop]], at)
        word >>= np.uint64(8)
        assert (at >= 0).all()
    assert np.array_equal(at // topology.endpoint_ports, dst) and (word == 0).all()
    return taken


@pytest.mark.parametrize("cfg", CASES, ids=IDS)
def test_every_word_leads_to_its_destination_by_its_intermediate(cfg):
    topology = rack(cfg)
    routes = topology.routes
    assert (topology.switch_entries.kind == SOURCE).all()
    src, dst, via = everything(routes, topology.endpoints)
    word, kind = words(routes, src, dst, via)
    taken = follow(topology, src, dst, word)
    hops = (taken >= 0).sum(axis=1)
    local = routes.home[src] == routes.home[dst]
    assert (hops[local] == 1).all()
    if cfg.rack.topology == "clos2":
        assert (hops[~local] == 3).all()
        return
    dims = cfg.rack.dims
    s, d, m = (np.stack(np.unravel_index(x, dims), axis=1)
               for x in (routes.home[src], routes.home[dst], via))
    detour = (m != s) & (m != d) & (s != d)
    assert np.array_equal(hops, 1 + (s != d).sum(axis=1) + detour.sum(axis=1))
    assert hops.max() <= 2 * len(dims) + 1
    # Bit of a dimension with a detour: whether it goes below both.
    bits = kind[:, None] >> np.arange(len(dims)) & 1
    assert np.array_equal((bits == 1)[detour & (m > np.maximum(s, d))],
                          np.zeros(np.count_nonzero(detour & (m > np.maximum(s, d))), bool))
    assert (bits == 1)[detour & (m < np.minimum(s, d))].all()


@pytest.mark.parametrize("cfg", CASES, ids=IDS)
def test_all_words_together_close_no_circle_in_any_class(cfg):
    topology = rack(cfg)
    src, dst, via = everything(topology.routes, topology.endpoints)
    word, kind = words(topology.routes, src, dst, via)
    assert kind.max() < topology.classes
    taken = follow(topology, src, dst, word)
    waits, one_class = nx.DiGraph(), nx.DiGraph()
    for hop in range(7):
        on = taken[:, hop + 1] >= 0
        pairs = np.unique(np.stack([taken[on, hop], taken[on, hop + 1], kind[on]]), axis=1)
        waits.add_edges_from(((a, k), (b, k)) for a, b, k in pairs.T.tolist())
        one_class.add_edges_from((a, b) for a, b, _ in pairs.T.tolist())
    assert nx.is_directed_acyclic_graph(waits)
    if topology.classes > 1 and max(cfg.rack.dims) > 2:
        assert not nx.is_directed_acyclic_graph(one_class)


@pytest.mark.parametrize("cfg", CASES, ids=IDS)
def test_the_minimal_intermediate_makes_no_detour(cfg):
    topology = rack(cfg)
    count = topology.endpoints
    src, dst = (axis.reshape(-1) for axis in np.indices((count, count)))
    src, dst = src[src != dst], dst[src != dst]
    via = np.array([least(topology.routes, s, d) for s, d in zip(src, dst, strict=True)])
    taken = follow(topology, src, dst, words(topology.routes, src, dst, via)[0])
    table = rack(config.override(cfg, rack__routing="minimal"))
    first, radix = count * table.endpoint_ports, table.switch_ports
    for hop in range(8):
        on = np.flatnonzero(taken[:, hop] >= 0)
        switch, port = np.divmod(taken[on, hop] - first, radix)
        assert (table.switch_entries.ports[switch, dst[on]] == 1 << port.astype(np.uint64)).all()


@pytest.mark.parametrize("cfg", CASES[:3], ids=IDS[:3])
def test_intermediates_are_drawn_uniformly(cfg, seed):
    topology = rack(cfg)
    rng = np.random.default_rng(seed)
    src, dst = 0, topology.endpoints - 1
    found = drawn(topology.routes, src, dst, rng.integers(2**64, size=40_000, dtype=np.uint64))
    via = np.arange(topology.routes.vias)
    expected, share = np.unique(words(topology.routes, np.full(via.size, src),
                                      np.full(via.size, dst), via)[0], return_counts=True)
    seen, count = np.unique(found, return_counts=True)
    assert np.array_equal(seen, expected)
    part = share / via.size
    sigma = np.sqrt(40_000 * part * (1 - part))
    assert (abs(count - 40_000 * part) < 6 * sigma + 1e-9).all()


def test_a_packet_stays_among_the_vcs_of_its_class():
    topology = rack(network("torus", 36, dims=(6, 6), vcs=8))
    routes = topology.routes
    assert (topology.classes, routes.share) == (4, 2)
    for src in range(36):
        for dst in range(36):
            k = routes.class_of[src, dst]
            got = [own_vc(routes, src, dst, vc) for vc in range(8)]
            assert got == [2 * k, 2 * k + 1] * 4


def test_a_class_tells_whether_the_path_crosses_the_dateline():
    routes = rack(network("torus", 8, dims=(8,))).routes
    # Up over the end of the ring, down over it, and not.
    assert [routes.class_of[s, d] for s, d in ((6, 1), (1, 6), (1, 4), (4, 1))] == [1, 1, 0, 0]


def ugal():
    cfg = network("butterfly", 8, routing="ugal", dims=(4,), switch_endpoints=2, planes=2)
    topology = rack(cfg)
    return cfg, topology, make_fabric(cfg, topology).switches


def fill(topology, switches, plane, switch, i, v, j, flits):
    """As if so many flits of input i waited for output j."""
    node = plane * topology.switches // 2 + switch
    shape = switches.nodes, switches.ins, switches.vcs, switches.outs
    switches.held.reshape(shape)[node, i, v, j] += flits
    switches.outlet["queued"].reshape(shape[0], shape[3], shape[2])[node, j, v] |= 1 << i


def test_ugal_counts_all_that_waits_for_an_output():
    _, topology, switches = ugal()
    fill(topology, switches, 0, 1, 0, 0, 3, 5)
    fill(topology, switches, 0, 1, 7, 1, 3, 11)
    fill(topology, switches, 1, 1, 2, 1, 3, 23)
    fill(topology, switches, 1, 2, 2, 1, 3, 100)
    assert queued(topology.routes, switches, 1, 3) == 39
    assert queued(topology.routes, switches, 1, 4) == 0


def test_ugal_takes_the_detour_when_twice_as_much_and_more_waits_for_the_direct_way():
    _, topology, switches = ugal()
    routes = topology.routes
    detour = np.uint64(2**64 - 1)                   # via switch 3
    # From switch 0 to switch 1: port 2 is direct, of 2 switches; port 4 leads to 3, of 3.
    expected = {via: words(routes, *(np.array([x]) for x in (0, 2, via)))[0][0] for via in (0, 3)}
    assert [hex(expected[via]) for via in (0, 3)] == ["0x2", "0x304"]
    take = lambda: hex(chosen(routes, switches, 0, 2, 0, detour, 0, 0)[0])
    assert take() == "0x2"
    fill(topology, switches, 0, 0, 5, 0, 4, 2)      # 3 * 2 flits there
    fill(topology, switches, 0, 0, 5, 0, 2, 3)      # 2 * 3 here: no more
    assert take() == "0x2"
    fill(topology, switches, 1, 0, 5, 1, 2, 1)
    assert take() == "0x304"
    # Above both: the class of the peak; directly upwards it is the same, downwards the other.
    assert chosen(routes, switches, 0, 2, 1, detour, 0, 0)[1] == 0
    assert chosen(routes, switches, 2, 0, 1, np.uint64(0), 0, 0)[1] == 1


def test_tables_need_no_word():
    cfg = network("torus", 36, dims=(6, 6), vcs=4)
    topology = rack(cfg)
    switches = make_fabric(cfg, topology).switches
    word, vc, _ = chosen(topology.routes, switches, 3, 0, 5, np.uint64(9), 0, 0)
    assert word == 0 and vc == own_vc(topology.routes, 3, 0, 5) == topology.routes.class_of[3, 0]


def test_ugal_reads_the_counts_that_the_crossbars_keep(monkeypatch):
    """Two hosts of a switch send to one output: its queue grows."""
    cfg = network("butterfly", 8, dims=(4,), switch_endpoints=2)
    rack_model = RackModel(config.override(cfg, xbar__ecmp="occupancy"))
    kept = []
    monkeypatch.setattr(model, "make_fabric", lambda *args: kept.append(make_fabric(*args))
                        or kept[-1])
    rack_model.run(task_graph([(0, 2, 160_000, 0), (1, 3, 160_000, 0)]), 350)
    routes, switches = rack_model.topology.routes, kept[0].switches
    assert queued(routes, switches, 0, 2) > 50
    assert queued(routes, switches, 0, 3) == 0


@pytest.mark.parametrize("cfg", [CASES[0], CASES[3]], ids=[IDS[0], IDS[3]])
def test_words_steer_packets_through_the_crossbars(cfg, seed, monkeypatch):
    """The first packet of each endpoint, over the links that its word names."""
    rng = np.random.default_rng(seed)
    rack_model = RackModel(cfg)
    topology = rack_model.topology
    count, routes = topology.endpoints, topology.routes
    src, dst = np.arange(count), rng.permutation(count)
    src, dst = src[src != dst], dst[src != dst]
    via = rng.integers(routes.vias, size=src.size)
    word, _ = words(routes, src, dst, via)
    # Packets are numbered in the order of the host ports.
    order = np.argsort(src * topology.hosts + dst % topology.hosts)
    rack_model.topology = dataclasses.replace(
        topology, routes=routes._replace(mode=TABLES, classes=1, share=cfg.chiplet.vcs,
                                         class_of=np.zeros((routes.switches,) * 2, np.uint8)))

    def steered(*args):
        fabric = make_fabric(*args)
        switches = fabric.switches._replace(
            source_routing=True, payload=np.append(word[order], np.zeros(9, np.uint64)))
        return fabric._replace(switches=switches)

    monkeypatch.setattr(model, "make_fabric", steered)
    share = cfg.chiplet.optical_ports * cfg.chiplet.flit_bytes
    result = rack_model.run(
        task_graph([(int(s), int(d), share, 0) for s, d in zip(src, dst, strict=True)]), 900)
    assert (result.task_done >= 0).all()
    assert np.array_equal(result.src, src[order]) and np.array_equal(result.dst, dst[order])
    assert np.array_equal(result.link_flits.sum(axis=0), over_links(topology, src, dst, word))


def over_links(topology, src, dst, word):
    """Flits that each link end delivers of packets of one flit that follow their words."""
    taken = follow(topology, src, dst, word)
    at_end = np.full(topology.ports, -1)
    at_end[topology.ends[topology.peers]] = np.arange(topology.ends.size)
    expected = np.bincount(at_end[taken[taken >= 0]], minlength=topology.ends.size)
    uplinks = at_end[src * topology.endpoint_ports + topology.hosts]
    return expected + np.bincount(uplinks, minlength=topology.ends.size)


@pytest.mark.parametrize("cfg", [CASES[0], CASES[3]], ids=[IDS[0], IDS[3]])
def test_a_workload_takes_the_routes_that_are_drawn_for_its_packets(cfg, seed):
    rng, model_ = np.random.default_rng(seed), RackModel(cfg)
    topology, count = model_.topology, model_.topology.endpoints
    src = np.repeat(np.arange(count), 3)
    dst = (src + rng.integers(1, count, src.size)) % count
    share = cfg.chiplet.optical_ports * cfg.chiplet.flit_bytes
    result = model_.run(task_graph([(int(s), int(d), share, int(v)) for s, d, v in zip(
        src, dst, rng.integers(cfg.chiplet.vcs, size=src.size), strict=True)]), 3000, seed=seed)
    assert (result.task_done >= 0).all()
    random = np.array([number(np.uint64(mix_of(seed)), np.uint64(k))
                       for k in range(result.src.size)], np.uint64)
    src, dst = result.src.astype(np.int64), result.dst.astype(np.int64)
    word = np.concatenate([drawn(topology.routes, s, d, random[k:k + 1])
                           for k, (s, d) in enumerate(zip(src, dst, strict=True))])
    assert np.array_equal(result.link_flits.sum(axis=0), over_links(topology, src, dst, word))
    assert len(set(result.vc)) > 1


def test_with_ugal_a_workload_goes_round_a_link_that_is_full():
    """Two hosts of a switch send to two of another: the one link between them is not all."""
    done = {}
    for routing in ("minimal", "ugal"):
        cfg = network("butterfly", 8, routing=routing, dims=(4,), switch_endpoints=2)
        result = RackModel(config.override(cfg, xbar__ecmp="occupancy")).run(
            task_graph([(0, 2, 320_000, 0), (1, 3, 320_000, 0)]), 12_000)
        done[routing] = result.task_done.max()
        assert result.task_done.min() > 0
    assert done["ugal"] < 0.7 * done["minimal"]


def test_the_vcs_of_a_workload_are_those_of_its_packets():
    topology = rack(network("torus", 36, dims=(6, 6), vcs=8))
    src, dst = (axis.reshape(-1) for axis in np.indices((36, 36)))
    vc = (src + dst) % 8
    expected = [own_vc(topology.routes, *each) for each in zip(src, dst, vc, strict=True)]
    assert topology.table_vcs(src, dst, vc).tolist() == expected
    assert len(set(expected)) == 8
