"""Power of both worlds: closed forms, what moves with what, and the table of constants."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rack_graphs import graph, small

from lightloom import config
from lightloom.config import ConfigError
from lightloom.sim.copper import Copper
from lightloom.sim.energy import (
    Activity,
    activity_of,
    copper_power,
    energy,
    load_constants,
    photonic_power,
    table,
)
from lightloom.sim.rack import RackModel

TERA = config.load("tera")
IDLE = Activity(4096, 0.0, 0.0, 0.0)


def busy(share):
    """All 1,024 endpoints of a clos2 deliver so many flits a cycle, 2.9375 switches each."""
    flits = share * 1024
    return Activity(4096, flits * 3.9375, flits * 4.9375, flits)


def test_idle_rack_burns_lasers_tuning_and_lines():
    frame = photonic_power(TERA, IDLE)
    wavelengths = 4096 * 16 * 8
    assert frame.watts["laser"] == pytest.approx(wavelengths * 0.040)
    assert frame.watts["thermal tuning"] == pytest.approx(wavelengths * 2 * 0.002)
    assert frame.watts["SerDes"] == pytest.approx(wavelengths * 0.8 * (0.160 - 0.004))
    assert frame.watts["crossbar"] == 0 and frame.dynamic_watts["total"] == 0
    assert frame.watts["total"] == pytest.approx(frame.watts.iloc[:-1].sum())
    assert np.isinf(frame.pj_per_bit["total"])


def test_a_line_without_an_idle_share_takes_its_pj_per_bit_and_no_more():
    constants = load_constants().but(common__idle_share=0.0, common__crossbar_pj_per_bit=0.0,
                                     photonic__laser_mw=0.0, photonic__ring_mw=0.0)
    # One hop of flits at half of what a line carries: 5 pJ for each line bit.
    line = TERA.serdes.lane_gbps * TERA.serdes.lanes * TERA.derived.code_rate
    per_cycle = line / 2 / 512
    frame = photonic_power(TERA, Activity(2, per_cycle, 0.0, per_cycle), constants=constants)
    assert frame.attrs["delivered_gbps"] == pytest.approx(8 * line / 2)
    assert frame.pj_per_bit["total"] == pytest.approx(5.0 / TERA.derived.code_rate)


def test_crossbar_energy_is_pj_per_bit_and_hop():
    frame = photonic_power(TERA, busy(0.5))
    assert frame.watts["crossbar"] == pytest.approx(
        0.5 * 1024 * 4.9375 * 8 * 64 * 8 * 1e9 * 1e-12)
    assert frame.pj_per_bit["crossbar"] == pytest.approx(4.9375)


def test_power_grows_and_energy_of_a_bit_falls_with_load(seed):
    loads = np.sort(np.random.default_rng(seed).uniform(0.01, 0.9, 6))
    frames = [photonic_power(TERA, busy(load)) for load in loads]
    watts = [frame.watts["total"] for frame in frames]
    assert np.all(np.diff(watts) > 0) and watts[0] > photonic_power(TERA, IDLE).watts["total"]
    assert np.all(np.diff([frame.pj_per_bit["total"] for frame in frames]) < 0)


@pytest.mark.parametrize("name", ["photonic.laser_mw", "photonic.chiplet_pj_per_bit",
                                  "common.crossbar_pj_per_bit", "common.idle_share"])
def test_no_constant_lowers_power_as_it_rises(name):
    low, high = (photonic_power(TERA, busy(0.3), constants=load_constants().at(name, bound))
                 .watts["total"] for bound in ("low", "high"))
    now = photonic_power(TERA, busy(0.3)).watts["total"]
    assert low <= now <= high and low < high


def test_tuning_is_within_the_chiplets_own_power():
    # The stated figure of a chiplet has its tuning in it: only the split moves (idle lines).
    more = load_constants().but(photonic__ring_mw=4.0, common__idle_share=1.0)
    less = load_constants().but(photonic__ring_mw=1.0, common__idle_share=1.0)
    assert (photonic_power(TERA, IDLE, constants=more).watts["total"]
            == pytest.approx(photonic_power(TERA, IDLE, constants=less).watts["total"]))


def test_a_dark_wavelength_saves_its_laser_and_its_tuning_and_nothing_else():
    full, dark = (photonic_power(TERA, busy(0.2), dark_wavelengths=n) for n in (0, 128))
    assert full.watts["total"] - dark.watts["total"] == pytest.approx(128 * (0.040 + 0.004))
    assert full.watts["SerDes"] == dark.watts["SerDes"]


def test_run_of_the_rack_model_is_read_as_it_was():
    cfg = small()
    result = RackModel(cfg).run(graph([(0, 9, 6400, 0), (3, 2, 640, 0)]), 2000)
    activity = activity_of(result)
    flit = cfg.chiplet.flit_bytes
    assert activity.delivered * 2000 == (6400 + 640) // flit
    # 9 is three switches away, 2 one: a link more than switches, and two endpoints.
    assert activity.link_flits * 2000 == (4 * 6400 + 2 * 640) // flit
    assert activity.hops * 2000 == (5 * 6400 + 3 * 640) // flit
    frame = energy(cfg, result)
    gbps = 7040 * 8 / (2000 / cfg.chiplet.core_mhz * 1000)
    assert frame.attrs["delivered_gbps"] == pytest.approx(gbps)
    assert frame.pj_per_bit["total"] == pytest.approx(1000 * frame.watts["total"] / gbps)


def test_load_result_is_read_by_its_rates():
    # Two planes of 8 endpoints, 0.25 flits a cycle each and on each, over 3.5 links.
    result = SimpleNamespace(accepted=0.25, received_by=np.zeros(8), link_names=["x"] * 20,
                             link_use=np.full(20, 4 * 3.5 / 20))
    assert activity_of(result, 2) == pytest.approx((20, 4 * 3.5, 4 * 4.5, 4.0))
    assert activity_of(result, 1).delivered == 2.0


def test_copper_power_is_its_closed_form():
    layout = Copper()
    idle = copper_power(layout, {}, 0.0)
    assert idle.watts["scale-up SerDes"] == pytest.approx(0.8 * 2 * 1024 * 7.2 * 6)
    assert idle.watts["NIC"] == pytest.approx(0.8 * 1024 * 20)
    # 1,024 NICs and 2 x 1,024 uplink ends put 400 Gb/s each into a switch.
    assert idle.watts["Ethernet switch"] == pytest.approx(0.8 * 3 * 1024 * 0.4 * 8.8)
    assert idle.watts["pluggable module"] == pytest.approx(0.8 * 2 * 1024 * 0.4 * 7.5)
    assert idle.dynamic_watts["total"] == 0
    full = copper_power(layout, {tier: payload for tier, (_, payload)
                                 in layout.capacity_gbps.items()}, 1e6)
    assert full.watts["NIC"] == pytest.approx(1024 * 20)
    assert full.watts["Ethernet switch"] == pytest.approx(3 * 1024 * 0.4 * 8.8)
    assert full.watts["scale-up SerDes"] == pytest.approx(2 * 1024 * 7.2 * 6)
    assert full.watts["scale-up crossbar"] == pytest.approx(1024 * 7.2 * 0.93)


def test_docs_show_the_table_of_constants_as_it_is():
    text = (Path(__file__).parents[2] / "docs" / "baseline.md").read_text()
    assert table() in text


def test_every_constant_has_a_source_and_is_in_its_range():
    for name, each in load_constants().of.items():
        assert each.low <= each.value <= each.high, name
        assert each.kind in ("stated", "standard", "assumed") and each.source, name


def test_a_users_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[photonic]\nlaser_mw = 30.0\n[copper]\ndomain_used = 72\n")
    mine, shipped = load_constants(path), load_constants()
    assert mine["photonic.laser_mw"] == 30.0 and mine["copper.domain_used"] == 72
    changed = [name for name in shipped.of if mine.of[name] != shipped.of[name]]
    assert changed == ["photonic.laser_mw", "copper.domain_used"]
    assert str(path) in mine.of["photonic.laser_mw"].source
    assert shipped["photonic.laser_mw"] == 40.0


@pytest.mark.parametrize("text, error", [
    ("[photonic]\nlaser = 3", "photonic.laser = 3: no such constant"),
    ("[photonic]\nlaser_mw = -1", "photonic.laser_mw = -1 mW: must be a number, at least 0"),
    ("[photonic]\nlaser_mw = 'x'", "photonic.laser_mw = 'x' mW"),
    ("[photonic]\nlaser_mw = nan", "photonic.laser_mw = nan mW"),
    ("[photonic]\nlaser_mw = true", "photonic.laser_mw = True mW"),
    ("[common]\nidle_share = 1.5", "common.idle_share = 1.5 1: must be a number, 0 to 1"),
    ("[copper]\ndomain_used = 2.5", "copper.domain_used = 2.5 GPUs: must be an integer"),
    ("[ethernet]\nport_gbps = 0", "ethernet.port_gbps = 0 Gb/s: must be a number, more than 0"),
    ("laser_mw = 3", "laser_mw = 3: must be in a section"),
    ("[photonic", "not valid TOML"),
])
def test_errors_in_a_users_file_name_file_and_field(tmp_path, text, error):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_constants(path)
    assert str(caught.value).startswith(f"constants {path}: ") and error in str(caught.value)
    assert "\n" not in str(caught.value)


def test_errors_of_calls_name_the_field(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_constants(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="dark_wavelengths = 600000: the rack has 524288"):
        photonic_power(TERA, IDLE, dark_wavelengths=600_000)
    with pytest.raises(ConfigError, match="photonic.ring_mw = 90: tuning of 5.62 pJ/bit"):
        photonic_power(TERA, IDLE, constants=load_constants().but(photonic__ring_mw=90.0))
