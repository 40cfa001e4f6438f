"""Named algorithms: the data gets where it must, in the messages and bytes of the closed forms."""

import random

import numpy as np
import pytest

from lightloom import config
from lightloom.sim.workload import ALGORITHMS, TraceError, collective_graph, load
from lightloom.sim.workload.collectives import collective_of, pattern
from lightloom.sim.workload.schema import Collective
from lightloom.sim.workload.writer import make_node, write

MOVES = [(name, algorithm) for name in ("all-reduce", "reduce-scatter", "all-gather", "all-to-all")
         for algorithm in ALGORITHMS[name]]


def lowered(name, n, nbytes, algorithm=None):
    return pattern(collective_of(name), n, nbytes, 0, algorithm)


def ranges(each, message):
    return (each.chunk[message] + np.arange(each.count[message])) % each.parts


def move(each, n, held, rng):
    """Run the messages, each begun and arriving at any time that its dependencies allow.

    `held[rank][part]` are sets of contributions, as bits. What arrives is added to what is there,
    which must then have nothing in common with it, or takes its place, and must then have all of
    it: a contribution is never added twice, and none is lost.
    """
    waits = np.bincount(each.after, minlength=each.step.size)
    messages = each.src.size
    following = [each.after[each.before == node].tolist() for node in range(each.step.size)]
    ready = [node for node in range(each.step.size) if not waits[node]]
    flying, done = [], 0
    while ready or flying:
        if ready and (not flying or rng.random() < 0.5):
            node = ready.pop(rng.randrange(len(ready)))
            parts = ranges(each, node) if node < messages else []
            flying.append((node, [(part, held[each.src[node]][part]) for part in parts]))
            if node < messages:
                continue
        node, carried = flying.pop(
            rng.randrange(len(flying)) if flying[-1][0] < messages else -1)
        for part, value in carried:
            there = held[each.dst[node]][part]
            assert value, "a rank sends what it does not have"
            assert not value & there or value | there == value, "added twice, or lost"
            held[each.dst[node]][part] = value | there
        done += 1
        for other in following[node]:
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    assert done == each.step.size, "nodes wait for each other in a cycle"


@pytest.mark.parametrize("n", range(2, 18))
@pytest.mark.parametrize(("name", "algorithm"), MOVES)
def test_every_rank_ends_with_all_contributions_whatever_the_order_of_arrival(
        name, algorithm, n, seed):
    rng, every = random.Random(seed), (1 << n) - 1
    each = lowered(name, n, 840 * n, algorithm)
    if name == "all-gather":
        held = [[1 << r if part == r else 0 for part in range(n)] for r in range(n)]
        final = [[1 << part for part in range(n)]] * n
    else:
        held = [[1 << r] * each.parts for r in range(n)]
        final = [[every] * each.parts] * n
    move(each, n, held, rng)
    if name in ("reduce-scatter", "all-to-all"):       # rank r has part r
        assert [held[r][r] for r in range(n)] == [every] * n
    else:
        assert held == final


@pytest.mark.parametrize("algorithm", ALGORITHMS["all-to-all"])
def test_all_to_all_moves_only_what_is_the_senders_own(algorithm):
    each = lowered("all-to-all", 11, 1100, algorithm)
    pairs = sorted(zip(each.src.tolist(), each.dst.tolist(), strict=True))
    assert pairs == [(a, b) for a in range(11) for b in range(11) if a != b]
    assert (each.chunk == each.dst).all() and (each.count == 1).all() and (each.nbytes == 100).all()


def depth(each):
    """Most messages that wait for each other, one after the other."""
    longest = np.zeros(each.step.size, int)
    messages = np.arange(each.step.size) < each.src.size
    order = np.lexsort((~messages, each.step))
    for node in order:
        before = each.before[each.after == node]
        longest[node] = longest[before].max(initial=0) + messages[node]
    return int(longest.max(initial=0))


def sent(each, n):
    return np.bincount(each.src, each.nbytes, n)


@pytest.mark.parametrize("n", [2, 4, 8, 16])
def test_halving_doubling_takes_2_log_n_steps_and_2_n_minus_1_nths_of_the_buffer(n):
    log, size = n.bit_length() - 1, 960 * n
    reduce, scatter, gather = (lowered(name, n, nbytes, "halving-doubling") for name, nbytes in (
        ("all-reduce", size), ("reduce-scatter", size), ("all-gather", 960)))
    assert [depth(each) for each in (reduce, scatter, gather)] == [2 * log, log, log]
    assert [each.src.size for each in (reduce, scatter, gather)] == [2 * log * n, log * n, log * n]
    assert (sent(reduce, n) == 2 * (n - 1) * 960).all()
    assert (sent(scatter, n) == (n - 1) * 960).all() and (sent(gather, n) == (n - 1) * 960).all()


@pytest.mark.parametrize("n", [3, 5, 6, 7, 12, 17])
def test_ranks_beyond_a_power_of_two_fold_into_it_at_two_more_steps(n):
    power = 1 << n.bit_length() - 1
    extra, log, size = n - power, power.bit_length() - 1, 720 * power
    each = lowered("all-reduce", n, size, "halving-doubling")
    assert depth(each) == 2 * log + 2
    assert each.nbytes.sum() == 2 * extra * size + 2 * (power - 1) * size
    for name in ("reduce-scatter", "all-gather"):
        assert lowered(name, n, size, "halving-doubling").step.max() + 1 == log + 2


@pytest.mark.parametrize("n", [2, 5, 8, 17])
def test_direct_all_reduce_is_two_exchanges_of_all_pairs(n):
    each = lowered("all-reduce", n, 100 * n, "direct")
    assert depth(each) == 2 and each.src.size == 2 * n * (n - 1)
    assert (sent(each, n) == 2 * (n - 1) * 100).all()
    assert depth(lowered("reduce-scatter", n, 100 * n, "direct")) == 1
    gather = lowered("all-gather", n, 100, "direct")
    assert depth(gather) == (1 if n > 1 else 0) and (sent(gather, n) == (n - 1) * 100).all()


@pytest.mark.parametrize("n", [2, 3, 8, 13])
def test_tree_all_reduce_goes_up_and_down_a_binomial_tree(n):
    each = lowered("all-reduce", n, 500, "tree")
    assert each.step.max() + 1 == 2 * (n - 1).bit_length() >= depth(each)
    assert each.src.size == 2 * (n - 1) and (each.nbytes == 500).all()


@pytest.mark.parametrize("n", [2, 3, 7, 8, 16])
def test_pairwise_all_to_all_takes_n_minus_1_steps_of_one_message_a_rank(n):
    each = lowered("all-to-all", n, 100 * n, "pairwise")
    assert depth(each) == n - 1
    step = each.step[:each.src.size]
    for s in range(n - 1):
        own = step == s
        assert sorted(each.src[own]) == sorted(each.dst[own]) == list(range(n))
    if n & n - 1 == 0:
        assert (each.src ^ each.dst == step + 1).all()


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
@pytest.mark.parametrize(("name", "algorithm"),
                         [(name, each) for name, known in ALGORITHMS.items() for each in known])
def test_steps_go_forward(name, algorithm, n):
    each = lowered(name, n, 10 * n, algorithm)
    assert each.step.size == each.src.size + each.join.size
    ahead = each.step[each.after] - each.step[each.before]
    assert ((ahead > 0) | ((ahead == 0) & (each.after >= each.src.size))).all()
    assert sorted(set(each.step.tolist())) == list(range(len(set(each.step.tolist()))))


@pytest.fixture
def cfg():
    return config.load("sim")


@pytest.fixture
def trace(tmp_path):
    write(tmp_path / "a.et", [make_node(
        0, "ar", 7, is_cpu_op=False, comm_type=Collective.ALL_REDUCE, comm_size=4000)], ranks=8)
    return tmp_path / "a.et"


def test_an_option_chooses_the_algorithm_of_each_collective(cfg, trace):
    assert (load(trace, cfg).kind == 1).sum() == 8 * 14
    for algorithm, messages in (("ring", 112), ("tree", 14), ("direct", 112),
                                ("halving-doubling", 48)):
        graph = load(trace, cfg, algorithms={"all-reduce": algorithm, "all-to-all": "pairwise"})
        assert (graph.kind == 1).sum() == messages


@pytest.mark.parametrize(("algorithms", "text"), [
    ({"allreduce": "ring"}, "algorithms: 'allreduce': must be one of all-reduce, reduce-scatter"),
    ({"all-reduce": "rong"}, "algorithms: all-reduce = 'rong': must be one of ring, "
                             "halving-doubling, direct, tree"),
])
def test_unknown_names_are_refused_with_the_known_ones(cfg, trace, algorithms, text):
    with pytest.raises(TraceError) as caught:
        load(trace, cfg, algorithms=algorithms)
    assert text in str(caught.value) and "\n" not in str(caught.value)


def test_a_collective_needs_no_trace(cfg):
    graph = collective_graph(cfg, "all-reduce", 6400, [9, 3, 77, 1023], "halving-doubling")
    messages = graph.kind == 1
    assert graph.names == ("all-reduce halving-doubling",)
    assert set(graph.src[messages]) == set(graph.dst[messages]) == {9, 3, 77, 1023}
    assert sorted(graph.nbytes[messages].tolist()) == [1600] * 8 + [3200] * 8
    assert (collective_graph(cfg, "broadcast", 10, 5, root=2).kind == 1).sum() == 4


@pytest.mark.parametrize(("change", "text"), [
    ({"name": "allreduce"}, "collective 'allreduce': must be one of all-reduce, "),
    ({"nbytes": 0}, "nbytes = 0: must be an integer > 0"),
    ({"nbytes": 1.5}, "nbytes = 1.5: must be an integer > 0"),
    ({"ranks": 1025}, "ranks = 1025: must be 1 to rack.endpoints = 1024"),
    ({"ranks": [1, 1024]}, "ranks: 1..1024: must be endpoints, 0..1023"),
    ({"ranks": [1, 1]}, "ranks: an endpoint is named twice"),
    ({"ranks": "all"}, "ranks = 'all': must be a number of ranks or a list of endpoints"),
    ({"algorithm": "star"}, "algorithms: all-reduce = 'star': must be one of ring"),
    ({"root": 4}, "root = 4: must be a place in the group, 0..3"),
])
def test_a_collective_that_cannot_be_is_refused(cfg, change, text):
    with pytest.raises(TraceError) as caught:
        collective_graph(cfg, **{"name": "all-reduce", "nbytes": 8, "ranks": 4, **change})
    assert str(caught.value).startswith(text)
