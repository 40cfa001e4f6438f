"""The figures for the claims: each table against what it is made of, and against simulation."""

import numpy as np
import pytest

from lightloom import config
from lightloom.config import derived
from lightloom.sim.copper import Copper, claims, forms
from lightloom.sim.energy import Activity, copper_power, load_constants, photonic_power

TERA = config.load("tera")


def test_one_fabric_gives_what_a_gpu_has_of_the_others():
    table = claims.one_fabric(TERA)
    assert list(table.gpus) == [1024, 64, 64]
    assert table.outside_gbps["photonic"] == table.inside_gbps["photonic"]
    # 960 of 1,023 destinations are outside: the NIC is full first.
    assert table.uniform_gbps["built"] == pytest.approx(400 * 0.98 * 1023 / 960)
    assert table.inside_gbps["equal"] == pytest.approx(8 * 512 * 0.93)


def test_one_domain_has_no_outside():
    layout = claims.layouts(config.override(TERA, rack__endpoints=64))["built"]
    assert layout.domains == 1
    table = claims.one_fabric(config.override(TERA, rack__endpoints=64))
    assert table.uniform_gbps["built"] == table.inside_gbps["built"]


def test_multi_hop_ranges_hold_the_value_and_no_photonic_constant_moves_them():
    table = claims.multi_hop(TERA)
    assert (table.low <= table.ns).all() and (table.ns <= table.high).all()
    assert table.ns["copper, across domains"] > table.ns["photonic, 3 switches"]
    assert table.ns["photonic, 3 switches"] == forms.rack_latency(TERA, 1, 3) == 503


def test_bandwidth_holds_as_far_as_the_buffers_reach():
    table = claims.distance(TERA)
    # The buffers of the configuration cover its own fibre: checked when it is loaded.
    assert claims.window_share(TERA, TERA.rack.fibre_m) == 1.0
    assert (np.diff(table.photonic_gbps) <= 0).all()
    assert (table.copper_gbps[table.index > 2] == 0).all()
    far = derived.derive(claims._with_fibre(TERA, 200.0)).round_trip
    assert claims.window_share(TERA, 200.0) == pytest.approx(512 / (far * 512 / 528), rel=0.01)


def test_completion_is_of_the_closed_forms():
    table = claims.completion(TERA, sizes=(1 << 20, 1 << 30))
    layout = Copper(1024)
    assert table["built", "domains"].iloc[0] == pytest.approx(
        forms.copper_hierarchical(layout, 1 << 20) / 1000)
    assert (table.iloc[1] > table.iloc[0]).all()
    # The bandwidth terms of 1 GiB: what leaves each GPU, at its rate.
    bits = (1 << 30) * 1023 / 1024
    assert table["photonic", "all-to-all"].iloc[1] == pytest.approx(
        bits / forms.rack_rate(TERA) / 1000, rel=0.01)
    assert table["built", "all-to-all"].iloc[1] == pytest.approx(
        (1 << 30) * 960 / 1024 / 49 / 1000, rel=0.01)


def test_halving_and_domains_need_the_same_bytes():
    layout, size = Copper(1024), 1 << 34
    assert forms.copper_halving_doubling(layout, size) == pytest.approx(
        forms.copper_hierarchical(layout, size), rel=0.03)


def test_energy_table_is_empty_beyond_what_a_world_carries():
    table = claims.energy_against_load(TERA, gbps=(0, 100, 400, 1000))
    assert np.isnan(table["built", "kilowatts"][1000])
    assert not np.isnan(table["photonic", "kilowatts"][1000])
    assert (np.diff(table["photonic", "kilowatts"]) > 0).all()
    # pJ/bit is watts over what 1,024 GPUs receive.
    assert table["equal", "pj_per_bit"][100] == pytest.approx(
        1e15 * table["equal", "kilowatts"][100] / (1024 * 100e9))


def test_energy_of_a_bit_is_that_of_a_world_in_full_use():
    table = claims.energy_of_a_bit(TERA)
    assert (table.low <= table.pj_per_bit).all() and (table.pj_per_bit <= table.high).all()
    # All GPUs of a rack send far at what a line can carry: four links, three switches.
    flits = 1024 * 512 / 528 * 512 / 513
    frame = photonic_power(TERA, Activity(4 * 1024, 4 * flits, 5 * flits, flits))
    assert frame.pj_per_bit["total"] == pytest.approx(table.pj_per_bit["photonic, 3 switches"])
    layout = Copper(1024)
    capacity = {tier: payload for tier, (_, payload) in layout.capacity_gbps.items()}
    for tiers, row, causes in (
            (["scale-up"], "copper, in a domain", ["scale-up SerDes", "scale-up crossbar"]),
            (["nic", "spine"], "copper, across domains",
             ["NIC", "Ethernet switch", "pluggable module"])):
        carried = {tier: capacity[tier] for tier in tiers}
        frame = copper_power(layout, carried, capacity[tiers[0]] / 2)
        assert frame.pj_per_bit[causes].sum() == pytest.approx(table.pj_per_bit[row])


def test_constants_change_the_figures():
    slow = load_constants().but(ethernet__switch_ns=1600.0)
    difference = (claims.multi_hop(TERA, slow).ns - claims.multi_hop(TERA).ns)
    assert difference["copper, across domains"] == pytest.approx(3 * 1000)
    assert (difference.drop("copper, across domains") == 0).all()


def test_simulated_latency_starts_at_the_closed_form_and_saturation_is_said(seed):
    cfg = config.override(TERA, rack__endpoints=32, rack__radix=16)
    constants = load_constants().but(copper__domain_used=8, ethernet__switch_ports=16)
    table = claims.latency_against_load(cfg, (0.5, 45.0, 80.0), span_ns=15_000.0, seed=seed,
                                        constants=constants)
    layout = claims.layouts(cfg, constants)["built"]
    near, far = (forms.copper_latency(layout, 256, across=across) for across in (False, True))
    mean = (7 * near + 24 * far) / 31
    assert table["built", "latency_mean"].iloc[0] == pytest.approx(mean, rel=0.1)
    assert table["ideal", "latency_mean"].iloc[0] == pytest.approx(
        forms.rack_latency(cfg, 1, 1) - 11 + 4, rel=0.05)
    assert list(table["built", "stable"]) == [True, True, False]
    assert table["ideal", "stable"].all()
    assert table["ideal", "accepted"].iloc[2] == pytest.approx(80, rel=0.05)
