"""Stragglers: whose compute takes longer, and by how much."""

import numpy as np
import pytest

from lightloom import config
from lightloom.sim.workload import Stragglers, TraceError, load
from lightloom.sim.workload.schema import Collective
from lightloom.sim.workload.writer import make_node, write


@pytest.fixture
def lowered(tmp_path):
    coll = dict(is_cpu_op=False, comm_type=Collective.BARRIER)
    write(tmp_path / "a.et", [
        make_node(0, "c", 4, micros=8, is_cpu_op=False),
        make_node(1, "b", 7, data_deps=[0], **coll),
        make_node(2, "c", 4, data_deps=[1], micros=2, is_cpu_op=False),
        make_node(3, "b", 7, data_deps=[0, 2], **coll)], ranks=16)
    return lambda stragglers: load(tmp_path / "a.et", config.load("sim"), stragglers=stragglers)


def compute(graph):
    """Sum of the delays of each rank, ns."""
    delays = graph.kind == 0
    return np.bincount(graph.src[delays], graph.delay_ns[delays], 16)


def test_named_ranks_take_their_factor_longer(lowered):
    plain, slow = compute(lowered(None)), compute(lowered(Stragglers([3, 7], 2.5)))
    expected = plain * np.where(np.isin(np.arange(16), [3, 7]), 2.5, 1)
    assert plain.min() > 0 and (slow == expected).all()


def test_a_share_of_the_ranks_is_drawn_by_the_seed(lowered, seed):
    plain = compute(lowered(None))
    drawn = [np.flatnonzero(compute(lowered(Stragglers(0.25, 3, each))) == 3 * plain).tolist()
             for each in (seed, seed, *range(seed + 1, seed + 9))]
    assert all(len(ranks) == 4 for ranks in drawn)
    assert drawn[0] == drawn[1] and len(set(map(tuple, drawn))) > 1
    assert (compute(lowered(Stragglers(0, 3))) == plain).all()


def test_messages_and_their_order_do_not_change(lowered):
    plain, slow = lowered(None), lowered(Stragglers(1.0, 2))
    for name in ("kind", "src", "dst", "nbytes", "succ_ptr", "succ"):
        assert np.array_equal(getattr(plain, name), getattr(slow, name))


@pytest.mark.parametrize(("stragglers", "text"), [
    (Stragglers(1.5), "stragglers: ranks = 1.5: a share must be 0 to 1"),
    (Stragglers([16]), "stragglers: ranks: 16: must be a rank, 0..15"),
    (Stragglers([1], -1), "stragglers: factor = -1: must be a number >= 0"),
    (Stragglers([1], float("nan")), "stragglers: factor = nan: must be a number >= 0"),
])
def test_stragglers_that_cannot_be_are_refused(lowered, stragglers, text):
    with pytest.raises(TraceError) as caught:
        lowered(stragglers)
    assert str(caught.value) == text
