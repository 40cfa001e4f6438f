"""The output-queued model against closed forms (docs/baseline.md)."""

import numpy as np
import pytest
from rack_graphs import head_latency, small

from lightloom import config
from lightloom.config import ConfigError
from lightloom.sim.oq import (
    Builder,
    OQModel,
    bernoulli,
    ideal,
    permutation,
    poisson,
    single_stage,
    uniform,
)


def karol(ports, load):
    """Mean wait in slots at an output queue (Karol, Hluchyj, Morgan, 1987)."""
    return (ports - 1) / ports * load / (2 * (1 - load))


def slotted(ports, load, slots, seed):
    """Single-flit packets of a slot, and the mean wait at the outputs in slots."""
    traffic = bernoulli(ports, load, slots, slot_ns=1.0, nbytes=64, seed=seed,
                        destinations=uniform(ports, itself=True))
    run = OQModel(single_stage(ports, 64.0)).load(traffic, warmup_ns=1000.0)
    return run, run.latency_mean - 2


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_mean_wait_is_that_of_an_output_queue(load, seed):
    run, wait = slotted(16, load, 120_000, seed)
    # Five standard deviations, as the run itself estimates them, and those are small.
    assert run.stable
    assert run.latency_ci < 0.03 * karol(16, load)
    assert wait == pytest.approx(karol(16, load), abs=2.5 * run.latency_ci)


@pytest.mark.long
@pytest.mark.parametrize("load, slots", [(0.5, 1_000_000), (0.8, 2_000_000), (0.9, 4_000_000)])
def test_mean_wait_of_an_output_queue_within_one_percent(load, slots, seed):
    _, wait = slotted(16, load, slots, seed)
    assert wait == pytest.approx(karol(16, load), rel=0.01)


def test_mean_wait_of_poisson_arrivals_is_that_of_m_d_1(seed):
    traffic = poisson(2, 0.7 * 64, 400_000.0, nbytes=64, seed=seed)
    run = OQModel(single_stage(2, 64.0)).load(traffic, warmup_ns=1000.0)
    # The first queue, at the sources; a slot of sending is 1 ns.
    first = run.channels.node < 2
    wait = run.channels.wait_ns[first].sum() / run.channels.packets[first].sum()
    assert wait == pytest.approx(0.7 / (2 * 0.3), rel=0.05)
    # No second wait: what a queue has spaced by a slot meets no one else at its output.
    assert run.channels.wait_ns[~first].sum() == 0


def chain(cut_bytes, rates=(10.0, 20.0, 5.0)):
    """Two endpoints with two switches between them."""
    builder = Builder(2)
    left, right = (builder.switch(delay, cut_bytes=cut_bytes) for delay in (100.0, 200.0))
    for (a, b), rate, flight in zip(((0, left), (left, right), (right, 1)), rates, (3.0, 4.0, 5.0),
                                    strict=True):
        builder.link(a, b, rate, flight)
    for node, ports in ((0, [(0,), (0,)]), (left, [(0,), (1,)]), (right, [(0,), (1,)]),
                        (1, [(0,), (0,)])):
        builder.routes([node], ports)
    return builder.network()


def single_packet(nbytes, span_ns=1e5):
    """One packet of endpoint 0 to endpoint 1."""
    traffic = poisson(2, 0.0, span_ns, nbytes=nbytes)
    return traffic._replace(time=np.array([7_000_000]), src=np.array([0], np.int32),
                            dst=np.array([1], np.int32), nbytes=np.array([nbytes], np.int32),
                            vc=np.zeros(1, np.uint8))


def test_store_and_forward_latency_is_the_sum_of_its_stages():
    run = OQModel(chain(0)).load(single_packet(1000), warmup_ns=0)
    assert run.latency[0] == 100 + 3 + 100 + 50 + 4 + 200 + 200 + 5
    assert run.latency_mean == run.latency[0] and run.hops_mean == 2


def test_cut_through_latency_is_that_of_the_head_and_no_link_runs_dry():
    # Switch "left" sends twice as fast as it receives: it must wait until its last byte comes in
    # time; "right" sends slower: its head leaves when 64 bytes are in.
    run = OQModel(chain(64)).load(single_packet(1000), warmup_ns=0)
    left = 100 + 3 + 100 - 50              # starts: last byte in at the time it is needed
    right = left + 64 / 20 + 4 + 200
    assert run.latency[0] == pytest.approx(right + 200 + 5)
    same = OQModel(chain(64, (10.0, 10.0, 10.0))).load(single_packet(1000), warmup_ns=0)
    assert same.latency[0] == pytest.approx(3 * 6.4 - 6.4 + 3 + 100 + 4 + 200 + 5 + 100)


def test_nothing_is_lost_and_little_holds(seed):
    network = single_stage(8, 64.0, flight_ns=100.0, delay_ns=10.0)
    traffic = bernoulli(8, 0.6, 5_000, slot_ns=1.0, nbytes=64, seed=seed)
    # All that was made comes out when no more does.
    run = OQModel(network).load(traffic._replace(span_ns=1e6), warmup_ns=0)
    assert run.packets == traffic.time.size and run.inside == 0
    assert run.channels.nbytes.sum() == 2 * 64 * run.packets
    assert np.all(np.bincount(traffic.dst, minlength=8)
                  == run.channels.packets[run.channels.node == 8])
    # L = lambda W, both sides integrated apart.
    assert run.area == pytest.approx(run.latency.sum(), rel=1e-12)
    assert run.latency.min() >= 1 + 100 + 10 + 1 + 100


def test_packets_of_a_pair_keep_their_order(seed):
    traffic = poisson(4, 50.0, 20_000.0, nbytes=128, seed=seed)
    run = OQModel(single_stage(4, 64.0, flight_ns=5.0)).load(traffic)
    done = traffic.time / 1e6 + run.latency
    for pair in range(16):
        mine = done[traffic.src * 4 + traffic.dst == pair]
        assert np.all(np.diff(mine[~np.isnan(mine)]) > 0)


def test_permutation_has_no_wait_at_all(seed):
    rng = np.random.default_rng(seed)
    traffic = bernoulli(32, 1.0, 2000, slot_ns=1.0, nbytes=64, seed=seed,
                        destinations=permutation(rng.permutation(32)))
    run = OQModel(single_stage(32, 64.0)).load(traffic, warmup_ns=0)
    assert run.latency_max == 2.0 and run.stable
    assert run.accepted == pytest.approx(64, rel=0.01)


def test_overload_is_said_and_not_averaged(seed):
    hot = permutation(np.zeros(16, int))
    traffic = bernoulli(16, 0.2, 4000, slot_ns=1.0, nbytes=64, destinations=hot, seed=seed)
    run = OQModel(single_stage(16, 64.0)).load(traffic)
    assert not run.stable and "grow" in run.why
    assert np.isnan(run.latency_mean) and np.isnan(run.latency_p99)
    assert run.accepted * 16 == pytest.approx(64, rel=0.02)      # the one output is busy
    few = OQModel(single_stage(16, 64.0), most=1000).load(traffic)
    assert not few.stable and "more than 1000" in few.why


def test_light_traffic_is_never_called_unstable(seed):
    for k in range(20):
        traffic = poisson(32, 0.06, 15_000.0, nbytes=256, seed=seed + k)
        run = OQModel(single_stage(32, 64.0, flight_ns=120.0)).load(traffic)
        assert run.stable, (seed + k, run.why)


def test_overload_is_said_although_most_packets_are_in_flight_anyway(seed):
    # 1.15 of an output, and 6,000 packets on their way by the length of the links alone.
    traffic = bernoulli(4, 0.2875, 25_000, slot_ns=1.0, nbytes=64, seed=seed,
                        destinations=permutation([0, 0, 0, 0]))
    run = OQModel(single_stage(4, 64.0, flight_ns=3000.0)).load(traffic, warmup_ns=7000.0)
    assert not run.stable and "grow" in run.why


def test_round_robin_shares_an_output_among_vcs(seed):
    # VC 0 asks for 0.9 of the output, VC 1 for 0.4: VC 1 gets all of it, VC 0 the rest.
    parts = [bernoulli(2, load, 20_000, slot_ns=1.0, nbytes=64, seed=seed + vc,
                       destinations=permutation([1, 1])) for vc, load in enumerate((0.9, 0.4))]
    merged = [np.concatenate(columns) for columns in zip(*(part[:4] for part in parts),
                                                         strict=True)]
    vc = np.repeat([0, 1], [part.time.size for part in parts]).astype(np.uint8)
    mine = (merged[1] == 0)
    order = np.argsort(merged[0][mine], kind="stable")
    traffic = parts[0]._replace(
        **{name: column[mine][order] for name, column in
           zip(("time", "src", "dst", "nbytes"), merged, strict=True)}, vc=vc[mine][order])
    run = OQModel(single_stage(2, 64.0, vcs=2)).load(traffic, warmup_ns=0)
    got = ~np.isnan(run.latency)
    share = np.bincount(traffic.vc[got]) / 20_000
    assert share[1] == pytest.approx(0.4, abs=0.02)
    assert share.sum() == pytest.approx(1.0, abs=0.01)
    assert np.nanmax(run.latency[traffic.vc == 1]) < 100 < np.nanmax(run.latency)


@pytest.mark.parametrize("spread", ["flow", "packet", "shortest"])
def test_equal_channels_share_what_they_are_given(spread, seed):
    builder = Builder(64, spread=spread)
    ends = [builder.switch(), builder.switch()]
    for endpoint in range(64):
        builder.link(endpoint, ends[endpoint // 32], 64.0, 0.0)
    trunk = tuple(builder.link(*ends, 64.0, 0.0)[0] for _ in range(32))
    builder.routes(range(64), [(0,)] * 64)
    for side, node in enumerate(ends):
        builder.routes([node], [(d % 32,) if d // 32 == side else trunk for d in range(64)])
    traffic = poisson(64, 30.0, 3000.0, nbytes=64, seed=seed)
    run = OQModel(builder.network()).load(traffic, warmup_ns=0)
    across = (run.channels.node == ends[0]) & (run.channels.into == ends[1])
    each = run.channels.packets[across]
    assert each.min() > 0 and each.max() < 2.5 * each.mean()
    if spread == "flow":
        # One path for each pair: no packet overtakes another.
        done = traffic.time / 1e6 + run.latency
        for src in range(0, 64, 9):
            for dst in range(0, 64, 7):
                mine = done[(traffic.src == src) & (traffic.dst == dst)]
                assert np.all(np.diff(mine[~np.isnan(mine)]) > 0)


@pytest.mark.parametrize("links", ["optical", "ideal"])
def test_ideal_switch_of_a_rack_has_its_zero_load_latency(links):
    cfg = small(rack__links=links)
    network = ideal(cfg)
    run = OQModel(network).load(
        poisson(16, 0.0, 1e4, nbytes=64)._replace(
            time=np.array([0]), src=np.array([0], np.int32), dst=np.array([9], np.int32),
            nbytes=np.array([cfg.chiplet.flit_bytes], np.int32), vc=np.zeros(1, np.uint8)),
        warmup_ns=0)
    cycles = run.latency[0] * cfg.chiplet.core_mhz / 1000
    if links == "optical":
        # Without the two endpoints' own crossbars and host ports; a flit takes 1/goodput cycles
        # where the closed form has 1.
        sending = network.fs_per_byte[0] * cfg.chiplet.flit_bytes * cfg.chiplet.core_mhz / 1e9
        assert cycles == pytest.approx(head_latency(cfg, 1, 1) - 1 - 2 - 8 + 2 * (sending - 1))
    else:
        flight = cfg.rack.fibre_m * 4.9 * cfg.chiplet.core_mhz / 1000
        assert cycles == pytest.approx(2 * (1 + flight) + 4)


STRAY = poisson(4, 1.0, 1000.0, nbytes=64, destinations=permutation([7] * 4))


@pytest.mark.parametrize("what, text", [
    (lambda: Builder(1), "endpoints = 1"),
    (lambda: Builder(5000), "2 to 4096"),
    (lambda: Builder(4, spread="random"), "spread = 'random'"),
    (lambda: Builder(4, vcs=-1), "vcs = -1"),
    (lambda: Builder(4).switch(-1.0), "delay_ns = -1.0"),
    (lambda: Builder(4).link(0, 7, 1.0, 0.0), "into = 7"),
    (lambda: Builder(4).link(0, 1, 0.0, 0.0), "rate = 0.0"),
    (lambda: Builder(4).link(0, 1, 1.0, -2.0), "flight_ns = -2.0"),
    (lambda: Builder(4).routes([0], [(0,)]), "each of 4 endpoints"),
    (lambda: Builder(2).routes([0], [(0,), ()]), "at least one"),
    (lambda: Builder(2).network(), "routes = 0"),
    (lambda: bernoulli(4, 1.2, 10, slot_ns=1.0, nbytes=64), "load = 1.2"),
    (lambda: poisson(4, 1.0, 10.0, nbytes=0), "nbytes = 0"),
    (lambda: OQModel(single_stage(4, 1.0)).load(poisson(8, 1.0, 10.0, nbytes=64)),
     "endpoints = 8"),
    (lambda: OQModel(single_stage(4, 1.0)).load(poisson(4, 1.0, 10.0, nbytes=64), warmup_ns=10),
     "warmup_ns = 10"),
    (lambda: OQModel(single_stage(4, 1.0)).load(STRAY), "dst = 7 to 7: must be 0 to 3"),
    (lambda: OQModel(single_stage(4, 1.0)).load(STRAY._replace(
        time=STRAY.time[::-1], dst=STRAY.src)), "in the order of their times"),
])
def test_input_errors_name_the_field_and_what_is_allowed(what, text):
    with pytest.raises(ConfigError, match=text):
        what()


def test_ideal_needs_no_switch_that_exists():
    assert ideal(config.load("tera")).endpoints == 1024
