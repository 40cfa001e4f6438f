"""The exported crossbar against the golden model in every cycle, and against its invariants."""

import numpy as np
import pytest
import xbar_mutants
from xbar_cases import random_scenario, settled_scenario
from xbar_properties import assert_delivered_as_routed, assert_no_copies, assert_packets_whole

from lightloom import config
from lightloom.flow.cache import to_verilog
from lightloom.hdl.xbar.layer import Crossbar
from lightloom.sim.xbar import ALL, ONE
from lightloom.tb import routes, traffic
from lightloom.tb.runner import simulate
from lightloom.tb.xbar_harness import crossbar_bench
from lightloom.tb.xbar_scenario import Scenario, crossbar_config, differences, golden


def rtl(scenario, folder, **options):
    made = Crossbar(scenario.cfg, inputs=scenario.inputs, outputs=scenario.outputs)
    return crossbar_bench(scenario, to_verilog(made, name="crossbar"), folder=folder, **options)


def assert_equal(scenario, folder, **options):
    """RTL is the model in every cycle; what the RTL did."""
    run = rtl(scenario, folder, **options)
    assert differences(run, golden(scenario)) == []
    turned = scenario.cfg.xbar.source_routing
    assert_packets_whole(run.delivered, turned)
    assert_no_copies(run.delivered)
    return run


@pytest.mark.parametrize("part", [
    *range(3), *(pytest.param(part, marks=pytest.mark.long) for part in range(3, 6))])
def test_random_crossbars_and_scenarios_equal_the_model_in_every_cycle(part, tmp_path, seed):
    """Features, shapes, tables that change, holds, outputs down, broken packets: all at random."""
    rng = np.random.default_rng([seed, part])
    scenario = random_scenario(rng, most=4)
    print(scenario.inputs, scenario.outputs, scenario.cfg.chiplet, scenario.cfg.xbar)
    assert_equal(scenario, tmp_path)


@pytest.mark.parametrize("stages, ecmp", [(1, "hash"), (2, "hash"), (1, "occupancy")])
def test_every_flit_leaves_where_its_route_says_once_and_in_order(
        stages, ecmp, tmp_path, seed):
    rng = np.random.default_rng([seed, stages])
    scenario = settled_scenario(rng, most=4, stages=stages, ecmp=ecmp, iterations=1, queues="voq",
                                multicast=True)
    run = assert_equal(scenario, tmp_path)
    assert_delivered_as_routed(scenario, run.delivered)


def patterns(rng, n, *, start, cycles):
    """Name and stimulus of each pattern of docs/figures.md; destinations n.. are sets."""
    def at(rates, load=1.0, **options):
        return traffic.bernoulli(rng, rates, load=load, start=start, cycles=cycles, vcs=2,
                                 **options)

    sets = np.full((n, n + 4), 1 / 12)
    sets[:, :n] = 0.3 / n
    return {
        "uniform": at(traffic.uniform(n)), "diagonal": at(traffic.diagonal(n)),
        "log-diagonal": at(traffic.log_diagonal(n)),
        "hot-spot": at(traffic.hot_spot(n, others=0.6)),
        "bursty": traffic.bursty(rng, traffic.uniform(n), cycles=cycles, load=0.9, burst=8,
                                 start=start, vcs=2),
        "transpose": at(traffic.transpose(n), lengths=(1, 2, 4)),
        "all-to-one": at(traffic.all_to_one(n), lengths=(1, 4)),
        "one-to-all": at(traffic.one_to_all(n)), "multicast": at(sets, 0.5, lengths=(1, 3)),
    }


@pytest.mark.parametrize("pattern", patterns(np.random.default_rng(0), 4, start=0, cycles=99))
def test_traffic_patterns_equal_the_model(pattern, tmp_path, seed):
    rng = np.random.default_rng(seed)
    n, start, cycles = 4, 64, 900
    cfg = crossbar_config(n, vc_depth=16, max_packet_flits=4)
    sets = traffic.groups(rng, n, 4, 2)
    entries = [(ONE, 1 << j) for j in range(n)] + [(ALL, ports) for ports in sets]
    stimulus = patterns(rng, n, start=start, cycles=cycles)[pattern]
    run = assert_equal(Scenario(cfg, stimulus, cycles + start, n, n,
                                routes.entry_writes(entries, inputs=n)), tmp_path)
    assert len(run.delivered["tag"]) > 500


def test_six_ports_with_short_queues_and_slow_sinks_equal_the_model(tmp_path, seed):
    rng = np.random.default_rng(seed)
    n, cycles = 6, 700
    cfg = crossbar_config(n, vc_depth=8, max_packet_flits=8, multicast=False, statistics=False)
    stimulus = traffic.bernoulli(rng, traffic.uniform(n), cycles=cycles, start=40, vcs=2,
                                 lengths=(1, 2, 5, 8))
    holds = [(j, c, c + 9) for j in range(n) for c in range(100 + 3 * j, cycles, 40 + j)]
    assert_equal(Scenario(cfg, stimulus, cycles, n, n, routes.straight(n), holds=holds), tmp_path)


@pytest.mark.parametrize("mutant", xbar_mutants.ALL)
def test_a_broken_crossbar_is_caught(mutant, tmp_path, monkeypatch):
    mutant(monkeypatch)
    scenario = xbar_mutants.scenario(np.random.default_rng(1))
    run, model = rtl(scenario, tmp_path), golden(scenario)
    assert len(run.delivered["tag"]) > 100      # it carries flits, but not as it should
    assert differences(run, model)


def test_the_same_scenario_without_a_mutant_is_not(tmp_path):
    assert_equal(xbar_mutants.scenario(np.random.default_rng(1)), tmp_path)


def test_a_reset_forgets_the_routes(tmp_path):
    verilog = to_verilog(Crossbar(config.load("ecp5")), name="crossbar")
    simulate("crossbar", "lightloom.tb.tb_reset", {"crossbar.v": verilog}, folder=tmp_path,
             test="routes_are_forgotten", env={"PROFILE": "ecp5"})


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(8))
def test_random_crossbars_for_100_000_cycles_equal_the_model(part, tmp_path, seed):
    """More than 10^6 flits in all; tables change, sinks hold and links fail all the time."""
    rng = np.random.default_rng([seed, part])
    scenario = random_scenario(rng, cycles=100_000, most=6, flits=0.95, changes=60)
    print(scenario.inputs, scenario.outputs, scenario.cfg.chiplet, scenario.cfg.xbar)
    assert_equal(scenario, tmp_path, simulator="verilator")


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stages", [1, 2])
def test_a_million_flits_through_16_ports_equal_the_model(stages, tmp_path, seed):
    rng = np.random.default_rng(seed)
    n, cycles = 16, 80_000
    cfg = crossbar_config(n, endpoints=32, vc_depth=128, max_packet_flits=16, stages=stages)
    stimulus = traffic.bernoulli(rng, traffic.uniform(n), cycles=cycles, start=64, vcs=2,
                                 load=0.95, lengths=(1, 1, 1, 2, 4, 16))
    run = assert_equal(Scenario(cfg, stimulus, cycles, n, n, routes.straight(n)), tmp_path,
                       simulator="verilator")
    assert len(run.delivered["tag"]) >= 1_000_000
