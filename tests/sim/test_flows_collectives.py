"""Collectives of the flow model: closed forms, two computations of the same, the flit level."""

import math

import numpy as np
import pytest
from flow_racks import alpha, rack, rate

from lightloom.config import ConfigError, override
from lightloom.flow import flowcheck
from lightloom.sim.flows import FlowModel
from lightloom.sim.flows.routes import find_routes
from lightloom.sim.rack import RackModel
from lightloom.sim.workload import TraceError, collective_graph


@pytest.mark.parametrize("in_steps", [False, True])
@pytest.mark.parametrize(("n", "planes"), [(2, 1), (5, 1), (16, 4), (64, 1)])
def test_ring_all_reduce_is_2_n_minus_1_times_alpha_plus_its_share(n, planes, in_steps):
    cfg = rack("direct", n, 64, planes)
    size = n * planes * 32 * 300
    found = FlowModel(cfg).collective("all-reduce", size, algorithm="ring", in_steps=in_steps)
    bytes_a_cycle = rate(cfg) * 32 * planes
    expected = 2 * (n - 1) * (alpha(cfg, 1) + size / n / bytes_a_cycle)
    assert found.cycles == pytest.approx(expected, rel=1e-6)
    assert found.ns == pytest.approx(expected * 2, rel=1e-6)      # 500 MHz


@pytest.mark.parametrize("in_steps", [False, True])
@pytest.mark.parametrize("n", [2, 8, 64])
def test_halving_doubling_is_2_log_n_alpha_plus_2_n_minus_1_nths(n, in_steps):
    cfg = rack("direct", n, 64)
    size = n * 32 * 64
    found = FlowModel(cfg).collective("all-reduce", size, algorithm="halving-doubling",
                                      in_steps=in_steps)
    expected = (2 * math.log2(n) * alpha(cfg, 1)
                + 2 * (n - 1) / n * size / (rate(cfg) * 32))
    assert found.cycles == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("in_steps", [False, True])
@pytest.mark.parametrize("algorithm", ["direct", "pairwise"])
def test_all_to_all_takes_at_least_what_the_link_of_a_gpu_takes(algorithm, in_steps):
    n, cfg = 16, rack("direct", 16, 16)
    size = n * 32 * 100
    found = FlowModel(cfg).collective("all-to-all", size, algorithm=algorithm, in_steps=in_steps)
    link = (n - 1) / n * size / (rate(cfg) * 32)
    assert found.bound_cycles == pytest.approx(link, rel=1e-9)
    waits = n - 1 if algorithm == "pairwise" else 1
    assert found.cycles == pytest.approx(link + waits * alpha(cfg, 1), rel=1e-6)


def test_a_ring_over_near_and_far_neighbours_takes_their_mean_latency():
    cfg = rack("clos2", 16, 8)
    size = 16 * 32 * 200
    found = FlowModel(cfg).collective("all-reduce", size, algorithm="ring")
    # 30 hops of a chunk round 16 ranks, a quarter of which lead to another leaf.
    far = 8
    least = ((30 - far) * alpha(cfg, 1) + far * alpha(cfg, 3)
             + 30 * 200 / rate(cfg))
    assert found.cycles == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize(("name", "algorithm"), [
    ("all-reduce", "ring"), ("all-reduce", "halving-doubling"), ("all-gather", "ring"),
    ("all-to-all", "pairwise")])
def test_in_steps_and_message_by_message_agree(name, algorithm, seed):
    rng = np.random.default_rng(seed)
    cfg = rack("clos2", 32, 16)
    ranks = rng.choice(32, 16, replace=False) if algorithm == "ring" else 32
    size = int(rng.integers(1, 40)) * 32 * 32
    model = FlowModel(cfg)
    exact, steps = (model.collective(name, size, ranks, algorithm, in_steps=each).cycles
                    for each in (False, True))
    # With random members the hops of a ring meet on links, some of them now and then.
    assert steps == pytest.approx(exact, rel=0.25 if algorithm == "ring" else 0.02)


@pytest.mark.parametrize("rack_name", ["direct, 16", "clos2, 16"])
@pytest.mark.parametrize(("name", "algorithm", "within"), [
    ("all-reduce", "ring", 0.02), ("all-reduce", "halving-doubling", 0.02),
    ("all-to-all", "pairwise", 0.02), ("broadcast", "tree", 0.02),
    # Sources that do not wait for each other meet, which flows do not see (docs/flows.md).
    ("all-to-all", "direct", 0.2)])
def test_flit_level_is_met(rack_name, name, algorithm, within):
    case = flowcheck.measure(flowcheck.rack_config(rack_name), rack_name, name, algorithm, 16_384)
    print(case, [f"{error:+.2%}" for error in case.errors])
    assert max(map(abs, case.errors)) < within


def test_routes_are_those_of_the_flits(seed):
    rng = np.random.default_rng(seed)
    cfg = rack("clos2", 16, 8)
    model = FlowModel(cfg)
    graph = collective_graph(cfg, "all-to-all", 16 * 64, rng.permutation(16))
    flows, flits = model.run(graph), RackModel(cfg).run(graph, 4000)
    assert flits.task_done.min() >= 0
    assert flows.links["flits"].tolist() == flits.link_flits.sum(axis=0).tolist()
    assert flows.links["link"].tolist() == flits.link_names
    assert flows.collectives["messages"].tolist() == [240]


def test_bytes_are_conserved_and_no_link_is_used_for_more_than_all_of_the_time():
    cfg = rack("clos2", 64, 16)
    found = FlowModel(cfg).collective("all-to-all", 64 * 320, algorithm="direct")
    up = found.links[found.links["link"].str.startswith("gpu")]
    assert up["flits"].tolist() == [63 * 10] * 64
    assert found.links["use"].max() <= 1 + 1e-9
    assert found.bound_cycles <= found.cycles


def test_a_group_of_one_takes_no_time():
    found = FlowModel(rack("direct", 4, 4)).collective("all-reduce", 100, 1)
    assert found.cycles == 0 and found.links["flits"].sum() == 0


def test_what_cannot_be_is_refused():
    cfg = rack("direct", 4, 4)
    with pytest.raises(TraceError, match="ranks = 5: must be 1 to rack.endpoints = 4"):
        FlowModel(cfg).collective("all-reduce", 100, 5)
    for change, text in (({"serdes__fec": "rs152", "link__replay_flits": 512,
                           "xbar__vc_depth": 512}, "serdes.fec = 'rs152': .* must be 'none'"),
                         ({"chiplet__core_mhz": 600.0}, "chiplet.core_mhz = 600: .* 500 MHz")):
        with pytest.raises(ConfigError, match=text):
            FlowModel(override(cfg, **change))


def test_routes_that_are_not_in_the_tables_are_refused():
    cfg = rack("clos2", 16, 8)
    topology = FlowModel(cfg).topology
    other = cfg.model_copy(update={"rack": cfg.rack.model_copy(update={"routing": "ugal"})})
    with pytest.raises(ConfigError, match="rack.routing = 'ugal': .* 'minimal' or 'ecmp'"):
        find_routes(other, topology, np.array([0]), np.array([1]))


def test_a_message_that_is_held_up_does_not_hold_up_those_behind_it_while_buffers_last():
    """Where two endpoints share an uplink, first messages of queues meet; others go on."""
    model = FlowModel(flowcheck.rack_config("clos2 2:1, 32"))
    found, scheduled = (model.collective("all-to-all", 65_536, algorithm="direct", in_steps=each)
                        for each in (False, True))
    assert found.bound_cycles < found.cycles < 1.05 * scheduled.cycles


def test_a_torus_is_walked_the_shorter_way_round():
    cfg = rack("torus", 15, 8, rack__dims=(5, 3))
    src, dst = (each.reshape(-1) for each in np.indices((15, 15)))
    found = find_routes(cfg, FlowModel(cfg).topology, src, dst)
    around = lambda a, b, size: np.minimum((a - b) % size, (b - a) % size)
    hops = around(src // 3, dst // 3, 5) + around(src % 3, dst % 3, 3)
    assert found.switches.tolist() == np.where(src == dst, -1, hops + 1).tolist()
    assert (np.diff(found.ptr) == found.switches + 1).all()
    assert (found.flight == 20 * (found.switches + 1)).all()


def test_planes_share_what_the_planes_modelled_carry():
    one, two = (FlowModel(rack("direct", 4, 4, 4, rack__planes=planes)) for planes in (1, 2))
    size = 3200 * 16
    carried = [each.collective("all-to-all", size, algorithm="direct").links["flits"].sum()
               for each in (one, two)]
    assert carried == [2 * 12 * 100, 2 * 12 * 200]


def test_ideal_links_are_wires():
    cfg = rack("direct", 4, 4, rack__links="ideal")
    found = FlowModel(cfg).collective("all-to-all", 4 * 320, algorithm="pairwise")
    # Three steps of ten flits: host, three crossbars, two fibres, host; the last flit 9 later.
    step = 1 + (1 + 4 * 3 + 2 * cfg.derived.fibre_cycles + 2) + 9
    assert found.cycles == pytest.approx(3 * step)


def test_a_longer_fibre_is_a_longer_flight():
    near, far = (FlowModel(rack("direct", 4, 4, rack__fibre_m=metres)) for metres in (8.0, 8.5))
    cycles = [each.collective("broadcast", 32, 2).cycles for each in (near, far)]
    assert cycles[1] - cycles[0] == 2 * (21 - 20)
