"""Load runs of the rack model against closed forms, conservation and themselves."""

import dataclasses
from math import ceil

import numpy as np
import pytest
from rack_graphs import head_latency, small

from lightloom import config
from lightloom.config import ConfigError
from lightloom.sim.flits import NO_FLIT
from lightloom.sim.rack import RackModel
from lightloom.sim.rack.activity import make_activity
from lightloom.sim.rack.fabric import make_fabric
from lightloom.sim.rack.load import ConservationError, DeadlockError, Traffic, audit, run

PLENTY = 6000


def load(traffic, cfg=None, cycles=PLENTY, **options):
    return RackModel(cfg or small()).load(traffic, cycles=cycles, **options)


def equal(a, b):
    times = ("seconds", "cpu_seconds")
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name),
                              equal_nan=f.name.startswith("latency"))
               for f in dataclasses.fields(a) if f.name not in times)


def test_below_saturation_what_is_offered_arrives(seed):
    for flits in (1, 4):
        result = load(Traffic(load=0.4, packet_flits=flits), seed=seed, cycles=12_000)
        assert result.stable and result.why == ""
        # Poisson noise of the flits in the window, and what its ends cut off.
        flits_seen = 0.4 * 16 * (result.cycles - result.warmup)
        noise = 6 * (flits_seen * flits) ** 0.5 / flits_seen
        assert result.offered == pytest.approx(0.4, rel=noise)
        assert result.accepted == pytest.approx(result.offered, rel=0.04)
        assert result.latency_ci < 0.1 * result.latency_mean
        assert result.received_by.sum() == round(result.accepted * 16 * (
            result.cycles - result.warmup))
        # The window's ends cut packets that are being delivered, one a host port.
        assert result.histogram.sum() == result.packets
        assert abs(result.packets - result.received_by.sum() / flits) <= 32
        assert len(result.histogram) == result.latency_max + 1
        assert (result.latency_p50 <= result.latency_p99 <= result.latency_max)


@pytest.mark.parametrize("flits", [1, 4])
def test_unloaded_latency_is_the_sum_of_the_stages(flits, seed):
    cfg = small()
    # A neighbour is on the same leaf, but for every fourth endpoint.
    result = load(Traffic("neighbour", load=0.002 * flits, packet_flits=flits), cfg, seed=seed)
    assert result.stable
    near, far = (head_latency(cfg, flits, switches) + flits - 1 for switches in (1, 3))
    seen = np.flatnonzero(result.histogram)
    assert seen[0] == near
    # Waits for slots of rows (flits + 1 rows of 32 a hop) and bare tails, as in docs/rack.md; two
    # packets rarely meet.
    at_near = result.histogram[near:near + 4].sum() / result.packets
    assert at_near == pytest.approx(0.75, abs=6 * (0.75 * 0.25 / result.packets) ** 0.5 + 0.02)
    assert result.histogram[near + 40:far].sum() == 0
    # Some that meet others wait longer, so that no high percentile is known.
    past = result.histogram[far:].cumsum()
    assert np.searchsorted(past, past[-1] / 2) <= 12


def test_mean_hops_are_those_of_the_pairs(seed):
    cfg = small(radix=8, endpoints=32)
    count, leaf = 32, 4
    for own in (False, True):
        result = load(Traffic(load=0.4, self_traffic=own), cfg, seed=seed)
        assert result.stable
        expected = (3 - 2 * leaf / count - 1 / count if own
                    else (3 * (count - leaf) + leaf - 1) / (count - 1))
        # Of one packet the number of switches varies by less than 1.
        assert result.hops_mean == pytest.approx(expected, abs=6 / result.packets**0.5 + 0.01)


def test_a_permutation_is_delivered_to_its_destinations(seed):
    result = load(Traffic("permutation", load=0.15), seed=seed)
    assert result.stable
    assert (result.sent_by > 0).all() and (result.received_by > 0).all()
    quiet = load(Traffic("transpose", load=0.15), seed=seed)
    silent = [0, 5, 10, 15]
    assert (quiet.sent_by[silent] == 0).all() and (quiet.received_by[silent] == 0).all()
    assert quiet.offered == pytest.approx(0.15 * 12 / 16, rel=0.2)


def test_an_overloaded_run_says_so_and_gives_no_latency(seed):
    result = load(Traffic("hotspot", load=0.5, share=0.5), seed=seed)
    assert not result.stable and result.why.startswith("overload: of ")
    for field in ("mean", "ci", "std", "p50", "p99", "max"):
        assert np.isnan(getattr(result, f"latency_{field}"))
    # The hot spot's link is full, and it carries what its closed form says.
    serdes, frame = small().serdes, small().derived.frame_heads      # of packets of one flit
    rate = (serdes.word_bits / 66 * serdes.marker_period / (serdes.marker_period + 1)
            * frame / (frame + 1))
    assert result.received_by[0] / (result.cycles - result.warmup) == pytest.approx(rate, rel=0.03)
    link = [name.endswith("-> gpu 0") for name in result.link_names].index(True)
    assert result.link_use[link] == pytest.approx(rate, rel=0.03)
    assert result.accepted < 0.6 * result.offered


def test_a_hot_spot_that_is_not_too_hot_is_stable(seed):
    result = load(Traffic("hotspot", load=0.1, share=0.3, targets=[2]), seed=seed)
    assert result.stable
    # 15 endpoints send it 0.3 of their packets and 1/15 of the rest.
    expected = 0.1 * (15 * (0.3 + 0.7 / 15))
    flits = expected * (result.cycles - result.warmup)
    assert result.received_by[2] == pytest.approx(flits, abs=6 * flits**0.5 + 60)


def test_too_few_packets_are_no_average():
    result = load(Traffic(load=1e-5), cycles=1000)
    assert not result.stable and "too few" in result.why and np.isnan(result.latency_mean)


@pytest.mark.parametrize("traffic", [
    Traffic(load=0.3, packet_flits=(1, 5, 64)), Traffic("bursty", load=0.3, burst=5),
    Traffic("alltoall", load=0.9, packet_flits=2), Traffic(load=0.8, self_traffic=True, vc=1)])
def test_results_follow_the_seed_alone(traffic, seed, monkeypatch):
    model, seen = RackModel(small()), []
    first = model.load(traffic, seed=seed, cycles=2000, progress=seen.append)
    assert seen == [500, 1000, 1500, 2000]
    monkeypatch.setattr(run, "CHUNK", 37)
    assert equal(first, model.load(traffic, seed=seed, cycles=2000))
    other = model.load(traffic, seed=seed + 1, cycles=2000)
    assert not np.array_equal(first.sent_by, other.sent_by)


@pytest.mark.parametrize("links", ["optical", "ideal"])
def test_results_do_not_depend_on_how_far_a_node_is_ahead(links, seed, monkeypatch):
    model = RackModel(small(rack__links=links))
    # Little traffic leaves the links at rest for longer than their clock looks ahead.
    for traffic in (Traffic(load=0.6, packet_flits=(1, 7)), Traffic(load=0.003)):
        results = []
        for lead in (20, 1, 5):
            def made(*args, lead=lead):
                found = make_activity(*args)
                # As long as the flight, which is what keeps nodes from seeing one another.
                assert found.lead == model.cfg.derived.fibre_cycles == 20
                return found._replace(lead=lead)

            monkeypatch.setattr(run, "make_activity", made)
            results.append(model.load(traffic, cycles=2000, seed=seed))
        assert equal(results[0], results[1]) and equal(results[0], results[2])


def test_short_fibres_are_stepped_cycle_by_cycle(seed):
    for links, fibre in (("optical", 0.4), ("ideal", 0.4), ("ideal", 0.8)):
        cfg = small(rack__links=links, rack__fibre_m=fibre)
        result = load(Traffic(load=0.002), cfg, seed=seed, cycles=4000)
        flight = cfg.derived.fibre_cycles
        assert flight == (1 if fibre == 0.4 else 2)
        least = head_latency(cfg, 1, 1) if links == "optical" else 1 + 4 * 3 + 2 * flight + 2
        assert np.flatnonzero(result.histogram)[0] == least


@pytest.mark.parametrize("flits", [1, 4])
def test_unloaded_latency_over_ideal_links_is_flight_and_crossbars(flits, seed):
    cfg = small(rack__links="ideal")
    result = load(Traffic("neighbour", load=0.001 * flits, packet_flits=flits), cfg, seed=seed)
    near, far = (1 + 4 * (h + 2) + (h + 1) * cfg.derived.fibre_cycles + 2 + flits - 1
                 for h in (1, 3))
    seen = set(np.flatnonzero(result.histogram).tolist())
    assert {near, far} <= seen
    # Two packets rarely meet.
    assert result.histogram[[near, far]].sum() > 0.95 * result.packets


NETWORKS = {
    "torus": {"rack__topology": "torus", "rack__dims": (4, 4), "rack__radix": 5},
    "mesh": {"rack__topology": "mesh", "rack__dims": (4, 4), "rack__radix": 5},
    "butterfly": {"rack__topology": "butterfly", "rack__dims": (4, 2), "rack__radix": 6,
                  "rack__switch_endpoints": 2},
    "valiant": {"rack__routing": "valiant", "xbar__source_routing": True},
    "ugal": {"rack__routing": "ugal", "xbar__source_routing": True, "xbar__ecmp": "occupancy"},
    "ecmp": {"rack__routing": "ecmp"},
    "planes": {"rack__planes": 2, "chiplet__optical_ports": 2},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_other_networks_deliver_what_is_offered(name, seed):
    cfg = config.override(small(), **NETWORKS[name])
    result = load(Traffic(load=0.15, packet_flits=(1, 3)), cfg, seed=seed, cycles=3000)
    assert result.stable and result.lost == 0
    assert result.accepted == pytest.approx(result.offered, rel=0.06)
    if name in ("torus", "mesh"):
        # Of one endpoint a switch: links passed to another one, and its own switch.
        links = {"torus": 2 * 1.0, "mesh": 2 * 1.25}[name] * 16 / 15
        assert result.hops_mean == pytest.approx(1 + links, abs=0.25)
    if name == "valiant":
        assert result.hops_mean == pytest.approx((3 * 12 + 3) / 15, abs=0.15)


def test_two_stages_and_other_shapes_conserve(seed):
    # Conservation of flits, of credits and Little's law are asserted in each run.
    for changes in ({"xbar__stages": 2}, {"chiplet__vcs": 3}, {"chiplet__host_ports": 1},
                    {"rack__topology": "direct", "radix": 16}):
        result = load(Traffic(load=0.6, packet_flits=(1, 7)), small(**changes), cycles=2000,
                      seed=seed)
        assert result.packets > 1000


def test_a_given_warmup_is_kept_and_the_found_one_leaves_the_begin_out(seed):
    given = load(Traffic(load=0.3), warmup=1001, seed=seed)
    assert given.warmup == 1020      # whole batches of 30 cycles
    assert 0 < load(Traffic(load=0.3), seed=seed).warmup <= PLENTY / 2


def test_littles_law_holds_for_the_window(seed):
    result = load(Traffic(load=0.5), seed=seed, cycles=10_000)
    rate = result.packets / (result.cycles - result.warmup)
    # What the ends of the window cut off: packets of at most 500 cycles, both ends.
    assert result.latency_max < 500
    assert result.in_system == pytest.approx(rate * result.latency_mean, rel=500 / (
        result.cycles - result.warmup))


class Events:
    """A timeline of faults: what it was asked."""

    def __init__(self, cycles, action=lambda fabric: None):
        self.cycles, self.action, self.applied = cycles, action, []

    def next(self, cycle):
        return next((each for each in self.cycles if each >= cycle), 2**62)

    def apply(self, fabric, cycle):
        self.applied.append(cycle)
        self.action(fabric)


def test_a_timeline_is_applied_in_its_cycles_and_changes_nothing_by_itself(seed):
    events = Events([0, 123, 500, 777])
    traffic = Traffic(load=0.3)
    result = RackModel(small(), faults=events).load(traffic, cycles=1000, seed=seed)
    assert events.applied == [0, 123, 500, 777]
    assert equal(result, RackModel(small()).load(traffic, cycles=1000, seed=seed))


def test_what_a_timeline_takes_away_is_counted_as_lost(seed, monkeypatch):
    taken = []

    def cut(fabric):
        taken.append(np.count_nonzero(fabric.wires.flit != NO_FLIT))
        fabric.wires.flit[:] = NO_FLIT

    model = RackModel(small(), faults=Events([1000], cut))
    result = model.load(Traffic(load=0.5), cycles=2000, seed=seed)
    assert result.lost == taken[0] > 0
    with pytest.raises(ConservationError, match=f": {taken[0]} are missing"):
        # Without the excuse of a fault.
        monkeypatch.setattr(run, "check_flits",
                            lambda fabric, made, _: audit.check_flits(fabric, made, False))
        model.load(Traffic(load=0.5), cycles=2000, seed=seed)


def test_a_standstill_is_told(monkeypatch, seed):
    def no_credits(fabric):
        fabric.switches.outlet["credits"][:] = -10_000

    monkeypatch.setattr(run, "stall_cycles", lambda cfg, faulty: 400)
    with pytest.raises(DeadlockError, match="no flit has moved for 400 cycles"):
        RackModel(small(), faults=Events([300], no_credits)).load(
            Traffic(load=1.0), cycles=8000, seed=seed)


def test_the_watchdog_waits_longer_than_any_round_trip():
    for fibre in (8.0, 1500.0):
        cfg = small(rack__fibre_m=fibre, xbar__vc_depth=8192, link__replay_flits=8192)
        assert run.stall_cycles(cfg, False) >= max(10_000, 4 * cfg.derived.round_trip)
        assert run.stall_cycles(cfg, True) > run.stall_cycles(cfg, False) + cfg.xbar.hold_cycles


@pytest.mark.parametrize("place", ["host inputs", "outputs to hosts", "outputs to links",
                                   "delivered by links"])
def test_a_credit_too_much_is_found(place):
    cfg = small()
    model = RackModel(cfg)
    fabric = make_fabric(cfg, model.topology)
    audit.check_credits(cfg, model.topology, fabric)
    array = {"host inputs": fabric.ingress.credits,
             "outputs to hosts": fabric.endpoints.outlet["credits"][:2],
             "outputs to links": fabric.switches.outlet["credits"],
             "delivered by links": fabric.links.channels["granted"]}[place]
    array[(1,) * array.ndim] += 1
    with pytest.raises(ConservationError, match=place):
        audit.check_credits(cfg, model.topology, fabric)


@pytest.mark.parametrize(("options", "message"), [
    ({"seed": -1}, "seed = -1: must be an integer of at least 0"),
    ({"cycles": 100}, "cycles = 100: must be an integer of at least 200"),
    ({"cycles": 2**31}, "cycles = 2147483648: must be at most 2,147,483,647"),
    ({"cycles": 1000, "warmup": 501}, "warmup = 501: must be 0 to half of the 1000 cycles"),
])
def test_runs_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        RackModel(small()).load(Traffic(), **options)


def test_the_rack_of_1024_gpus_has_its_closed_forms(seed):
    cfg = small(radix=64, endpoints=1024)
    result = load(Traffic(load=0.05, self_traffic=True), cfg, cycles=1400, seed=seed)
    assert result.stable
    print(f"{result.hops_mean:.4f} switches, {result.latency_mean:.2f} cycles")
    assert result.hops_mean + 1 / 1024 == pytest.approx(2.9375, abs=0.02)
    assert result.latency_p50 == pytest.approx(head_latency(cfg, 1, 3), abs=ceil(4 * 3))
