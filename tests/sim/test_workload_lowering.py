"""Traces to task graphs: dependencies, groups, matching between ranks, windows."""

import secrets

import numpy as np
import pytest

from lightloom.config import load as load_config
from lightloom.config import override
from lightloom.sim.workload import load
from lightloom.sim.workload.fold import START, fold
from lightloom.sim.workload.reader import Op
from lightloom.sim.workload.schema import Collective, NodeType
from lightloom.sim.workload.writer import make_node, write

COMP, COLL = NodeType.COMP_NODE, NodeType.COMM_COLL_NODE
SEND, RECV = NodeType.COMM_SEND_NODE, NodeType.COMM_RECV_NODE


@pytest.fixture
def cfg():
    return load_config("sim")


def all_reduce(number, deps=(), nbytes=4000, **more):
    return make_node(number, f"ar{number}", COLL, data_deps=deps, is_cpu_op=False,
                     comm_type=Collective.ALL_REDUCE, comm_size=nbytes, **more)


def compute(number, micros, deps=()):
    return make_node(number, f"c{number}", COMP, data_deps=deps, micros=micros, is_cpu_op=False)


def finish_times(graph, message_ns=0):
    """When each task ends, in ns, where every message takes `message_ns`."""
    start = np.zeros(graph.kind.size, np.int64)
    waits = np.bincount(graph.succ, minlength=graph.kind.size)
    ready, end = list(np.nonzero(waits == 0)[0]), np.full(graph.kind.size, -1)
    while ready:
        task = ready.pop()
        end[task] = start[task] + (message_ns if graph.kind[task] else graph.delay_ns[task])
        for following in graph.succ[graph.succ_ptr[task]:graph.succ_ptr[task + 1]]:
            start[following] = max(start[following], end[task])
            waits[following] -= 1
            if not waits[following]:
                ready.append(following)
    assert (end >= 0).all(), "tasks wait for each other in a cycle"
    return end


def test_one_file_stands_for_every_rank_of_its_metadata(cfg, tmp_path):
    write(tmp_path / "a.et", [compute(0, 5), all_reduce(1, [0])], ranks=4)
    graph = load(tmp_path / "a.et", cfg)
    messages = graph.kind == 1
    assert messages.sum() == 4 * 6 and graph.nbytes[messages].tolist() == [1000] * 24
    assert np.bincount(graph.src[messages]).tolist() == [6] * 4
    assert (~messages).sum() == 8 and graph.names == ("ar1",)
    assert (graph.src[~messages] == graph.dst[~messages]).all()
    assert [column.dtype.name for column in (
        graph.kind, graph.src, graph.dst, graph.nbytes, graph.delay_ns, graph.vc,
        graph.collective, graph.succ_ptr, graph.succ)] == [
        "uint8", "int32", "int32", "int64", "int64", "uint8", "int32", "int64", "int32"]


def test_one_file_without_metadata_stands_for_every_endpoint_or_as_many_as_asked(cfg, tmp_path):
    write(tmp_path / "a.et", [make_node(0, "b", COLL, comm_type=Collective.BROADCAST,
                                        comm_size=10)])
    assert (load(tmp_path / "a.et", cfg).kind == 1).sum() == 1023
    assert (load(tmp_path / "a.et", cfg, ranks=5).kind == 1).sum() == 4


def test_compute_between_collectives_delays_the_next_on_every_rank(cfg, tmp_path):
    write(tmp_path / "a.et", [compute(0, 5), all_reduce(1, [0]), compute(2, 7, [1]),
                              all_reduce(3, [2]), compute(4, 3, [3])], ranks=4)
    graph = load(tmp_path / "a.et", cfg)
    # 5 us, six ring steps of 100 ns, 7 us, six steps, 3 us.
    assert finish_times(graph, 100).max() == 15_000 + 12 * 100
    tail = graph.collective == -1
    assert graph.delay_ns[tail].tolist() == [3000] * 4


def test_control_and_data_dependencies_both_hold(cfg, tmp_path):
    node = make_node(3, "ar", COLL, data_deps=[1], ctrl_deps=[0], comm_type=0, comm_size=4)
    write(tmp_path / "a.et", [compute(0, 9), compute(1, 2), node], ranks=2)
    assert finish_times(load(tmp_path / "a.et", cfg)).max() == 9000


def test_callers_in_a_trace_recorded_from_pytorch_are_no_dependencies(cfg, tmp_path):
    """Its ctrl_deps name the call stack, whose nodes are mostly gone."""
    call = make_node(1, "c10d::allreduce_", COLL, ctrl_deps=[77], micros=4, is_cpu_op=True,
                     rf_id=3)
    kernel = make_node(2, "ncclKernel_AllReduce", COLL, ctrl_deps=[78], data_deps=[1],
                       is_cpu_op=False, micros=5000, comm_type=0, comm_size=4000)
    write(tmp_path / "a.et", [call, kernel])
    graph = load(tmp_path / "a.et", cfg, ranks=4)
    assert graph.names == ("ncclKernel_AllReduce",) and (graph.kind == 1).sum() == 24
    assert finish_times(graph, 10).max() == 4000 + 60


def test_folded_compute_keeps_every_start_time(record_property):
    """Random graphs of compute and communication, evaluated with and without folding."""
    seed = secrets.randbits(32)
    record_property("seed", seed)
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    for _ in range(300):
        n = int(rng.integers(1, 40))
        takes = rng.integers(0, 50, n).tolist()
        ops = []
        for i in range(n):
            deps = tuple(np.nonzero(rng.random(i) < 3 / (i + 1))[0].tolist())
            kind = COLL if rng.random() < 0.3 else COMP
            ops.append(Op(i, "", kind, deps, delay_ns=takes[i] if kind == COMP else 0))
        starts, ends = [], []
        for op, took in zip(ops, takes, strict=True):
            starts.append(max((ends[dep] for dep in op.deps), default=0))
            ends.append(starts[-1] + took)
        folded, done = fold(ops, Op(-1, "end", COMP)), {START: 0}
        for place, op in enumerate(folded):
            begin = max(done[call] + ns for call, ns in op.after)
            assert begin == (starts[op.id] if op.id >= 0 else max(ends))
            done[place] = begin + (takes[op.id] if op.id >= 0 else 0)
        calls = [op.id for op in ops if op.kind == COLL]
        assert [op.id for op in folded if op.id >= 0] == calls
        assert max(done.values()) == max(ends)


def test_rank_files_are_matched_by_group_and_order(cfg, tmp_path):
    """Ranks 0, 1 and 2, 3 in groups; node numbers differ between ranks."""
    (tmp_path / "w.json").write_text('{"7": [1, 0], "9": [2, 3]}')
    for rank in range(4):
        group = "7" if rank < 2 else "9"
        write(tmp_path / f"w.{rank}.et", [
            all_reduce(10 + rank, nbytes=200, pg_name=group), compute(50, rank, [10 + rank]),
            all_reduce(60, [50], 600, pg_name=group), all_reduce(70, [60], 800)])
    for path in (tmp_path, tmp_path / "w"):
        graph = load(path, cfg)
        messages = graph.kind == 1
        assert messages.sum() == 4 * 4 + 24 and len(graph.names) == 5
        small = messages & (graph.nbytes < 200)
        assert {(s, d) for s, d in zip(graph.src[small], graph.dst[small], strict=True)} == {
            (0, 1), (1, 0), (2, 3), (3, 2)}
        # The last starts when the slowest rank, 3 us late, is there.
        assert finish_times(graph, 10).max() == 3000 + (2 + 2 + 6) * 10


def test_send_and_receive_are_one_message_and_the_receiver_waits(cfg, tmp_path):
    write(tmp_path / "p.0.et", [compute(0, 8), make_node(1, "s", SEND, data_deps=[0], comm_dst=1,
                                                         comm_size=300, comm_tag=5)])
    write(tmp_path / "p.1.et", [make_node(0, "r", RECV, comm_src=0, comm_size=300, comm_tag=5),
                                compute(1, 2, [0])])
    graph = load(tmp_path, cfg)
    assert np.nonzero(graph.kind)[0].size == 1
    message = graph.kind.argmax()
    assert (graph.src[message], graph.dst[message], graph.nbytes[message]) == (0, 1, 300)
    assert finish_times(graph, 50).max() == 8000 + 50 + 2000


def test_no_rank_sends_before_it_enters_or_leaves_before_its_messages_are_done(cfg, tmp_path):
    write(tmp_path / "a.0.et", [all_reduce(0)])
    write(tmp_path / "a.1.et", [compute(1, 6), all_reduce(0, [1])])
    write(tmp_path / "a.2.et", [all_reduce(0)])
    graph = load(tmp_path, cfg)
    end = finish_times(graph, 10)
    messages = graph.kind == 1
    assert end[messages & (graph.src == 1)].min() == 6010
    delays = np.nonzero(~messages)[0]
    leaves = [task for task in delays if graph.succ_ptr[task] == graph.succ_ptr[task + 1]]
    for task in leaves:
        rank = graph.src[task]
        own = messages & ((graph.src == rank) | (graph.dst == rank))
        assert end[task] == end[own].max()
    assert len(leaves) == 3


def test_virtual_channels_go_round_with_the_collectives(cfg, tmp_path):
    write(tmp_path / "a.et", [all_reduce(i) for i in range(5)], ranks=2)
    graph = load(tmp_path, override(cfg, chiplet__vcs=3))
    for number in range(5):
        assert set(graph.vc[graph.collective == number]) == {number % 3}


def test_limit_takes_whole_nodes_and_at_least_one(cfg, tmp_path):
    nodes = [all_reduce(0), *(all_reduce(i, [i - 1]) for i in range(1, 5))]
    write(tmp_path / "a.et", nodes, ranks=4)
    for limit, lowered in ((0, 1), (24, 1), (71, 2), (72, 3), (1000, 5)):
        graph = load(tmp_path, cfg, limit=limit)
        assert (graph.kind == 1).sum() == 24 * lowered and len(graph.names) == lowered


def test_skip_begins_when_that_communication_enters(cfg, tmp_path):
    """Beside the skipped work, the rest keeps its distance."""
    write(tmp_path / "a.et", [compute(0, 100), all_reduce(1, [0]), compute(2, 7, [1]),
                              all_reduce(3, [2]), compute(4, 5, [2]), all_reduce(5, [4])], ranks=2)
    graph = load(tmp_path, cfg, skip=1)
    assert graph.names == ("ar3", "ar5")
    end = finish_times(graph, 10)
    assert end[graph.collective == 0].max() == 20
    assert end[graph.collective == 1].max() == 5020


def test_skip_of_none_of_the_communications_leaves_out_the_compute_before_the_first(cfg, tmp_path):
    write(tmp_path / "a.et", [compute(0, 100), all_reduce(1, [0]), compute(2, 7, [1]),
                              all_reduce(3, [2])], ranks=2)
    whole, first = load(tmp_path, cfg), load(tmp_path, cfg, skip=0)
    assert whole.names == first.names == ("ar1", "ar3")
    for graph, start in ((whole, 100_000), (first, 0)):
        end = finish_times(graph, 10)
        assert end[graph.collective == 0].max() == start + 20
        assert end[graph.collective == 1].max() == start + 7040


def test_a_group_of_one_communicates_nothing_and_still_orders(cfg, tmp_path):
    write(tmp_path / "a.et", [compute(0, 3), all_reduce(1, [0]), compute(2, 4, [1])], ranks=1)
    graph = load(tmp_path, cfg)
    assert not graph.kind.any() and finish_times(graph).max() == 7000


def test_a_trace_without_communication_is_one_delay_a_rank(cfg, tmp_path):
    write(tmp_path / "a.et", [compute(0, 3), compute(1, 4, [0])], ranks=3)
    graph = load(tmp_path, cfg)
    assert graph.delay_ns.tolist() == [7000] * 3 and graph.src.tolist() == [0, 1, 2]
