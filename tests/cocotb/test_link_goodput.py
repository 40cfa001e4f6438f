"""Throughput of the link against the bit error rate of its lanes: RTL against the closed form."""

import pytest
from test_chiplet import one_port

from lightloom import config
from lightloom.flow.goodput import PLAN, measure, show


@pytest.mark.slow
def test_goodput_follows_the_closed_form_within_its_spread(tmp_path, seed):
    cfg = one_port()
    points = measure(cfg, [(3e-5, 4000), (2e-4, 2000)], tmp_path, seed=seed % 1000,
                     simulator="icarus")
    show(points)
    for point in points:
        assert point.share == pytest.approx(point.form, rel=0.02 + 6 * point.spread)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_goodput_is_within_2_per_cent_of_the_closed_form(tmp_path, seed):
    points = measure(config.load("sim"), PLAN, tmp_path, seed=seed % 1000)
    show(points)
    for point in points:
        assert point.share == pytest.approx(point.form, rel=0.02)
