"""The closed form of goodput against the protocol, played beat by beat over millions of frames."""

import pytest
from link_slots import accepted

from lightloom import config
from lightloom.sim.link.goodput import Timing, efficiency, goodput, timing

SLOTS = 2_000_000


RATES = {"sim": (1e-7, 1e-6, 1e-5, 3e-5, 1e-4), "ecp5": (1e-5, 1e-4),
         "tera": (1e-7, 1e-6, 1e-5, 3e-5)}
"""Beyond, where less than a tenth gets through, the short frames between replays matter, which the
form leaves out: `tera` at 1e-4 has 6 % more than its 0.0098."""


@pytest.mark.parametrize(("profile", "ber"), [(p, b) for p, rates in RATES.items() for b in rates])
def test_closed_form_is_the_protocols_goodput(profile, ber, seed):
    cfg = config.load(profile)
    d, flits = cfg.derived, cfg.link.frame_flits
    exact = timing(cfg)
    # The delay in whole slots, for both.
    delay = round(exact.news / exact.beat)
    form = goodput(cfg, ber, Timing(exact.beat, exact.frame, delay * exact.beat))
    flits_taken = accepted(SLOTS, ber, flits, d.blocks, cfg.serdes.lanes, delay,
                           cfg.serdes.marker_period, seed % 2**31)
    share = flits_taken / (2 * SLOTS) * (flits + 1) / flits
    print(f"{profile}, {ber:.0e}: {share:.4f}, closed form {form.share:.4f}, "
          f"{share / form.share - 1:+.2%}")
    assert share == pytest.approx(
        form.share, rel=0.02 + 5 * form.spread(2 * SLOTS * exact.beat))


def test_no_errors_is_all():
    cfg = config.load("sim")
    assert goodput(cfg, 1e-12).share == pytest.approx(1, abs=1e-6)
    assert efficiency(cfg) == pytest.approx(64 / 66 * 256 / 257 * 16 / 17)


def test_what_the_length_of_a_frame_costs():
    """Efficiency, the time until a full frame's first flit is checked, and what an error costs."""
    rows = []
    for flits in (8, 16, 32, 64):
        cfg = config.override(config.load("tera"), link__frame_flits=flits)
        t, at = timing(cfg), goodput(cfg, 1e-9)
        lost = (1 - at.share) * at.period / t.frame
        rows.append((efficiency(cfg), t.frame * 1000 / cfg.chiplet.core_mhz, lost))
        print(f"F = {flits}: {rows[-1][0]:.3f}, {rows[-1][1]:.0f} ns, {lost:.0f} frames, "
              f"{cfg.derived.frame_heads} heads, {goodput(cfg, 1e-6).share:.3f} at 1e-6")
    assert [value >= 0.935 for value, _, _ in rows] == [False, False, True, True]
