"""Each collective: how many messages, how many bytes, and whether the data gets there."""

import math

import numpy as np
import pytest

from lightloom.sim.workload.collectives import pattern
from lightloom.sim.workload.schema import Collective

SIZES = [1, 2, 3, 5, 8, 13]


def received(each, n):
    return np.bincount(each.dst, each.nbytes, n).tolist()


def sent(each, n):
    return np.bincount(each.src, each.nbytes, n).tolist()


def order(each):
    """Messages so that each comes after those that it waits for."""
    waits = np.bincount(each.after, minlength=each.src.size)
    ready, out = [m for m in range(each.src.size) if not waits[m]], []
    while ready:
        out.append(ready.pop())
        for following in each.after[each.before == out[-1]]:
            waits[following] -= 1
            if not waits[following]:
                ready.append(following)
    assert len(out) == each.src.size, "messages wait for each other in a cycle"
    return out


def inputs_of(each, message):
    return each.before[each.after == message].tolist()


def chains(each):
    """Messages of a ring by chunk: a message passes on the chunk of the one it waits for."""
    found = {}
    for message in order(each):
        before = inputs_of(each, message)
        assert len(before) <= 1
        found[message] = [*found.pop(before[0]), message] if before else [message]
    return list(found.values())


def run_chain(each, chain, n):
    """Contributions to one chunk that each rank holds in the end."""
    held = [{rank} for rank in range(n)]
    for message in chain:
        held[each.dst[message]] = held[each.dst[message]] | held[each.src[message]]
    return held


@pytest.mark.parametrize("n", SIZES)
def test_ring_all_reduce_moves_2_n_minus_1_nths_and_every_rank_gets_every_contribution(n):
    each = pattern(Collective.ALL_REDUCE, n, 1000 * n)
    assert each.src.size == 2 * (n - 1) * n
    assert sent(each, n) == received(each, n) == [2 * (n - 1) * 1000] * n
    assert ((each.src + 1) % n == each.dst).all()
    rings = chains(each)
    assert len(rings) == (n if n > 1 else 0)
    for ring in rings:
        assert run_chain(each, ring, n) == [set(range(n))] * n


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("which", [Collective.REDUCE_SCATTER, Collective.REDUCE_SCATTER_BLOCK])
def test_ring_reduce_scatter_leaves_chunk_r_whole_on_rank_r(which, n):
    each = pattern(which, n, 1000 * n + n // 2)
    assert each.src.size == (n - 1) * n
    chunk = [1000 + (rank < n // 2) for rank in range(n)]
    ends = set()
    for ring in chains(each):
        rank = int(each.dst[ring[-1]])
        ends.add(rank)
        assert run_chain(each, ring, n)[rank] == set(range(n))
        assert each.nbytes[ring].tolist() == [chunk[rank]] * (n - 1)
    assert ends == (set(range(n)) if n > 1 else set())


@pytest.mark.parametrize("n", SIZES)
def test_ring_all_gather_brings_every_rank_every_share(n):
    each = pattern(Collective.ALL_GATHER, n, 700)
    assert received(each, n) == sent(each, n) == [700 * (n - 1)] * n
    starts = set()
    for ring in chains(each):
        starts.add(int(each.src[ring[0]]))
        path = [each.src[ring[0]], *each.dst[ring]]
        assert sorted(path) == list(range(n))
        assert each.src[ring].tolist() == path[:-1], "a rank passes on what it does not have"
    assert len(starts) == (n if n > 1 else 0)


@pytest.mark.parametrize("n", SIZES)
def test_all_to_all_sends_each_pair_its_chunk_at_once(n):
    each = pattern(Collective.ALL_TO_ALL, n, 100 * n)
    pairs = sorted(zip(each.src.tolist(), each.dst.tolist(), strict=True))
    assert pairs == [(a, b) for a in range(n) for b in range(n) if a != b]
    assert (each.nbytes == 100).all() and each.before.size == 0


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("root", [0, 1])
def test_broadcast_is_a_binomial_tree_from_the_root(n, root):
    root %= n
    each = pattern(Collective.BROADCAST, n, 500, root)
    assert each.src.size == n - 1 and (each.nbytes == 500).all()
    has, depth = {root}, {}
    for message in order(each):
        depth[message] = 1 + max((depth[m] for m in inputs_of(each, message)), default=0)
        assert each.src[message] in has
        has.add(int(each.dst[message]))
        incoming = [m for m in depth if each.dst[m] == each.src[message]]
        assert inputs_of(each, message) == incoming
    assert has == set(range(n))
    assert max(depth.values(), default=0) <= math.ceil(math.log2(n))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("root", [0, 1])
def test_reduce_brings_every_contribution_to_the_root(n, root):
    root %= n
    each = pattern(Collective.REDUCE, n, 500, root)
    assert each.src.size == n - 1 and (each.nbytes == 500).all()
    held = [{rank} for rank in range(n)]
    for message in order(each):
        # A rank sends once it has all that is sent to it.
        assert set(inputs_of(each, message)) == set(
            np.nonzero(each.dst == each.src[message])[0].tolist())
        held[each.dst[message]] |= held[each.src[message]]
    assert held[root] == set(range(n))


@pytest.mark.parametrize("n", SIZES)
def test_scatter_and_gather_go_straight_from_and_to_the_root(n):
    root = n - 1
    scatter = pattern(Collective.SCATTER, n, 100 * n, root)
    gather = pattern(Collective.GATHER, n, 100, root)
    for each, there, here in ((scatter, scatter.dst, scatter.src),
                              (gather, gather.src, gather.dst)):
        assert sorted(there.tolist()) == list(range(n - 1)) and (here == root).all()
        assert (each.nbytes == 100).all()


@pytest.mark.parametrize("n", SIZES)
def test_barrier_lets_no_rank_out_before_all_are_in(n):
    each = pattern(Collective.BARRIER, n, 1)
    rounds = math.ceil(math.log2(n))
    assert each.src.size == rounds * n
    known = {}
    for message in order(each):
        known[message] = {int(each.src[message])}.union(
            *(known[m] for m in inputs_of(each, message)))
    for rank in range(n):
        heard = {rank}.union(*(known[m] for m in np.nonzero(each.dst == rank)[0]))
        assert heard == set(range(n))


def test_uneven_chunks_sum_to_the_buffer_and_tiny_ones_carry_a_byte():
    each = pattern(Collective.ALL_REDUCE, 4, 1002)
    assert each.nbytes.sum() == 2 * 3 * 1002
    assert sorted(set(each.nbytes.tolist())) == [250, 251]
    assert (pattern(Collective.ALL_REDUCE, 8, 3).nbytes == 1).all()
