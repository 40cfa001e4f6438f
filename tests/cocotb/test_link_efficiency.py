"""Payload bits of a line bit at saturation, from flits in to flits out, everything counted."""

import pytest
from test_link import both_ends, start_of_traffic

from lightloom import config
from lightloom.sim.link.goodput import efficiency, frame_flits
from lightloom.tb.saturation_harness import Phase, run_saturated


def measured(cfg, packets, folder, simulator):
    """(packet, payload bits of a line bit) of each end, both directions busy."""
    # A whole number of marker periods, and many frames.
    cycles = 16 * 66 * (cfg.serdes.marker_period + 1) // round(cfg.derived.lane_bits)
    settle = [start_of_traffic(cfg), *[1500] * (len(packets) - 1)]
    phases = [Phase(cycles, packet, settle=wait)
              for packet, wait in zip(packets, settle, strict=True)]
    counted = run_saturated(cfg, both_ends(cfg), phases, folder=folder, simulator=simulator)
    line = cfg.serdes.lanes * cfg.derived.lane_bits
    for packet, ends in zip(packets, counted, strict=True):
        for end in ends:
            assert end.wrong == 0
            yield packet, end.flits * cfg.derived.flit_bits / (end.cycles * line)


def check(cfg, packets, folder, simulator):
    values = list(measured(cfg, packets, folder, simulator))
    for packet, value in values:
        print(f"{cfg.name}, {cfg.chiplet.flit_bytes}-byte flits, packets of {packet}, frames of "
              f"{frame_flits(cfg, packet)}: {value:.4f}, closed form {efficiency(cfg, packet):.4f}")
    for packet, value in values:
        assert value == pytest.approx(efficiency(cfg, packet), rel=2e-3)
    assert min(value for packet, value in values if packet >= 4) >= 0.935


@pytest.mark.slow
def test_64_byte_flits_on_the_lanes_of_sim(tmp_path):
    cfg = config.override(config.load("sim"), chiplet__flit_bytes=64, link__frame_flits=32)
    check(cfg, [64, 4, 1], tmp_path, "icarus")


@pytest.mark.long
def test_tera(tmp_path):
    check(config.load("tera"), [64, 4, 1], tmp_path, "verilator")
