"""Faults of a rack: schedules, what they do, what they cost."""

from types import SimpleNamespace

import numpy as np
import pytest
from rack_graphs import graph, small

from lightloom.config import ConfigError, load
from lightloom.sim.rack import RackModel
from lightloom.sim.rack.fabric import make_fabric
from lightloom.sim.rack.faults import FaultSchedule, Timeline, blast_radius, ledger, summary
from lightloom.sim.rack.faults.intervals import NEVER, Directions
from lightloom.sim.rack.faults.reroute import reroute
from lightloom.sim.rack.faults.times import Times
from lightloom.sim.rack.topology import rack

WAVELENGTH = {"kind": "wavelength", "link": "gpu 3 -> leaf 0", "lanes": [1]}


# --- schedules --------------------------------------------------------------------------------

@pytest.mark.parametrize(("fault", "message"), [
    ({"kind": "rust"}, "faults: fault.0.kind = 'rust': Input should be 'wavelength'"),
    ({"kind": "fibre"}, "faults: fault.0: link: a fibre needs it"),
    ({"kind": "laser", "node": "leaf 0"}, "faults: fault.0: ports: a laser needs it"),
    (WAVELENGTH | {"ber": 1e-6}, "faults: fault.0: ber: a wavelength has none; it has from_us"),
    (WAVELENGTH | {"lanes": []}, "faults: fault.0: lanes = []: at least one must be given"),
    (WAVELENGTH | {"from_us": 5, "to_us": 5}, "faults: fault.0: to_us = 5: must be after"),
    (WAVELENGTH | {"from_us": -1}, "faults: fault.0.from_us = -1: Input should be greater"),
    ({"kind": "switch", "node": "leaf 0", "to_us": 4}, "faults: fault.0: to_us: a switch has none"),
    ({"kind": "flap", "link": "gpu 0 - leaf 0", "period_us": 2, "down_us": 2, "to_us": 9},
     "faults: fault.0: down_us = 2: must be below period_us = 2")])
def test_a_fault_that_cannot_be_is_refused_in_one_line(fault, message):
    with pytest.raises(ConfigError) as raised:
        FaultSchedule.of([fault])
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)


@pytest.mark.parametrize(("fault", "message"), [
    (WAVELENGTH | {"link": "gpu 3 -> leaf 1"}, "fault.0.link = 'gpu 3 -> leaf 1': this rack has"),
    (WAVELENGTH | {"lanes": [4]}, "fault.0.lanes = 4: a port has lanes 0 to 3"),
    ({"kind": "switch", "node": "gpu 1"}, "fault.0.node = 'gpu 1': this rack has leaf 0, leaf 1"),
    ({"kind": "gpu", "node": "leaf 1"}, "fault.0.node = 'leaf 1': this rack has gpu 0"),
    ({"kind": "port", "node": "gpu 1", "ports": [0]}, "fault.0.ports = 0: gpu 1 has fibres at 2"),
    ({"kind": "flap", "link": "gpu 0 - leaf 0", "period_us": 2, "down_us": 1},
     "fault.0.to_us: a flap needs it")])
def test_a_place_that_the_rack_does_not_have_is_refused_in_one_line(fault, message):
    cfg = small()
    with pytest.raises(ConfigError) as raised:
        Timeline(cfg, rack(cfg), FaultSchedule.of([fault]))
    assert str(raised.value).startswith(f"faults: {message}") and "\n" not in str(raised.value)


def test_parallel_links_are_told_apart():
    cfg = small(rack__switch_endpoints=4, rack__uplinks=4, rack__spines=2)
    fault = {"kind": "fibre", "link": "leaf 0 - spine 1"}
    with pytest.raises(ConfigError, match='there are 2: say which by " #0" to " #1"'):
        Timeline(cfg, rack(cfg), FaultSchedule.of([fault]))
    Timeline(cfg, rack(cfg), FaultSchedule.of([fault | {"link": "leaf 0 - spine 1 #1"}]))


def test_a_file_is_read_and_what_is_wrong_in_it_named(tmp_path):
    path = tmp_path / "faults.toml"
    path.write_text('reroute_us = 50\n[[fault]]\nkind = "gpu"\nnode = "gpu 5"\nfrom_us = 2.5\n')
    schedule = FaultSchedule.read(path)
    assert schedule == FaultSchedule.of(
        [{"kind": "gpu", "node": "gpu 5", "from_us": 2.5}], reroute_us=50)
    path.write_text("[[fault]\n")
    with pytest.raises(ConfigError, match="^faults .*faults.toml: "):
        FaultSchedule.read(path)
    with pytest.raises(ConfigError, match="No such file"):
        FaultSchedule.read(tmp_path / "none.toml")


def test_ideal_links_have_no_faults():
    cfg = small(rack__links="ideal")
    with pytest.raises(ConfigError, match="^rack.links = \"ideal\""):
        Timeline(cfg, rack(cfg), FaultSchedule.of([WAVELENGTH]))


# --- times ------------------------------------------------------------------------------------

def directions(cfg):
    made = Directions(cfg, rack(cfg))
    return made, Times.of(cfg), cfg.derived.fibre_cycles


def test_a_dead_lane_costs_an_outage_and_then_its_share(seed):
    cfg = small()
    made, times, flight = directions(cfg)
    begin = int(np.random.default_rng(seed).integers(100_000))
    made.lights([7], [2], [(begin, NEVER)])
    (dark,), lanes = made.outages(7), [event for event in made.events() if event[1] == "lanes"]
    least = times.patience + 2 * flight
    assert dark[0] == begin + flight
    # Then it waits for up to a marker period, and for the next marker.
    period = times.row * times.period
    assert least + period <= dark[1] - begin <= least + times.hop + 2 * flight + 2 * period + 20
    assert [event[2] for event in lanes] == [(7, 3)] and begin < lanes[0][0] < dark[1]


def test_a_lane_that_flaps_is_out_until_it_was_clean_for_a_window():
    cfg = small()
    made, times, _ = directions(cfg)
    flaps = [(at, at + 100) for at in range(1000, 20_000, 1000)]
    made.lights([7], [2], flaps)
    lanes = [event for event in made.events() if event[1] == "lanes"]
    assert [event[2][1] for event in lanes] == [3, 4]
    assert times.retry < lanes[1][0] - flaps[-1][1] < 2 * times.retry + 2000
    assert len(made.outages(7)) == 2


def test_a_lane_that_falls_again_is_tried_later_each_time():
    cfg = small()
    made, times, _ = directions(cfg)
    apart = 10 * times.retry
    made.lights([7], [2], [(at, at + 100) for at in range(0, 3 * apart, apart)])
    back = [event[0] for event in made.events() if event[1:] == ("lanes", (7, 4))]
    trials = [round((at - k * apart) / times.retry) for k, at in enumerate(sorted(back))]
    assert trials == [2, 3, 5]


def test_outages_that_overlap_are_one_and_all_lanes_dark_is_an_outage():
    cfg = small()
    made, _, flight = directions(cfg)
    made.lights([7], range(4), [(1000, 3000), (2500, 6000)])
    (dark,) = made.outages(7)
    assert dark[0] == 1000 + flight and dark[1] > 6000
    assert not [event for event in made.events() if event[1] == "lanes"]


# --- routes -----------------------------------------------------------------------------------

def test_routes_leave_out_what_is_down_and_no_more():
    cfg = small(endpoints=32)
    topology = rack(cfg)
    names = topology.link_names
    own, count = topology.switch_entries.ports, topology.endpoints
    assert np.array_equal(reroute(topology, frozenset()), own)
    lost = frozenset({names.index("leaf 0 -> spine 1")})
    new = reroute(topology, lost)
    leaves, dst = 8, np.arange(count)
    port = np.uint64(1) << np.uint64(4 + 1)
    changed = np.argwhere(new != own)
    # Leaf 0 for what went up by spine 1; the other leaves for what is on leaf 0.
    for leaf, to in changed:
        assert own[leaf, to] == port and (leaf == 0) != (to // 4 == 0) and leaf < leaves
    assert len(changed) == 7 + 7
    assert not (new[0, dst // 4 != 0] == port).any() and not (new[1:leaves, 0:4] == port).any()


def test_routes_without_a_switch_reach_all_others_by_the_rest():
    cfg = small(endpoints=32)
    topology = rack(cfg)
    lost = {end for end, name in enumerate(topology.link_names) if "spine 2" in name}
    new = reroute(topology, frozenset(lost))
    assert not (new[:8] == np.uint64(1) << np.uint64(6)).any()
    # A spine has no way round: what is under way there is lost.
    assert np.array_equal(new[8:], topology.switch_entries.ports[8:])


# --- runs -------------------------------------------------------------------------------------

def run_with(cfg, tasks, cycles, faults, **more):
    """A run of messages with faults: the result, and the fabric after it."""
    seen = {}

    class Kept(Timeline):
        def apply(self, fabric, cycle):
            seen["fabric"] = fabric
            super().apply(fabric, cycle)

    timeline = Kept(cfg, rack(cfg), FaultSchedule.of(faults, **more))
    result = RackModel(cfg, faults=timeline).run(graph(tasks), cycles)
    return result, seen["fabric"]


def all_to_all(cfg, nbytes):
    count = cfg.rack.endpoints
    return [(e, (e + k) % count, nbytes, k % 2) for k in range(1, count) for e in range(count)]


def test_what_comes_back_loses_nothing_and_all_arrives_in_order(seed):
    cfg, rng = small(), np.random.default_rng(seed)
    tasks = all_to_all(cfg, 2048)
    faults = [{"kind": "fibre", "link": "leaf 0 - spine 1", "from_us": float(rng.uniform(1, 3)),
               "to_us": 6.0}, WAVELENGTH | {"from_us": float(rng.uniform(0, 2))},
              {"kind": "ber", "link": "leaf 1 - spine 2", "ber": 1e-4}]
    result, fabric = run_with(cfg, tasks, 12_000, faults)
    assert (result.task_done >= 0).all()
    assert result.delivered_flits.sum() == 64 * len(tasks)
    assert (ledger(fabric).discarded, ledger(fabric).inside) == (0, 0)
    assert fabric.links.replay["retrains"].sum() >= 4
    assert fabric.links.replay["crc_errors"].sum() > 0
    flow = (result.src.astype(int) * 16 + result.dst) * 2 + result.vc
    for each in np.unique(flow):
        assert (np.diff(result.delivered[flow == each]) > 0).all()


@pytest.mark.parametrize(("fault", "dead"), [
    ({"kind": "gpu", "node": "gpu 5"}, "gpu 5"), ({"kind": "switch", "node": "spine 1"}, "spine 1"),
    ({"kind": "laser", "node": "leaf 0", "ports": [4, 5]}, None),
    ({"kind": "port", "node": "leaf 0", "ports": [6]}, None)])
def test_every_flit_is_delivered_or_inside_or_counted_as_lost(fault, dead):
    cfg = small(xbar__hold_cycles=1000)
    tasks = all_to_all(cfg, 2048)
    result, fabric = run_with(cfg, tasks, 8000, [fault | {"from_us": 2.0}])
    flits = -(-result.nbytes.astype(np.int64) // 32)
    # Packets that were begun may be sent in part.
    begun = result.accepted >= 0
    book = ledger(fabric)
    sent = result.delivered_flits.sum() + book.discarded + book.inside - book.aborts
    slack = flits[begun].max() * 2 * cfg.rack.endpoints
    assert flits[begun].sum() - slack <= sent <= flits[begun].sum()
    assert book.discarded > 0 and (result.task_done < 0).any()
    assert book.discarded_by.sum() == book.discarded and book.stranded <= book.inside
    if dead == "gpu 5":
        gone = (result.src == 5) | (result.dst == 5)
        assert (result.delivered[~gone & (result.accepted >= 0)] >= 0).mean() > 0.9
        assert (result.offered[result.src == 5] <= 2.0 * 500 + 1).sum() >= 1


def test_routes_without_a_dead_spine_let_the_rest_of_the_traffic_through():
    cfg = small(xbar__hold_cycles=500, xbar__max_packet_flits=1)
    tasks = all_to_all(cfg, 3200)
    fault = [{"kind": "switch", "node": "spine 1", "from_us": 0.0}]
    without, _ = run_with(cfg, tasks, 10_000, fault)
    result, fabric = run_with(cfg, tasks, 10_000, fault, reroute_us=1.0)
    print(f"done {(without.task_done >= 0).mean():.3f}, with new routes "
          f"{(result.task_done >= 0).mean():.3f}")
    assert (result.task_done >= 0).mean() > (without.task_done >= 0).mean()
    # What was under way to the spine is lost, and no more.
    assert ledger(fabric).inside == ledger(fabric).stranded


# --- blast radius -----------------------------------------------------------------------------

def test_blast_radius_says_who_loses_how_much():
    base = SimpleNamespace(sent_by=np.array([100, 100, 0, 50]), cycles=300, warmup=100,
                           received_by=np.array([80, 70, 100, 0]))
    # Rates, as runs may warm up for longer.
    faulty = SimpleNamespace(sent_by=np.array([50, 25, 0, 0]), cycles=300, warmup=200,
                             received_by=np.array([40, 31.5, 0, 0]))
    table = blast_radius(base, faulty)
    assert table.index.tolist() == ["gpu 0", "gpu 1", "gpu 2", "gpu 3"]
    assert table.sent_loss.tolist() == [0, 0.5, 0, 1]
    assert table.received_loss.round(6).tolist() == [0, 0.1, 1, 0]
    shares = summary(table, (0.05, 0.2, 0.99))
    assert shares.sent.tolist() == [0.5, 0.5, 0.25]
    assert shares.received.tolist() == [0.5, 0.25, 0.25]
    with pytest.raises(ConfigError, match="runs of 4 and of 3 endpoints"):
        blast_radius(base, SimpleNamespace(sent_by=np.zeros(3), received_by=np.zeros(3),
                                           cycles=300, warmup=0))


def test_a_timeline_stops_a_run_where_something_happens():
    cfg = load("sim")
    topology = rack(small())
    timeline = Timeline(small(), topology, FaultSchedule.of([WAVELENGTH | {"from_us": 4.0}]))
    stops, at = [], 0
    while (at := timeline.next(at)) < NEVER:
        stops.append(at)
        at += 1
    assert stops[0] == 0 and stops[1] == 2000 + cfg.derived.fibre_cycles and len(stops) == 3
    fabric = make_fabric(small(), topology)
    for cycle in stops:
        timeline.apply(fabric, cycle)
    assert sorted(np.unique(fabric.links.ends["lanes"])) == [3, 4]
    assert (fabric.links.ends["lanes"] == 3).sum() == 1
