"""Throughput and waits of the crossbar, as `make switching` measures them, in short runs.

The seeds are fixed: these are measurements, with a spread of their own.
"""

from dataclasses import replace

import numpy as np
import pytest

from lightloom.flow import islip
from lightloom.flow import switching_cases as cases
from lightloom.flow.switching import Case, jain, measure, run_case, simulate
from lightloom.tb import traffic
from lightloom.tb.xbar_scenario import crossbar_config, differences, golden


def figures(case, **changes):
    return run_case(replace(case, **changes), seed=1, rtl=False)


def uniform(load, **changes):
    return figures(Case("uniform", cases.single(), traffic.uniform(cases.PORTS), load), **changes)


@pytest.mark.parametrize("load, cycles", [
    (0.5, 20_000), (0.8, 80_000),
    pytest.param(0.9, 400_000, marks=pytest.mark.long)])
def test_mean_wait_is_that_of_an_independent_islip_within_5_percent(load, cycles):
    reference = islip.mean_wait(cases.PORTS, load, slots=cycles // 4)
    assert uniform(load, cycles=cycles).mean_wait == pytest.approx(reference, rel=0.05)


def test_full_uniform_load_with_queues_of_64_flits_is_carried_to_96_percent():
    assert uniform(1.0, cycles=30_000).share >= 0.96


@pytest.mark.long
def test_full_uniform_load_with_deep_queues_is_carried_to_99_percent():
    deep = cases.single(vc_depth=8192)
    assert uniform(1.0, cfg=deep, cycles=200_000).share >= 0.99


@pytest.mark.parametrize("case", cases.fifos(), ids=lambda case: case.name)
def test_one_fifo_an_input_saturates_where_karol_says(case):
    share = figures(case).share
    assert share == pytest.approx(islip.KAROL[case.cfg.derived.ports], rel=0.005)


@pytest.mark.parametrize("case", cases.fifos()[:2], ids=lambda case: case.name)
def test_one_fifo_an_input_in_rtl_is_equal_to_the_model(case, tmp_path):
    scenario, run = simulate(case, 8000, 1, tmp_path, simulator="icarus")
    assert differences(run, golden(scenario)) == []
    share = measure(case, scenario, run.delivered).share
    assert share == pytest.approx(islip.KAROL[case.cfg.derived.ports], rel=0.015)


def test_a_hot_spot_does_not_slow_down_the_other_outputs_while_the_queues_are_deep():
    assert figures(cases.hot_spot(), cycles=20_000).others >= 0.98


def test_a_hot_spot_does_not_slow_down_the_other_outputs_when_sources_obey_stop(tmp_path):
    """In RTL: without `stop` the hot output's flits would fill the 64 slots of each input."""
    cfg = crossbar_config(4, vcs=1, voq_limit=8, vc_depth=64, multicast=False)
    case = Case("hot-spot", cfg, traffic.hot_spot(4, others=0.6), obey_stop=True)
    scenario, run = simulate(case, 6000, 1, tmp_path, simulator="icarus")
    measured = measure(case, scenario, run.delivered)
    assert measured.others >= 0.98
    assert measured.flits - 3 * 0.6 * measured.others > 0.8     # and the hot one is busy
    assert sum(status["overflows"] for status in run.inputs) == 0


def test_index_of_fairness():
    assert jain(np.array([3, 3, 3])) == 1
    assert jain(np.array([1, 0, 0, 0])) == 0.25
