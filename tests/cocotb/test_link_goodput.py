"""Throughput of the link against the bit error rate of its lanes: RTL against the closed form."""

import pytest
from test_link import both_ends

from lightloom import config
from lightloom.sim.link.goodput import efficiency, goodput
from lightloom.tb.saturation_harness import Phase, run_saturated


def run(cfg, plan, folder, seed, simulator):
    """Goodput of both directions together at each (BER, cycles), relative to no errors.

    Yields (BER asked for, BER that there was, goodput, cycles). The closed form is compared at
    the BER that there was: its spread would be most of the difference.
    """
    settle = [cfg.derived.bringup_cycles + 500, *[1500] * (len(plan) - 1)]
    phases = [Phase(cycles, cfg.link.frame_flits, ber, wait)
              for (ber, cycles), wait in zip(plan, settle, strict=True)]
    line = cfg.serdes.lanes * cfg.derived.lane_bits
    most = efficiency(cfg) * line / cfg.derived.flit_bits
    for phase, ends in zip(phases, run_saturated(
            cfg, both_ends(cfg), phases, folder=folder, seed=seed, simulator=simulator),
            strict=True):
        assert all(end.wrong == 0 for end in ends)
        ber = sum(end.errors for end in ends) / (2 * phase.cycles * line)
        seen = sum(end.flits for end in ends) / sum(end.cycles for end in ends) / most
        yield phase.ber, ber, seen, 2 * phase.cycles


def show(cfg, rows):
    """Print the rows; yield goodput, closed form, and its spread over the cycles."""
    for asked, ber, seen, cycles in rows:
        form = goodput(cfg, ber or 1e-15)
        print(f"BER {asked:.0e} (in the run {ber:.3g}): {seen:.4f}, closed form {form.share:.4f}, "
              f"{seen / form.share - 1:+.2%}, {cycles / form.period:.0f} replays")
        yield seen, form.share, form.spread(cycles)


@pytest.mark.slow
def test_goodput_follows_the_closed_form_within_its_spread(tmp_path, seed):
    cfg = config.load("sim")
    rows = run(cfg, [(1e-5, 8000), (1e-4, 8000)], tmp_path, seed % 1000, "icarus")
    for seen, form, spread in list(show(cfg, rows)):
        assert seen == pytest.approx(form, rel=0.02 + 6 * spread)


PLAN = [(1e-9, 50_000), (1e-8, 50_000), (1e-7, 100_000), (1e-6, 400_000), (3e-6, 600_000),
        (1e-5, 1_000_000), (3e-5, 1_500_000), (1e-4, 2_500_000)]
"""Bit error rates and cycles: enough for a standard deviation of half a per cent."""


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_goodput_is_within_2_per_cent_of_the_closed_form(tmp_path, seed):
    cfg = config.load("sim")
    rows = run(cfg, PLAN, tmp_path, seed % 1000, "verilator")
    for seen, form, _ in list(show(cfg, rows)):
        assert seen == pytest.approx(form, rel=0.02)
