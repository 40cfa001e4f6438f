"""Payload bits of a line bit at saturation, from flits in to flits out, everything counted."""

import pytest
from serdes_cases import ideal_bring_up

from lightloom import config
from lightloom.sim.link.goodput import efficiency, frame_flits
from lightloom.tb.link_harness import both_ends
from lightloom.tb.saturation_harness import Phase, run_saturated


def measured(cfg, packets, folder, simulator, periods):
    """(packet, payload bits of a line bit) of each end, both directions busy."""
    # A whole number of marker periods, and many frames.
    cycles = periods * 66 * (cfg.serdes.marker_period + 1) // round(cfg.derived.lane_bits)
    # Then the replay buffers fill.
    first = ideal_bring_up(cfg) + 2 * cfg.derived.round_trip
    settle = [first, *[1500] * (len(packets) - 1)]
    phases = [Phase(cycles, packet, settle=wait)
              for packet, wait in zip(packets, settle, strict=True)]
    counted = run_saturated(cfg, both_ends(cfg), phases, folder=folder, simulator=simulator)
    line = cfg.serdes.lanes * cfg.derived.lane_bits
    for packet, ends in zip(packets, counted, strict=True):
        for end in ends:
            assert end.wrong == 0
            yield packet, end.flits * cfg.derived.flit_bits / (end.cycles * line)


def check(cfg, packets, folder, simulator, periods=8):
    values = list(measured(cfg, packets, folder, simulator, periods))
    for packet, value in values:
        print(f"{cfg.name}, {cfg.chiplet.flit_bytes}-byte flits, packets of {packet}, frames of "
              f"{frame_flits(cfg, packet)}: {value:.4f}, closed form {efficiency(cfg, packet):.4f}")
    for packet, value in values:
        assert value == pytest.approx(efficiency(cfg, packet), rel=2e-3)
    assert min(value for packet, value in values if packet >= 4) >= 0.935


def wide_sim():
    """The lanes of `sim` with flits of 64 bytes, and frames as long as `tera` has."""
    return config.override(config.load("sim"), chiplet__flit_bytes=64, link__frame_flits=32)


@pytest.mark.slow
def test_long_packets_of_64_byte_flits_on_the_lanes_of_sim(tmp_path):
    check(wide_sim(), [64], tmp_path, "icarus", periods=3)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("make", [wide_sim, lambda: config.load("tera")], ids=["sim", "tera"])
def test_long_and_short_packets(tmp_path, make):
    check(make(), [64, 4, 1], tmp_path, "verilator")
