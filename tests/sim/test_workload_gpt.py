"""The shipped trace, and the training step that it stands for."""

from collections import Counter

import numpy as np

from lightloom.config import load as load_config
from lightloom.sim.workload import DEFAULT_TRACE, generate, load
from lightloom.sim.workload.reader import read_trace
from lightloom.sim.workload.schema import Collective


def test_shipped_trace_is_what_the_generator_writes_byte_for_byte(tmp_path):
    generate(tmp_path / "gpt.et")
    assert (tmp_path / "gpt.et").read_bytes() == DEFAULT_TRACE.read_bytes()
    assert DEFAULT_TRACE.stat().st_size < 50_000


def test_default_step_has_the_collectives_of_its_model():
    trace = read_trace(DEFAULT_TRACE)
    assert trace.metadata["ranks"] == 1024
    seen = Counter((op.collective, op.group, op.nbytes) for op in trace.ops)
    activations = 2048 * 4096 * 2
    gradients = 12 * 4096**2 // 8 * 2
    assert seen == {
        (Collective.ALL_REDUCE, "tp", activations): 4 * 32 + 2,
        (Collective.ALL_REDUCE, "tp", 2048 * 4): 1,
        (Collective.REDUCE_SCATTER, "dp", gradients): 32,
        (Collective.ALL_GATHER, "dp", gradients // 128): 32,
    }


def test_compute_times_follow_from_the_flop_rate(tmp_path):
    """One layer, hidden 1024, 1,000 tokens, 2 ways, at 1 TFLOP/s a rank."""
    generate(tmp_path / "a.et", layers=1, hidden=1024, sequence=1000, vocabulary=2048,
             tensor_parallel=2, data_parallel=2, tflops=1.0)
    ops = read_trace(tmp_path / "a.et").ops
    gaps = {op.name: dict(op.after) for op in ops}
    names = [op.name for op in ops]
    # 8 x 1000 x 1024^2 + 4 x 1000^2 x 1024 operations, halved: 6,242 us.
    assert gaps["tp all-reduce layer 0 attention forward"] == {0: 6_242_000}
    assert gaps["tp all-reduce layer 0 mlp forward"] == {1: 8_389_000}
    backward = names.index("tp all-reduce layer 0 mlp backward")
    assert gaps["tp all-reduce layer 0 attention backward"] == {backward: 12_485_000}
    assert gaps["dp reduce-scatter layer 0 gradients"] == {backward: 12_485_000}


def test_gradients_are_reduced_beside_the_next_layers_backward_pass():
    ops = read_trace(DEFAULT_TRACE).ops
    place = {op.name: index for index, op in enumerate(ops)}
    scatter = place["dp reduce-scatter layer 7 gradients"]
    following = ops[place["tp all-reduce layer 6 mlp backward"]]
    assert scatter not in dict(following.after)
    assert place["dp reduce-scatter layer 8 gradients"] in dict(ops[scatter].after)


def test_groups_of_the_default_step_are_neighbours_and_every_eighth_rank():
    graph = load(DEFAULT_TRACE, load_config("sim"), limit=500_000, skip=76)
    for prefix, same, groups in (("tp", lambda r: r // 8, 128), ("dp", lambda r: r % 8, 8)):
        number = next(i for i, name in enumerate(graph.names) if name.startswith(prefix))
        each = (graph.collective == number) & (graph.kind == 1)
        src, dst = graph.src[each], graph.dst[each]
        assert (same(src) == same(dst)).all() and len(np.unique(same(src))) == groups
        assert len(np.unique(src)) == 1024
    number = next(i for i, name in enumerate(graph.names) if name.startswith("tp"))
    each = (graph.collective == number) & (graph.kind == 1)
    # Ring all-reduce over 8: 14 messages of an eighth of 16 MiB from each rank.
    assert each.sum() == 1024 * 14 and set(graph.nbytes[each]) == {2 * 2**20}
