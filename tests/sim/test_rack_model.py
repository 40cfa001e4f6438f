"""The rack model against closed forms and invariants."""

import dataclasses

import numpy as np
import pytest
from rack_graphs import graph, head_cycle, head_latency, small

from lightloom import config
from lightloom.sim.rack import DELAY, MESSAGE, RackModel, model
from lightloom.sim.workload.collectives import pattern
from lightloom.sim.workload.schema import Collective


def equal(a, b):
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name))
               for f in dataclasses.fields(a) if f.name != "seconds")


@pytest.mark.parametrize(("dst", "switches"), [(1, 1), (15, 3)])
@pytest.mark.parametrize("flits", [1, 5, 16])
def test_unloaded_latency_is_the_closed_form(dst, switches, flits):
    cfg = small()
    count = 120
    tasks = [task for k in range(count)
             for task in ((0, 2 * (k * 301 + 100)), (0, dst, flits * 32, 0))]
    result = RackModel(cfg).run(
        graph(tasks, [(2 * k, 2 * k + 1) for k in range(count)]), count * 301 + 1000)
    assert (result.offered == result.accepted).all()
    assert (result.offered == np.arange(count) * 301 + 101).all()
    assert (result.delivered - result.head == flits - 1).all()
    expected = [head_cycle(cfg, cycle, flits, switches) for cycle in result.accepted.tolist()]
    extra = result.head - expected
    # Now and then a bare tail is in the way.
    assert extra.min() == np.median(extra) == 0 and extra.max() <= switches + 1
    least = min(np.array(expected) - result.accepted)
    # In 1 cycle of 33 there is no slot for a row: a packet of few flits may not meet it.
    assert least == head_latency(cfg, flits, switches) or (switches + 1) * (flits + 1) > 32


def test_unloaded_latency_on_one_chiplet_is_seven():
    result = RackModel(small()).run(graph([(3, 3, 96, 1)]), 100)
    assert (result.head - result.accepted).tolist() == [7]
    assert (result.delivered - result.head).tolist() == [2]


@pytest.mark.parametrize(("topology", "dst"), [("direct", 7), ("clos2", 7), ("clos2", 15)])
def test_one_flow_has_the_payload_rate_of_a_link(topology, dst):
    cfg = small(rack__topology=topology, radix=16)
    serdes, frame = cfg.serdes, cfg.link.frame_flits
    rate = (serdes.word_bits / 66 * serdes.marker_period / (serdes.marker_period + 1)
            * frame / (frame + 1))
    result = RackModel(cfg).run(graph([(0, dst, 10**6, 0)]), 12_000, bucket=1000)
    carried = result.delivered_flits[2:].sum() / 10_000
    print(f"{carried:.4f} flits a cycle, closed form {rate:.4f}")
    assert carried == pytest.approx(rate, abs=0.001)
    column = [name.startswith("gpu 0 ->") for name in result.link_names].index(True)
    assert result.link_flits[2:, column].sum() / 10_000 == pytest.approx(rate, abs=0.001)


def random_messages(rng, cfg, count):
    endpoints = cfg.rack.endpoints
    return [(int(rng.integers(endpoints)), int(rng.integers(endpoints)),
             int(rng.choice([0, 1, 31, 32, 33, 2048, 2049, 9000])), int(rng.integers(2)))
            for _ in range(count)]


def test_all_packets_arrive_once_and_in_order(seed):
    cfg = small(radix=8, endpoints=32)
    tasks = random_messages(np.random.default_rng(seed), cfg, 600)
    result = RackModel(cfg).run(graph(tasks), 6000, bucket=500)
    assert (result.task_done >= 0).all() and (result.delivered >= 0).all()
    carried = np.bincount(result.task, result.nbytes)
    assert carried.tolist() == [max(1, task[2]) for task in tasks]
    flits = -(-result.nbytes // 32)
    assert flits.max() == cfg.xbar.max_packet_flits
    assert result.delivered_flits.sum() == result.vc_flits.sum() == flits.sum()
    # What crosses a crossbar leaves it over a link or to a host.
    assert result.flit_hops == result.link_flits.sum() + flits.sum()
    for field in (result.offered, result.accepted, result.head):
        assert (field <= result.delivered).all()
    flow = (result.src.astype(int) * 32 + result.dst) * 2 + result.vc
    for each in np.unique(flow):
        assert (np.diff(result.delivered[flow == each]) > 0).all()
    last = np.zeros(len(tasks), int)
    np.maximum.at(last, result.task, result.delivered)
    assert np.array_equal(last, result.task_done)


def test_packets_of_a_host_port_follow_one_another_and_ports_do_not_wait():
    cfg = small()
    result = RackModel(cfg).run(graph([(0, 2, 3 * 2048, 0), (0, 5, 64, 1), (0, 4, 32, 1)]), 600)
    port = result.dst % 2
    assert result.offered[port == 1].tolist() == [1]
    # Three packets of 64 flits at a flit a cycle, then the next message.
    assert result.offered[port == 0].tolist() == [1, 65, 129, 193]
    assert result.nbytes[port == 0].tolist() == [2048, 2048, 2048, 32]


def test_a_plane_carries_its_share_of_a_message():
    cfg = config.override(config.load("sim"), rack__radix=8, rack__endpoints=16)
    result = RackModel(cfg).run(graph([(0, 9, 401, 0)]), 400)
    assert result.nbytes.tolist() == [101]


def test_tasks_start_when_those_before_them_are_done(seed):
    rng = np.random.default_rng(seed)
    cfg = small()
    tasks = random_messages(rng, cfg, 60)
    for k in rng.choice(60, 25, replace=False):
        tasks[k] = (int(rng.integers(16)), int(rng.choice([0, 0, 1, 7, 200])))
    edges = {(int(a), int(b)) for a, b in np.sort(rng.integers(60, size=(120, 2)), 1) if a != b}
    made = graph(tasks, edges)
    result = RackModel(cfg).run(made, 20_000)
    assert (result.task_done >= 0).all()
    start = np.zeros(60, int)
    for before, after in edges:
        start[after] = max(start[after], result.task_done[before])
    delays = made.kind == DELAY
    # 500 MHz: half a cycle for each ns.
    wait = -(-made.delay_ns // 2)
    assert np.array_equal(result.task_done[delays], (start + wait)[delays])
    first = np.full(60, np.iinfo(int).max)
    np.minimum.at(first, result.task, result.offered)
    assert (first > start)[made.kind == MESSAGE].all()


def test_ring_all_reduce_takes_at_least_its_closed_form():
    cfg, ranks, share = small(), 8, 1024
    each = pattern(Collective.ALL_REDUCE, ranks, ranks * share)
    members = np.arange(ranks) * 2
    tasks = [(int(members[s]), int(members[d]), int(b), 0)
             for s, d, b in zip(each.src, each.dst, each.nbytes, strict=True)]
    result = RackModel(cfg).run(
        graph(tasks, zip(each.before.tolist(), each.after.tolist(), strict=True)), 8000)
    flits = share // 32
    # 2 (n-1) dependent steps; a neighbour is 1 switch away at best, and the whole chunk must come.
    frame = min(flits, cfg.link.frame_flits)
    bound = 2 * (ranks - 1) * (1 + head_latency(cfg, frame, 1) + flits - 1)
    print(f"all-reduce {result.task_done.max()} cycles, at least {bound}")
    assert bound <= result.task_done.max() < 3 * bound


def test_result_is_the_same_for_any_chunk_bucket_and_table(seed, monkeypatch):
    cfg = small()
    made = graph(random_messages(np.random.default_rng(seed), cfg, 3000))
    seen = []
    first = RackModel(cfg).run(made, 3000, bucket=100, progress=seen.append)
    assert seen == [500, 1000, 1500, 2000, 2500, 3000]
    assert first.src.size > 256      # more than the first packet table holds
    monkeypatch.setattr(model, "CHUNK", 7)
    assert equal(first, RackModel(cfg).run(made, 3000, bucket=100))
    coarse = RackModel(cfg).run(made, 3000, bucket=3000)
    assert np.array_equal(coarse.link_flits[0], first.link_flits.sum(axis=0))


def test_a_cut_window_leaves_the_rest_undone():
    result = RackModel(small()).run(graph([(0, 15, 10_000, 0)]), 150, bucket=100)
    assert result.link_flits.shape == (2, 2 * (16 + 16))
    assert (result.accepted[:2] >= 0).all() and (result.delivered == -1).all()
    assert result.task_done.tolist() == [-1]


def test_what_the_rack_does_not_have_is_refused():
    for task in ((16, 0, 1, 0), (0, 16, 1, 0), (0, 1, 1, 2)):
        with pytest.raises(ValueError, match="must be 0.."):
            RackModel(small()).run(graph([task]), 1)


def test_the_whole_rack_of_1024_gpus_runs(seed):
    cfg = config.load("sim")
    rng = np.random.default_rng(seed)
    tasks = [(e, int(d), 4 * 2048, e % 2) for e, d in enumerate(rng.permutation(1024))]
    # Hashed routes put up to six of the permutation's flows of 64 flits on one link.
    result = RackModel(cfg).run(graph(tasks), 1500, bucket=100)
    print(f"{1500 / result.seconds:.0f} cycles/s, {result.flit_hops / result.seconds:.3g} "
          "flit-hops/s")
    assert (result.task_done >= 0).all()
    assert result.delivered_flits.sum() == 1024 * 64
