"""Statistics of load runs against series whose truth is known."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from lightloom.sim.rack.load import LoadResult, combine
from lightloom.sim.rack.load.statistics import (
    GROUPS,
    grouped,
    interval,
    mser,
    percentile,
    surplus_p,
)


def test_mser_is_its_definition(seed):
    rng = np.random.default_rng(seed)
    for size in (1, 2, 7, 50):
        series = rng.normal(size=size).cumsum()
        spread = [np.var(series[d:]) / (size - d) for d in range(size // 2 + 1)]
        assert spread[mser(series)] == pytest.approx(min(spread))


def test_mser_leaves_a_transient_out_and_little_more(seed):
    rng = np.random.default_rng(seed)
    series = 100 + rng.normal(size=200)
    series[:40] -= 50 * np.exp(-np.arange(40) / 8)
    assert 20 <= mser(series) <= 100
    left = [mser(100 + rng.normal(size=200)) for _ in range(200)]
    assert np.median(left) < 20


def test_an_interval_holds_the_mean_as_often_as_it_says(seed):
    rng = np.random.default_rng(seed)
    samples = rng.normal(5, 2, size=(2000, 12))
    held = sum(abs(sample.mean() - 5) <= interval(sample) for sample in samples)
    assert stats.binomtest(held, 2000, 0.95).pvalue > 1e-7
    assert np.isnan(interval(samples[0, :1]))


def test_groups_are_equal_and_keep_the_end():
    for size in (1, 19, 20, 100, 137, 199, 200):
        groups = grouped(np.arange(size))
        each = max(1, size // GROUPS)
        assert min(size, GROUPS) <= len(groups) < 2 * GROUPS
        assert groups[-1] == np.arange(size)[-each:].sum()
        assert groups.sum() == np.arange(size)[size - each * len(groups):].sum()


def test_a_bounded_backlog_is_no_trend_and_a_growing_one_is(seed):
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(500):
        level = stats.norm.rvs(size=21, random_state=rng)
        alarms += surplus_p(np.diff(100 + level)) < 1e-3
        growing = 100 + 3 * np.arange(21) + level
        assert surplus_p(np.diff(growing)) < 1e-3
    assert alarms == 0
    assert surplus_p(np.full(20, 3)) == 0 and surplus_p(np.full(20, -3)) == 1


def test_percentiles_are_those_of_the_sorted_values(seed):
    values = np.random.default_rng(seed).integers(0, 400, 1001)
    histogram = np.bincount(values, minlength=500)
    for part in (0.01, 0.5, 0.99, 1):
        expected = np.sort(values)[int(np.ceil(part * values.size)) - 1]
        assert percentile(histogram, part) == expected
    assert np.isnan(percentile(np.array([1, 9]), 0.5))       # above the last bin
    assert np.isnan(percentile(np.zeros(5, int), 0.5))


def result(**changes):
    nothing = {field.name: 0 for field in dataclasses.fields(LoadResult)}
    return LoadResult(**{**nothing, "pattern": "uniform", "stable": True, "why": "", **changes})


def test_runs_are_combined_by_the_t_of_their_means():
    runs = [result(seed=k, load=0.5, latency_mean=mean, latency_max=mean + 9)
            for k, mean in enumerate((10.0, 12.0, 17.0))]
    both = combine(runs)
    assert both.latency_mean == 13 and both.latency_max == 26 and both.seeds == (0, 1, 2)
    assert both.latency_mean_ci == pytest.approx(4.302653 * 13**0.5 / 3**0.5, rel=1e-6)
    assert both.stable and both.row()["accepted_ci"] == 0
    broken = combine([*runs, result(seed=7, load=0.5, latency_mean=float("nan"), stable=False,
                                    why="overload")])
    assert not broken.stable and broken.why == "overload" and np.isnan(broken.latency_mean)


def test_runs_that_do_not_belong_together_are_not_combined():
    for runs, message in (([], "at least one"), ([result(), result(load=1)], "differ in load"),
                          ([result(), result()], "one seed")):
        with pytest.raises(ValueError, match=message):
            combine(runs)
