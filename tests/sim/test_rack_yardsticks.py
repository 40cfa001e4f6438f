"""The rack code against what theory knows (docs/validation.md)."""

import pytest

from lightloom import config
from lightloom.flow import islip, yardsticks
from lightloom.flow.yardsticks import FIFO, ideal


@pytest.mark.parametrize("ports", FIFO)
def test_fifos_saturate_where_karol_hluchyj_and_morgan_say(ports, seed):
    carried = yardsticks.saturation(ports, seed=seed, cycles=200_000, warmup=1000,
                                    xbar__queues="fifo")
    print(f"{ports} ports: {carried:.5f}")
    assert carried == pytest.approx(FIFO[ports], rel=0.005)


def test_uniform_single_flits_at_full_load_carry_99_percent(seed):
    carried = yardsticks.saturation(16, seed=seed, cycles=160_000, warmup=40_000,
                                    xbar__vc_depth=8192)
    print(f"{carried:.5f}")
    assert carried >= 0.99


def test_waits_at_half_load_are_those_of_islip(seed):
    wait = yardsticks.mean_wait(16, 0.5, seed=seed, cycles=15_000)
    reference = islip.mean_wait(16, 0.5, slots=4000, seed=seed)
    print(f"{wait:.4f}, iSLIP {reference:.4f}")
    assert wait == pytest.approx(reference, rel=0.05)


@pytest.mark.long
@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_waits_are_those_of_islip(load, seed):
    wait = yardsticks.mean_wait(16, load, seed=seed, cycles=200_000)
    assert wait == pytest.approx(islip.mean_wait(16, load, slots=40_000, seed=seed), rel=0.05)


@pytest.mark.parametrize(("load", "slots", "within"), [(0.5, 200_000, 0.01), (0.8, 200_000, 0.03)])
def test_an_ideal_output_queued_switch_makes_cells_wait_as_karol_hluchyj_and_morgan_say(
        load, slots, within, seed):
    wait = yardsticks.oq_wait(16, load, seed=seed, slots=slots)
    assert wait == pytest.approx(yardsticks.oq_form(16, load), rel=within)


@pytest.mark.parametrize(("topology", "dst", "switches"),
                         [("direct", 7, 1), ("clos2", 1, 1), ("clos2", 15, 3)])
@pytest.mark.parametrize("fibre_m", [0.1, 8.0])
def test_unloaded_latency_over_ideal_links_is_the_sum_of_the_stages(topology, dst, switches,
                                                                    fibre_m):
    cfg = ideal(topology, rack__endpoints=16, rack__radix=16 if topology == "direct" else 8,
                rack__fibre_m=fibre_m)
    assert yardsticks.latency(cfg, dst) == yardsticks.zero_load(cfg, switches)


@pytest.mark.parametrize("depth", [1, 4, 13, 25, 26, 64])
def test_one_flow_carries_its_buffer_over_the_round_trip(depth):
    # 4 m are 10 cycles: a round trip of 26.
    expected, carried = yardsticks.credit_limited(depth, 4.0)
    assert carried == pytest.approx(expected, abs=1e-9)
    assert (expected == 1) == (depth >= 26)


@pytest.mark.parametrize("links", ["ideal", "optical"])
def test_mean_hops_of_a_clos_over_all_pairs(links):
    cfg = config.override(config.load("sim"), chiplet__optical_ports=1, rack__topology="clos2",
                          rack__endpoints=16, rack__radix=8, rack__links=links)
    form, passed = yardsticks.clos_hops(cfg)
    assert form == passed == 2.5


@pytest.mark.parametrize("topology", ["mesh", "torus"])
def test_the_busiest_link_of_a_grid_carries_what_bounds_uniform_traffic(topology, seed):
    bound, busiest, accepted = yardsticks.grid(topology, 8, seed=seed, cycles=2000)
    print(f"bound {bound}, by the busiest link {busiest}, accepted {accepted:.3f}")
    assert busiest == bound
    assert bound / 2 < accepted < 1.01 * bound
