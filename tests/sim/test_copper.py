"""The copper baseline: its layout, its closed forms, and that the simulation agrees."""

import numpy as np
import pytest

from lightloom import config
from lightloom.config import ConfigError
from lightloom.sim.copper import Copper, all_to_all, forms, hierarchical_all_reduce, ring_all_reduce
from lightloom.sim.energy import load_constants
from lightloom.sim.oq import OQModel, poisson
from lightloom.sim.rack.tasks import MESSAGE


def small(gpus=32, domain=8, ports=16, **changes):
    """Domains of 8, switches of 16 ports: 4 domains and leaves, 2 spines of 16 ports."""
    return Copper(gpus=gpus, constants=load_constants().but(
        copper__domain_used=domain, ethernet__switch_ports=ports, **changes))


def one(layout, src, dst, nbytes):
    """Latency of one packet, alone."""
    traffic = poisson(layout.gpus, 0.0, 1e5, nbytes=nbytes)._replace(
        time=np.array([0]), src=np.array([src], np.int32), dst=np.array([dst], np.int32),
        nbytes=np.array([nbytes], np.int32), vc=np.zeros(1, np.uint8))
    run = OQModel(layout.network()).load(traffic, warmup_ns=0)
    return run.latency[0], run.hops_mean


@pytest.mark.parametrize("gpus, used, leaves, spines", [
    (1024, 64, 16, 8), (1024, 72, 30, 9), (4096, 64, 64, 32), (64, 64, 1, 1), (2, 64, 1, 1)])
def test_layout_has_a_port_for_every_link(gpus, used, leaves, spines):
    layout = Copper(gpus=gpus, constants=load_constants().but(copper__domain_used=used))
    assert (layout.leaves, layout.spines) == (leaves, spines)
    ports = layout.constants["ethernet.switch_ports"]
    assert 2 * layout.leaf_gpus <= ports
    assert layout.leaves * layout.leaf_gpus // layout.spines <= ports


def test_every_gpu_reaches_every_other_by_the_tiers_it_should(seed):
    layout = small(gpus=29)          # the last domain has 5
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, 29, (12, 2))
    for src, dst in pairs[pairs[:, 0] != pairs[:, 1]]:
        _, hops = one(layout, src, dst, 64)
        assert hops == (1 if src // 8 == dst // 8 else 3)


@pytest.mark.parametrize("nbytes", [1, 64, 256, 4096])
def test_zero_load_latency_is_the_closed_form(nbytes):
    layout = small()
    assert one(layout, 0, 7, nbytes)[0] == pytest.approx(
        forms.copper_latency(layout, nbytes, across=False), abs=1e-3)
    assert one(layout, 0, 30, nbytes)[0] == pytest.approx(
        forms.copper_latency(layout, nbytes, across=True), abs=1e-3)


def test_zero_load_latency_is_the_sum_of_its_stages():
    c, layout = load_constants(), Copper()
    cable, far = (c["common.copper_ns_per_m"] * c[name]
                  for name in ("copper.cable_m", "ethernet.cable_m"))
    inside = 2 * cable + c["copper.scaleup_switch_ns"] + c["copper.fec_ns"] + 128 / (900 * 0.93)
    assert forms.copper_latency(layout, 64, across=False) == pytest.approx(inside)
    across = (2 * c["ethernet.nic_ns"] + 2 * far + 3 * c["ethernet.switch_ns"]
              + 2 * (20 * 4.9 + 2 * c["ethernet.module_ns"]) + c["copper.fec_ns"]
              + 4 * 64 / (50 * 0.98))
    assert forms.copper_latency(layout, 64, across=True) == pytest.approx(across)


def test_uniform_traffic_is_bound_by_the_nics(seed):
    layout = small()
    # 24 of 31 destinations are outside: the NICs are full at 49 / (24 / 31) bytes/ns.
    full = 49 * 31 / 24
    for share, stable in ((0.7, True), (1.3, False)):
        run = OQModel(layout.network()).load(
            poisson(32, share * full, 15_000.0, nbytes=256, seed=seed))
        assert run.stable == stable, run.why
        assert run.accepted == pytest.approx(min(share, 1 if not stable else share) * full,
                                             rel=0.05) or not stable
    inside = 7 / 31 * 1.3 * full
    assert run.accepted == pytest.approx(24 * 49 / 24 + inside, rel=0.06)


@pytest.mark.parametrize("nbytes", [3_200, 64_000, 2_000_000])
def test_hierarchical_all_reduce_takes_its_closed_form(nbytes):
    layout = small()
    run = OQModel(layout.network()).run(hierarchical_all_reduce(32, 8, nbytes),
                                        packet_bytes=1 << 20)
    assert run.end_ns == pytest.approx(forms.copper_hierarchical(layout, nbytes), rel=0.01)


@pytest.mark.parametrize("nbytes", [3_200, 64_000, 4_000_000])
def test_ring_all_reduce_is_near_its_bound_and_never_below(nbytes):
    layout = small()
    run = OQModel(layout.network()).run(ring_all_reduce(32, nbytes), packet_bytes=1 << 20)
    bound = forms.copper_ring(layout, nbytes)
    assert bound * 0.999 < run.end_ns < 1.15 * bound


def test_all_to_all_is_near_its_bound_and_never_below():
    layout = small()
    for nbytes in (32_000, 1_000_000):
        run = OQModel(layout.network()).run(all_to_all(32, nbytes), packet_bytes=1024)
        bound = forms.copper_all_to_all(layout, nbytes)
        assert bound * 0.999 < run.end_ns < 1.5 * bound


def test_collectives_move_the_bytes_that_they_must():
    n, group, size = 24, 6, 2400
    for graph, each in (
            (ring_all_reduce(n, size), 2 * (n - 1) * size / n),
            (all_to_all(n, size), (n - 1) * size / n),
            (hierarchical_all_reduce(n, group, size),
             2 * (group - 1) * size / group + 2 * (n // group - 1) * size / n)):
        sent = np.bincount(graph.src, weights=graph.nbytes, minlength=n)
        assert np.allclose(sent, each)
        assert np.all(graph.src[graph.kind == MESSAGE] != graph.dst[graph.kind == MESSAGE])


def test_a_rank_enters_a_phase_when_all_of_the_one_before_is_in():
    # One slow rank: nobody outside its group is late before the rings across.
    graph = hierarchical_all_reduce(8, 4, 800)
    layout = small(gpus=8, domain=4)
    run = OQModel(layout.network()).run(graph)
    messages = graph.kind == MESSAGE
    inner = messages & (graph.src // 4 == graph.dst // 4)
    outer = messages & ~inner
    first_inner = np.flatnonzero(inner)[:8 * 3]
    assert run.done_ns[outer].min() > run.done_ns[first_inner].max()
    assert np.nanmax(run.done_ns) == run.end_ns and not np.isnan(run.done_ns).any()


def test_carried_of_the_tiers_adds_up(seed):
    layout = small()
    traffic = poisson(32, 30.0, 4000.0, nbytes=256, seed=seed)
    run = OQModel(layout.network()).load(traffic._replace(span_ns=1e6), warmup_ns=0)
    carried = layout.carried(run.channels, 1e6)
    out = (traffic.src // 8 != traffic.dst // 8).sum() * 256 * 8 / 1e6
    total = traffic.src.size * 256 * 8 / 1e6
    assert carried["nic"] == pytest.approx(2 * out)
    assert carried["spine"] == pytest.approx(2 * out)
    assert carried["scale-up"] == pytest.approx(2 * (total - out))


def test_rack_forms_are_those_of_the_rack():
    cfg = config.load("tera")
    assert forms.rack_latency(cfg, 1, 1) == 1 + 12 + 2 * (22 + 98) + 2
    assert forms.rack_rate(cfg) == pytest.approx(512 * 64 / 66 * 512 / 513 * 32 / 33)


@pytest.mark.parametrize("what, text", [
    (lambda: Copper(gpus=1), "gpus = 1: must be 2 to 4096"),
    (lambda: Copper(scaleup_gbps=-1.0), "scaleup_gbps = -1.0"),
    (lambda: small(gpus=4000, domain=8), "500 leaves are more than"),
    (lambda: Copper(constants=load_constants().but(copper__domain_used=80)),
     "copper.domain_used = 80: must be at most"),
    (lambda: hierarchical_all_reduce(10, 4, 100), "group = 4: must divide the 10"),
])
def test_errors_name_the_field_and_what_is_allowed(what, text):
    with pytest.raises(ConfigError, match=text):
        what()
