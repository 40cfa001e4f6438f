"""Task graphs on the output-queued model."""

import numpy as np
import pytest
from rack_graphs import graph

from lightloom.config import ConfigError
from lightloom.sim.oq import Builder, OQModel, single_stage


def test_message_takes_its_bytes_and_the_way():
    run = OQModel(single_stage(4, 10.0, flight_ns=50.0, delay_ns=20.0)).run(
        graph([(0, 1, 10_000, 0)]), packet_bytes=1000)
    # Store and forward of packets: all at the source's rate, then the last one once more.
    assert run.done_ns[0] == 1000 + 50 + 20 + 100 + 50
    assert run.packets == 10 and run.nbytes == 10_000


def test_last_packet_is_shorter():
    run = OQModel(single_stage(4, 10.0)).run(graph([(0, 1, 1001, 0)]), packet_bytes=1000)
    assert run.packets == 2 and run.done_ns[0] == pytest.approx(100 + 100 + 0.1)


def test_tasks_wait_for_those_before_them():
    tasks = [(0, 30), (0, 1, 100, 0), (1, 2, 100, 0), (2, 7), (3, 3, 5, 0), (3, 0)]
    run = OQModel(single_stage(4, 10.0)).run(
        graph(tasks, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]))
    assert np.array_equal(run.done_ns, [30, 50, 70, 77, 77, 77]) and run.end_ns == 77


def test_messages_of_a_host_go_one_after_the_other():
    run = OQModel(single_stage(4, 10.0)).run(
        graph([(0, 1, 500, 0), (0, 2, 300, 0), (3, 2, 100, 0)]), packet_bytes=100)
    # The message of 3 has the output of 2 for itself before the second of 0 comes.
    assert np.array_equal(run.done_ns, [60, 90, 20])


def test_incast_ends_when_the_output_has_sent_all(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5000, 15)
    run = OQModel(single_stage(16, 8.0)).run(
        graph([(e + 1, 0, int(size), 0) for e, size in enumerate(sizes)]), packet_bytes=256)
    first = min(256, int(sizes.min()))
    assert sizes.sum() / 8 <= run.end_ns <= (sizes.sum() + 256 + first) / 8 + 256 / 8
    assert run.nbytes == sizes.sum() and not np.isnan(run.done_ns).any()


def test_ring_all_reduce_is_its_closed_form():
    n, share, rate, way = 8, 3000, 5.0, 70.0
    tasks = [(r, (r + 1) % n, share, 0) for _ in range(2 * (n - 1)) for r in range(n)]
    edges = [((s - 1) * n + (r - 1) % n, s * n + r) for s in range(1, 2 * (n - 1))
             for r in range(n)]
    run = OQModel(single_stage(n, rate, flight_ns=way / 2)).run(
        graph(tasks, edges), packet_bytes=share)
    # 2(N-1)(alpha + S/(N B)), alpha of a store-and-forward switch with its sending.
    assert run.end_ns == pytest.approx(2 * (n - 1) * (way + 2 * share / rate))


def test_little_holds_for_a_workload_too():
    tasks = [(a, b, 700, 0) for a in range(6) for b in range(6) if a != b]
    run = OQModel(single_stage(6, 10.0, flight_ns=30.0)).run(graph(tasks), packet_bytes=700)
    # A packet is inside from its start at the source on: what it waits there for is not.
    arrive = np.sort(np.array([70 * (k % 5) for k in range(30)]))
    assert run.area == pytest.approx(run.done_ns.sum() - arrive.sum())


def test_a_host_uses_all_its_equal_ports():
    builder = Builder(2)
    for _ in range(4):
        builder.link(0, 1, 10.0, 0.0)
    builder.routes([0, 1], [(0, 1, 2, 3)] * 2)
    run = OQModel(builder.network()).run(graph([(0, 1, 4000, 0)]), packet_bytes=100)
    assert run.end_ns == 100


def test_time_limit_leaves_what_is_not_done():
    run = OQModel(single_stage(2, 1.0)).run(graph([(0, 1, 10, 0), (1, 0, 1000, 0)]), until_ns=50)
    assert run.done_ns[0] == 20 and np.isnan(run.done_ns[1])


def test_many_packets_in_flight_find_room():
    run = OQModel(single_stage(40, 1.0)).run(
        graph([(e, 0, 1000, 0) for e in range(1, 40)]), packet_bytes=4)
    assert run.nbytes == 39_000 and run.end_ns == pytest.approx(39_004, abs=8)


def test_workload_errors_name_the_field():
    model = OQModel(single_stage(4, 1.0))
    with pytest.raises(ValueError, match="dst of a task: must be 0..3"):
        model.run(graph([(0, 9, 10, 0)]))
    with pytest.raises(ConfigError, match="packet_bytes = 0"):
        model.run(graph([(0, 1, 10, 0)]), packet_bytes=0)
