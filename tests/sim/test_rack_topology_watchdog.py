"""The watchdog names the circle in a rack that is really in deadlock, and none elsewhere."""

import dataclasses

import numpy as np
import pytest
from rack_graphs import graph
from rack_networks import network

from lightloom import config
from lightloom.sim.rack import RackModel, model
from lightloom.sim.rack.deadlock import waiting_cycle
from lightloom.sim.rack.fabric import make_fabric
from lightloom.sim.xbar import Entries


def ring(size, **fields):
    """A ring of switches with an endpoint each, and buffers of two packets."""
    cfg = network("torus", size, dims=(size,), fibre_m=0.1, planes=1, **fields)
    cfg = config.override(cfg, xbar__vc_depth=128, xbar__max_packet_flits=64)
    return config.override(cfg, chiplet__optical_ports=1)


def clockwise(topology):
    """The topology with all routes upwards: port 1 of a switch, its endpoint on port 0."""
    sets = np.full_like(topology.switch_entries.ports, 0b10)
    np.fill_diagonal(sets, 0b01)
    return dataclasses.replace(
        topology, switch_entries=Entries(topology.switch_entries.kind, sets))


def in_one_class(topology):
    """The topology without its classes of VCs."""
    routes = topology.routes
    return dataclasses.replace(topology, routes=routes._replace(
        share=routes.share * routes.classes, classes=1, class_of=0 * routes.class_of))


@pytest.mark.parametrize("size", [5, 6])
def test_classes_keep_a_longer_ring_from_deadlock(size, monkeypatch):
    """Its packets all ask for VC 0; those that go around the end of the ring get VC 1."""
    rack = RackModel(ring(size))
    result, fabric = run(rack, two_hops(size, 50), 12_000, monkeypatch)
    assert (result.task_done >= 0).all() and (result.vc_flits > 0).all()
    assert waiting_cycle(fabric, rack.topology) is None


def two_hops(size, packets):
    return graph([(e, (e + 2) % size, packets * 64 * 32, 0) for e in range(size)])


def run(rack, work, cycles, monkeypatch):
    kept = []
    monkeypatch.setattr(model, "make_fabric", lambda *args: kept.append(make_fabric(*args))
                        or kept[-1])
    result = rack.run(work, cycles)
    return result, kept[0]


@pytest.mark.parametrize("size", [4, 5])
def test_the_circle_of_a_ring_in_one_class_is_named(size, monkeypatch):
    rack = RackModel(ring(size))
    rack.topology = clockwise(in_one_class(rack.topology))
    result, fabric = run(rack, two_hops(size, 50), 8000, monkeypatch)
    assert (result.task_done < 0).any()
    assert result.link_flits[-2:].sum() == 0, "it has not stopped"
    found = waiting_cycle(fabric, rack.topology)
    print(found)
    steps = [f"switch {k} -> switch {(k + 1) % size} (VC 0)" for k in range(size)]
    first = steps.index(found[0])
    assert found == steps[first:] + steps[:first]


def test_the_same_ring_with_its_own_routes_delivers_all_and_has_no_circle(monkeypatch):
    rack = RackModel(ring(4))
    result, fabric = run(rack, two_hops(4, 50), 12_000, monkeypatch)
    assert (result.task_done >= 0).all()
    assert waiting_cycle(fabric, rack.topology) is None


def test_a_crowd_that_waits_for_one_host_is_no_circle(monkeypatch):
    rack = RackModel(ring(4))
    result, fabric = run(rack, graph([(e, 0, 10**6, 0) for e in (1, 2, 3)]), 3000, monkeypatch)
    assert (result.task_done < 0).all()
    assert waiting_cycle(fabric, rack.topology) is None
