"""Curves over seeds: intervals, saturation that is said, blast radius."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lightloom.flow.rack import curves, gpu_losses, saturation
from lightloom.sim.rack.load.statistics import interval


def table(rows):
    """Rows of (load, seed, stable, latency, accepted)."""
    return pd.DataFrame([
        {"pattern": "uniform", "load": load, "fault": "", "seed": seed, "accepted": accepted,
         "latency_mean": latency if stable else float("nan"), "latency_ci": 0.5,
         "latency_p50": latency, "latency_p99": 2 * latency, "latency_max": 3 * latency,
         "stable": stable, "why": "" if stable else f"grows in seed {seed}"}
        for load, seed, stable, latency, accepted in rows])


def test_interval_is_students(seed):
    values = np.random.default_rng(seed).normal(5, 2, 7)
    low, high = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
    assert interval(values) == pytest.approx((high - low) / 2)
    assert np.isnan(interval(values[:1]))


def test_curve_is_mean_and_interval_over_the_seeds():
    curve = curves(table([(0.1, s, True, latency, 0.1) for s, latency in enumerate((3, 5, 10))]))
    row = curve.iloc[0]
    assert (row.seeds, row.saturated, row.why, row.latency_mean, row.latency_max) == (
        3, 0, "", 6, 30)
    assert row.latency_ci == pytest.approx(interval(np.array([3, 5, 10])))


def test_one_seed_has_the_interval_of_the_run():
    assert curves(table([(0.1, 1, True, 3, 0.1)])).latency_ci.tolist() == [0.5]


def test_one_unstable_seed_takes_the_mean_latency_away_and_says_why():
    curve = curves(table([(0.1, 1, True, 3, 0.1), (0.1, 2, True, 3, 0.1),
                          (0.8, 1, True, 90, 0.8), (0.8, 2, False, 500, 0.7)]))
    assert curve.saturated.tolist() == [0, 1]
    assert curve.why.tolist() == ["", "grows in seed 2"]
    assert curve.latency_mean.tolist()[0] == 3
    assert curve.iloc[1][["latency_mean", "latency_ci", "latency_p99"]].isna().all()
    assert curve.accepted.tolist() == [0.1, 0.75]


def test_saturation_lies_between_the_last_stable_load_and_the_first_other():
    def at(*rows):
        return saturation(curves(table([(load, 1, stable, 3, load) for load, stable in rows])))

    found = at((0.1, True), (0.5, True), (0.6, False), (0.7, True), (0.8, False)).iloc[0]
    assert (found.stable_to, found.saturated_from, found.accepted_most) == (0.5, 0.6, 0.8)
    found = at((0.1, True), (0.2, True)).iloc[0]
    assert found.stable_to == 0.2 and np.isnan(found.saturated_from)
    found = at((0.7, False)).iloc[0]
    assert np.isnan(found.stable_to) and found.saturated_from == 0.7


def test_gpu_losses_rank_who_loses_by_share_and_rates():
    lost = gpu_losses([1000, 2000, 0, 500], [2000, 1000, 0, 250], cycles=(100, 200),
                        packet_flits=1)
    assert lost.gpu.tolist() == [1, 3, 0, 2]
    assert lost.lost.tolist() == [0.75, 0.75, 0, 0]
    assert lost.before.tolist() == [20, 5, 10, 0] and lost.after.tolist() == [5, 1.25, 10, 0]
    assert lost.sure.tolist() == [True, True, False, False]


def test_chance_is_no_blast_radius_and_a_fault_is(seed):
    rng = np.random.default_rng(seed)
    before, after = 4 * rng.poisson(2000, (2, 1024))
    # Four deviations: one of 30,000 GPUs; three of 1,024 are out of all reason.
    assert gpu_losses(before, after, packet_flits=4).sure.sum() < 3
    after[17] //= 2
    hit = gpu_losses(before, after, packet_flits=4)
    assert 17 in set(hit[hit.sure].gpu)
