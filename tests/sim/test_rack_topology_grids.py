"""Butterfly, torus, mesh: fibres, hops and loads against NetworkX and closed forms."""

import networkx as nx
import numpy as np
import pytest
from rack_networks import between_switches, fibres, loads, network, shortest_hops, walk

from lightloom.sim.rack.topology import rack

GRIDS = [("butterfly", (5,), 3, 1), ("butterfly", (3, 4), 2, 1), ("butterfly", (2, 3, 2), 1, 1),
         ("torus", (5,), 2, 2), ("torus", (4, 6), 1, 4), ("torus", (2, 3, 4), 2, 2),
         ("torus", (2, 2), 1, 1), ("mesh", (7,), 1, 1), ("mesh", (4, 3), 2, 1),
         ("mesh", (2, 3, 2), 1, 1)]


def grid(kind, dims, each, vcs=2, **fields):
    return network(kind, int(np.prod(dims)) * each, vcs=vcs, dims=dims, switch_endpoints=each,
                   **fields)


@pytest.mark.parametrize(("kind", "dims", "each", "vcs"), GRIDS)
def test_minimal_routes_reach_all_in_as_few_switches_as_there_can_be(kind, dims, each, vcs, seed):
    topology = rack(grid(kind, dims, each, vcs))
    hops = walk(topology, np.random.default_rng(seed))
    assert np.array_equal(hops, shortest_hops(topology))


@pytest.mark.parametrize(("kind", "dims", "each", "vcs"), GRIDS)
def test_switches_are_joined_as_networkx_joins_them(kind, dims, each, vcs):
    topology = rack(grid(kind, dims, each, vcs))
    graph = fibres(topology)
    switches = graph.subgraph(range(topology.endpoints, len(topology.names)))
    if kind == "butterfly":
        expected = nx.complete_graph(dims[0])
        for size in dims[1:]:
            expected = nx.cartesian_product(expected, nx.complete_graph(size))
    else:
        # NetworkX counts dimensions from the last; cycles of two are one edge there too.
        expected = nx.grid_graph(dims[::-1], periodic=kind == "torus")
    order = {place: topology.endpoints + k for k, place in enumerate(sorted(
        expected, key=lambda place: np.ravel(_flat(place)).tolist()))}
    renamed = nx.relabel_nodes(expected, order)
    assert {frozenset(edge) for edge in renamed.edges} == {
        frozenset(edge[:2]) for edge in switches.edges}
    assert switches.number_of_edges() == expected.number_of_edges()
    assert all(graph.degree(e) == 1 for e in range(topology.endpoints))


def _flat(place):
    if not isinstance(place, tuple):
        return [place]
    return [number for part in place for number in _flat(part)]


@pytest.mark.parametrize(("kind", "size", "bound"), [("mesh", 4, 4), ("mesh", 8, 4),
                                                     ("torus", 4, 8), ("torus", 8, 8)])
def test_uniform_load_of_the_busiest_fibre_is_that_of_the_closed_form(kind, size, bound, seed):
    """Saturation of a k x k mesh is 4/k, of a torus 8/k (Dally, Towles); a torus spreads evenly."""
    topology = rack(grid(kind, (size, size), 1, 4))
    taken = loads(topology, np.random.default_rng(seed))[between_switches(topology)]
    # Of `count` packets from each endpoint, one goes to itself.
    count = topology.endpoints
    assert taken.max() / count == size / bound
    if kind == "torus":
        assert (taken == taken.max()).all()


def test_uniform_load_of_a_butterfly_is_the_same_on_all_fibres(seed):
    topology = rack(grid("butterfly", (4, 4), 2))
    taken = loads(topology, np.random.default_rng(seed))[between_switches(topology)]
    # From 2 endpoints, for each coordinate of a dimension 8 destinations of 32, and the
    # sources of the dimension before it, or the destinations of the one after.
    assert (taken == 2 * 8).all()


def test_ecmp_in_one_dimension_is_minimal_and_accepted():
    minimal, ecmp = (rack(grid("butterfly", (6,), 2, routing=routing))
                     for routing in ("minimal", "ecmp"))
    assert np.array_equal(minimal.switch_entries.ports, ecmp.switch_entries.ports)


def test_switches_are_named_by_their_coordinates():
    names = rack(grid("mesh", (3, 2), 1)).names
    assert names[6:] == ("switch 0.0", "switch 0.1", "switch 1.0", "switch 1.1", "switch 2.0",
                         "switch 2.1")


def test_1024_endpoints_on_a_torus_of_8_x_8_x_8():
    topology = rack(grid("torus", (8, 8, 8), 2, 8))
    assert (topology.switches, topology.classes) == (512, 8)
    assert topology.ends.size == 2 * (1024 + 3 * 512)
