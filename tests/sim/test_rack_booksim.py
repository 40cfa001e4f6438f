"""The VC router model against BookSim2's measured latencies and throughput, and its contract."""

import dataclasses

import numpy as np
import pytest

from lightloom import config
from lightloom.config import ConfigError
from lightloom.flow.booksim import LARGE, SMALL, clos
from lightloom.sim.rack.vcrouter import VCRouter, VCRouterModel


@pytest.fixture(scope="module")
def small():
    return VCRouterModel(clos(4))


@pytest.mark.parametrize("point", [p for p in SMALL if (p.flits, p.load) != (4, 0.6)], ids=str)
def test_a_clos_of_16_has_the_latency_and_throughput_that_booksim2_measures(point, seed, small):
    # Latencies of long packets vary more.
    result = small.load(point.load, point.flits, seed=seed, cycles=30_000 * point.flits)
    print(f"latency {result.latency_mean:.3f}, accepted {result.accepted:.4f}: {point}")
    if point.latency is None:
        assert not result.stable and np.isnan(result.latency_mean)
        assert result.accepted == pytest.approx(point.accepted, rel=0.02)
    else:
        assert result.stable and result.accepted == pytest.approx(point.load, rel=0.02)
        assert result.latency_mean == pytest.approx(point.latency, rel=0.02)


@pytest.mark.long
@pytest.mark.parametrize("point", SMALL, ids=str)
def test_a_clos_of_16_is_within_2_percent_of_booksim2_in_300_000_cycles(point, seed, small):
    result = small.load(point.load, point.flits, seed=seed, cycles=300_000)
    assert result.accepted == pytest.approx(point.accepted, rel=0.02)
    assert point.latency is None or result.latency_mean == pytest.approx(point.latency, rel=0.02)


@pytest.mark.long
@pytest.mark.parametrize("point", LARGE, ids=str)
def test_a_clos_of_1024_is_within_2_percent_of_booksim2_at_5_seeds(point, seed):
    model = VCRouterModel(clos(32))
    runs = [model.load(point.load, point.flits, seed=seed + k) for k in range(5)]
    accepted = np.array([run.accepted for run in runs])
    latency = np.array([run.latency_mean for run in runs])
    print(f"{point}: latency {latency}, accepted {accepted}")
    if point.latency is None:
        assert accepted == pytest.approx(point.accepted, rel=0.02)
    else:
        assert latency == pytest.approx(point.latency, rel=0.02)
        assert accepted == pytest.approx(point.accepted, rel=0.02)


@pytest.mark.parametrize("flits", [1, 4])
def test_unloaded_latency_is_the_sum_of_the_stages(flits, seed):
    # Two cycles to the first router, four for each router and what is behind it, then the tail.
    router = VCRouter()
    hop = 1 + router.traverse + router.channel
    result = VCRouterModel(clos(4), router).load(0.01, flits, seed=seed, cycles=20_000)
    seen = np.flatnonzero(result.histogram)
    expected = [router.channel + routers * hop + flits - 1 for routers in (1, 3)]
    assert seen[0] == expected[0] and set(expected) <= set(seen.tolist())
    # Of 16 destinations 4 are on the same leaf; few packets meet another.
    share = result.histogram[expected] / result.histogram.sum()
    assert share == pytest.approx([1 / 4, 3 / 4], abs=0.1)
    assert result.hops_mean == pytest.approx(3 - 2 * 4 / 16, abs=0.2)


def test_longer_links_and_switches_add_their_cycles_at_each_hop(seed):
    router = VCRouter(traverse=2, link=3)
    result = VCRouterModel(clos(4), router).load(0.002, seed=seed, cycles=20_000)
    assert np.flatnonzero(result.histogram)[0] == 4 + 1 * (1 + 2 + 4)
    assert result.histogram.argmax() == 4 + 3 * (1 + 2 + 4)


def one_switch(**router):
    """Four endpoints on a switch, each of which sends to the next one: no two flows meet."""
    cfg = config.override(config.load("sim"), rack__topology="direct", rack__radix=4,
                          rack__endpoints=4)
    return lambda flits: VCRouterModel(cfg, VCRouter(**router)).load(
        1.0, flits, targets=[1, 2, 3, 0], cycles=5200).accepted


def test_a_packet_on_the_only_vc_waits_a_cycle_for_the_tail_before_it():
    # It asks for an output VC only when the tail has left: single flits pass every other cycle.
    for flits in (1, 2, 4):
        assert one_switch(vcs=1)(flits) == pytest.approx(flits / (flits + 1), abs=0.001)
    assert one_switch(vcs=2)(1) == 1


@pytest.mark.parametrize("depth", [1, 2, 5, 6])
def test_one_flow_carries_its_buffer_over_the_round_trip_of_a_credit(depth):
    # A grant's flit is at the endpoint after 3 cycles, its credit at the router 2 later, and
    # counts 2 later still. Heads of packets lose up to a cycle in 65.
    router = VCRouter()
    trip = router.traverse + 2 * router.channel + router.credit_delay
    assert one_switch(vcs=1, depth=depth)(64) == pytest.approx(depth / trip, rel=0.02)


def test_a_buffer_of_a_round_trip_does_not_limit_a_flow():
    # Arrivals at random, packets of 64 at load 1: not always is there one to send.
    enough, more = (one_switch(vcs=1, depth=depth)(64) for depth in (7, 16))
    assert 0.9 < enough == more <= 64 / 65


def equal(a, b):
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name), equal_nan=True)
               for f in dataclasses.fields(a) if f.name != "seconds")


def test_a_seed_gives_one_result_and_another_seed_another(seed, small):
    seen = []
    first = small.load(0.4, 4, seed=seed, cycles=1000, warmup=500, progress=seen.append)
    assert equal(first, small.load(0.4, 4, seed=seed, cycles=1000, warmup=500))
    assert not equal(first, small.load(0.4, 4, seed=seed + 1, cycles=1000, warmup=500))
    assert seen[:3] == [500, 1000, 1500]


def test_what_the_model_does_not_have_is_refused(small):
    for changes, text in (({"load": 0}, "load = 0"), ({"load": 1.1}, "load = 1.1"),
                          ({"packet_flits": 0}, "packet_flits = 0"), ({"cycles": 0}, "cycles = 0"),
                          ({"warmup": -1}, "warmup = -1"), ({"targets": [1, 2]}, "must be 16"),
                          ({"targets": [16] * 16}, "must be 16")):
        with pytest.raises(ConfigError, match=text):
            small.load(**{"load": 0.5, **changes})
    for changes, text in (({"vcs": 9}, "vcs = 9"), ({"depth": 0}, "depth = 0"),
                          ({"link": 4, "credit_delay": 3}, "credit_delay = 3")):
        with pytest.raises(ConfigError, match=text):
            VCRouter(**changes)
