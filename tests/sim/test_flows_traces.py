"""Traces in the flow model: compute, dependencies, concurrency, stragglers, accounting."""

import numpy as np
import pytest
from flow_racks import collective, compute, rack, trace

from lightloom import config
from lightloom.sim.flows import FlowModel
from lightloom.sim.workload import DEFAULT_TRACE, Stragglers, load
from lightloom.sim.workload.schema import Collective, NodeType
from lightloom.sim.workload.writer import make_node


@pytest.fixture
def cfg():
    return rack("direct", 8, 8)


def test_compute_and_collectives_one_after_the_other(cfg, tmp_path):
    path = trace(tmp_path / "a.et", [compute(0, 5), collective(1, [0]), compute(2, 7, [1]),
                                     collective(3, [2], 2**18), compute(4, 3, [3])], ranks=8)
    model = FlowModel(cfg)
    first, second = (model.collective("all-reduce", size).ns for size in (2**20, 2**18))
    found = model.run(path)
    assert found.ns == pytest.approx(15_000 + first + second, rel=1e-9)
    assert found.steps["begin_ns"].tolist() == pytest.approx([5000, 12_000 + first])
    assert found.steps["end_ns"].tolist() == pytest.approx([5000 + first, found.ns - 3000])
    assert found.steps["slowdown"].tolist() == pytest.approx([1, 1])
    assert found.ranks["computing_ns"].tolist() == pytest.approx([15_000] * 8)
    assert found.ranks["communicating_ns"].tolist() == pytest.approx([first + second] * 8)
    assert found.ranks["overlapped_ns"].abs().max() < 1e-3


def test_communication_beside_compute_is_overlapped(cfg, tmp_path):
    """The collective begins after 5 us, while 1,000 us of compute begin with it."""
    path = trace(tmp_path / "a.et", [compute(0, 5), collective(1, [0]), compute(2, 1000, [0])],
                 ranks=8)
    found, alone = FlowModel(cfg).run(path), FlowModel(cfg).collective("all-reduce", 2**20).ns
    assert found.ns == 1_005_000 and alone < 1_000_000
    rank = found.ranks.iloc[3]
    assert rank["computing_ns"] == 1_005_000 and rank["idle_ns"] == pytest.approx(0, abs=1e-3)
    assert rank["overlapped_ns"] == rank["communicating_ns"] == pytest.approx(alone)
    assert rank["exposed_ns"] == pytest.approx(0, abs=1e-3)


def test_two_collectives_at_once_share_the_links(cfg, tmp_path):
    model = FlowModel(cfg)
    alone = model.collective("all-reduce", 2**20)
    found = model.run(trace(tmp_path / "a.et", [collective(0), collective(1)], ranks=8))
    # Together they need the busiest link for twice its time, and it is never idle.
    assert found.cycles == pytest.approx(2 * alone.bound_cycles, rel=1e-6)
    assert found.links["use"].max() == pytest.approx(1, rel=1e-6)
    assert found.links["flits"].tolist() == (2 * alone.links["flits"]).tolist()
    # Small ones wait for latency only, which is not shared.
    small = model.run(trace(tmp_path / "b.et", [collective(k, nbytes=256) for k in range(2)],
                            ranks=8))
    assert small.cycles == pytest.approx(model.collective("all-reduce", 256).cycles, rel=1e-6)


def test_collectives_at_once_on_other_links_do_not_slow_each_other(cfg, tmp_path):
    path = trace(tmp_path / "a.et", [collective(0, pg_name="tp")],
                 **{"ranks": 8, "group.tp": (4, 1)})
    found = FlowModel(cfg).run(path)
    assert found.cycles == pytest.approx(
        FlowModel(cfg).collective("all-reduce", 2**20, 4).cycles, rel=1e-9)
    assert found.steps[["groups", "ranks"]].to_numpy().tolist() == [[2, 4]]


def test_a_straggler_holds_up_its_group_alone(cfg, tmp_path):
    path = trace(tmp_path / "a.et", [compute(0, 10), collective(1, [0], pg_name="tp")],
                 **{"ranks": 8, "group.tp": (4, 1)})
    model = FlowModel(cfg)
    alone = model.collective("all-reduce", 2**20, 4).ns
    found = model.run(path, stragglers=Stragglers([6], 3.0))
    assert found.ns == pytest.approx(30_000 + alone, rel=1e-9)
    ranks = found.ranks
    assert ranks["computing_ns"].tolist() == [10_000] * 6 + [30_000] + [10_000]
    assert ranks["idle_ns"].tolist() == pytest.approx([20_000] * 6 + [0] + [20_000], abs=1e-3)


def test_the_option_of_algorithms_holds(cfg, tmp_path):
    path = trace(tmp_path / "a.et", [collective(0, nbytes=4096)], ranks=8)
    model = FlowModel(cfg)
    found = model.run(path, algorithms={"all-reduce": "tree"})
    assert found.steps["algorithm"].tolist() == ["tree"]
    assert found.cycles == model.collective("all-reduce", 4096, algorithm="tree").cycles


def test_rank_files_with_sends_and_receives_equal_the_task_graph(cfg, tmp_path):
    def peer(number, kind, deps=(), **more):
        return make_node(number, f"p{number}", kind, data_deps=deps, comm_size=9600, comm_tag=1,
                         **more)
    for rank in range(4):
        nodes = [compute(0, 3 + rank), collective(1, [0], 4096)]
        if rank == 0:
            nodes += [compute(2, 2, [1]), peer(3, NodeType.COMM_SEND_NODE, [2], comm_dst=3)]
        if rank == 3:
            nodes += [peer(3, NodeType.COMM_RECV_NODE, [1], comm_src=0), compute(4, 6, [3])]
        trace(tmp_path / f"r.{rank}.et", nodes)
    model = FlowModel(cfg)
    found, exact = model.run(tmp_path), model.run(load(tmp_path, cfg))
    # Others do send before the last has entered, but none is done before.
    assert found.cycles == pytest.approx(exact.cycles, rel=0.05)
    assert found.links["flits"].tolist() == exact.links["flits"].tolist()
    what = dict(zip(found.steps["what"], found.steps["end_ns"], strict=True))
    assert what["receive"] >= what["send"] and found.ns == pytest.approx(what["receive"] + 6000)


def test_a_trace_equals_its_task_graph_where_ranks_enter_together(cfg, tmp_path, seed):
    rng = np.random.default_rng(seed)
    nodes = []
    for k in range(0, 8, 2):
        nodes += [compute(k, int(rng.integers(1, 9)), [k - 1] if k else []),
                  collective(k + 1, [k], int(rng.integers(1, 30)) * 2048,
                             [Collective.ALL_REDUCE, Collective.ALL_GATHER,
                              Collective.ALL_TO_ALL, Collective.BARRIER][rng.integers(4)])]
    path = trace(tmp_path / "a.et", nodes, ranks=8)
    model = FlowModel(cfg)
    assert model.run(path).cycles == pytest.approx(model.run(load(path, cfg)).cycles, rel=1e-6)


def test_the_shipped_step_of_1024_gpus_runs():
    model, seen = FlowModel(config.load("sim")), []
    found = model.run(DEFAULT_TRACE, progress=lambda done, of: seen.append((done, of)))
    steps = found.steps
    assert len(steps) == 32 * 2 + 131 and seen[-1][0] == seen[-1][1]
    assert (steps["end_ns"] - steps["begin_ns"] >= steps["alone_ns"] * (1 - 1e-9)).all()
    assert (steps["slowdown"] >= 1 - 1e-9).all() and steps["slowdown"].max() > 1.1
    # Each rank sends 14/8 of each buffer of its 8, 127/128 of those of its 128; over 4 planes.
    flit, activations, weights = 4 * 32, 2048 * 4096 * 2, 12 * 4096**2 // 8 * 2
    sent = (14 * (130 * activations // 8 + 2048 * 4 // 8)
            + 127 * 32 * 2 * weights // 128) // flit
    up = found.links[found.links["link"].str.startswith("gpu")]
    assert up["flits"].tolist() == [sent] * 1024
    assert found.links["use"].max() < 1
    ranks = found.ranks
    total = ranks[["computing_ns", "exposed_ns", "idle_ns"]].sum(axis=1)
    assert total.tolist() == pytest.approx([found.ns] * 1024)
    assert found.ns > ranks["computing_ns"].max() > 0 and (ranks["overlapped_ns"] > 0).all()


@pytest.mark.long
def test_data_parallel_all_reduces_of_1024_ranks_in_less_than_a_minute(tmp_path):
    """Sizes and times of ResNet-50's gradients in MLCommons Chakra's example of PyTorch DDP."""
    sizes = (8_196_000, 31_502_336, 26_255_360, 26_550_272, 9_724_160)
    starts = (12_603, 15_973, 17_934, 27_242, 40_023)
    nodes = [node for k, (size, start) in enumerate(zip(sizes, starts, strict=True))
             for node in (compute(2 * k, start), collective(2 * k + 1, [2 * k], size))]
    found = FlowModel(config.load("sim")).run(
        trace(tmp_path / "a.et", [*nodes, compute(99, 46_140)], ranks=1024))
    assert found.ns >= 46_140_000 and len(found.steps) == 5
    assert found.ranks["overlapped_ns"].min() > 0
    print(f"{found.seconds:.1f} s")
