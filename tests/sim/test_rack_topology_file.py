"""Topologies of the user: what is read, how it is routed, what is refused."""

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from rack_networks import fibres, network, shortest_hops, walk

from lightloom.config import ConfigError
from lightloom.sim.rack.topology import rack

DRAGONFLY = Path(__file__).parents[2] / "docs" / "examples" / "dragonfly.json"


def small():
    """Two switches with a GPU each, and a third between them."""
    graph = nx.Graph()
    graph.add_nodes_from(["a", "b"], kind="gpu")
    graph.add_nodes_from(["x", "y", "z"], kind="switch")
    graph.add_edges_from([("a", "x"), ("x", "z"), ("z", "y"), ("y", "b")])
    return graph


def written(graph, path):
    if path.suffix == ".graphml":
        nx.write_graphml(graph, path)
    else:
        path.write_text(json.dumps(nx.node_link_data(graph, edges="edges")))
    return str(path)


def build(graph, path, endpoints=2, **fields):
    return rack(network("file", endpoints, file=written(graph, path), **fields))


def random_graph(rng, switches, endpoints):
    """Connected, some links double; names and order at random."""
    graph = nx.MultiGraph(nx.random_labeled_tree(switches, seed=int(rng.integers(2**31))))
    for _ in range(switches):
        a, b = rng.choice(switches, 2, replace=False).tolist()
        graph.add_edge(a, b)
    nx.set_node_attributes(graph, "switch", "kind")
    graph = nx.relabel_nodes(graph, {k: f"s{k}" for k in range(switches)})
    for k, home in enumerate(rng.integers(switches, size=endpoints).tolist()):
        graph.add_node(f"g{k}", kind="gpu")
        graph.add_edge(f"g{k}", f"s{home}", length_m=float(rng.uniform(0.1, 8)))
    shuffled = nx.MultiGraph()
    nodes, edges = list(graph.nodes(data=True)), list(graph.edges(data=True))
    shuffled.add_nodes_from([nodes[k] for k in rng.permutation(len(nodes))])
    shuffled.add_edges_from([edges[k] for k in rng.permutation(len(edges))])
    return shuffled


@pytest.mark.parametrize("suffix", [".json", ".graphml"])
def test_any_graph_is_routed_on_shortest_paths(suffix, tmp_path, seed):
    rng = np.random.default_rng(seed)
    for _ in range(6):
        switches, endpoints = int(rng.integers(2, 14)), int(rng.integers(2, 24))
        graph = random_graph(rng, switches, endpoints)
        topology = build(graph, tmp_path / f"rack{suffix}", endpoints, radix=64, vcs=8)
        assert topology.names == (*(node for node in graph if node[0] == "g"),
                                  *(node for node in graph if node[0] == "s"))
        named = nx.relabel_nodes(fibres(topology), dict(enumerate(topology.names)))
        assert sorted(map(sorted, named.edges())) == sorted(map(sorted, graph.edges()))
        assert np.array_equal(walk(topology, rng), shortest_hops(topology))


def test_lengths_are_those_of_the_file_and_else_of_the_rack(tmp_path):
    graph = small()
    graph.edges["x", "z"]["length_m"] = 3
    topology = build(graph, tmp_path / "rack.json", fibre_m=5.0)
    named = dict(zip(topology.link_names, topology.length_m.tolist(), strict=True))
    assert named == {f"{a} -> {b}": 3.0 if {a, b} == {"x", "z"} else 5.0
                     for pair in graph.edges for a, b in (pair, pair[::-1])}


def test_the_dragonfly_that_ships_needs_two_classes(seed):
    topology = rack(network("file", 72, radix=7, file=str(DRAGONFLY)))
    assert (topology.switches, topology.classes) == (36, 2)
    hops = walk(topology, np.random.default_rng(seed))
    # Local, global, local: at most four switches.
    assert hops.max() == 4 and np.array_equal(hops, shortest_hops(topology))


def refused(graph, path, *texts, **fields):
    with pytest.raises(ConfigError) as caught:
        build(graph, path, **fields)
    message = str(caught.value)
    assert "\n" not in message
    for text in (str(path), *texts):
        assert text in message, message


def test_what_cannot_be_built_is_named(tmp_path):
    path = tmp_path / "rack.json"
    build(small(), path)
    graph = small()
    graph.nodes["z"]["kind"] = "router"
    refused(graph, path, "node z: kind = 'router': must be 'gpu' or 'switch'")
    del graph.nodes["z"]["kind"]
    refused(graph, path, "node z: kind = None: must be")
    refused(small(), path, "2 nodes of kind 'gpu': must be rack.endpoints = 3", endpoints=3)
    graph = small()
    graph.add_edge("a", "z")
    refused(graph, path, "node a: 2 links: an endpoint must have 1 in a plane")
    graph = small()
    graph.remove_edge("x", "z")
    refused(graph, path, "nodes a and b: no way from one to the other")
    graph = small()
    graph.add_node("w", kind="switch")
    refused(graph, path, "nodes a and w: no way")
    graph = small()
    graph.add_edge("z", "z")
    refused(graph, path, "link z - z: joins a node to itself")
    graph = nx.Graph([("a", "b")])
    nx.set_node_attributes(graph, "gpu", "kind")
    refused(graph, path, "link a - b: joins two endpoints")
    refused(nx.DiGraph(small()), path, "directed = True: must be an undirected graph")


@pytest.mark.parametrize("length", [0, -1.0, 8.5, float("nan"), float("inf"), "long", True, None])
def test_length_of_a_link_is_more_than_0_and_at_most_that_of_the_rack(length, tmp_path):
    graph = small()
    graph.edges["x", "z"]["length_m"] = length
    refused(graph, tmp_path / "rack.json",
            f"link x - z: length_m = {length!r}: must be more than 0 and at most "
            "rack.fibre_m = 8")
    graph.edges["x", "z"]["length_m"] = 8
    build(graph, tmp_path / "rack.json")


@pytest.mark.parametrize("radix", [8, 64])
def test_a_switch_has_at_most_radix_links(radix, tmp_path):
    star = nx.star_graph(radix)
    nx.set_node_attributes(star, {k: "gpu" if k else "switch" for k in star}, "kind")
    build(star, tmp_path / "rack.json", radix, radix=radix)
    star.add_node(radix + 1, kind="gpu")
    star.add_edge(0, radix + 1)
    refused(star, tmp_path / "rack.json",
            f"node 0: {radix + 1} links: must be at most rack.radix = {radix}",
            endpoints=radix + 1, radix=radix)


def test_two_nodes_of_one_name_are_refused(tmp_path):
    graph = small()
    graph.add_node(1, kind="switch")
    graph.add_node("1", kind="switch")
    refused(graph, tmp_path / "rack.json", "node 1: two nodes have this name")


@pytest.mark.parametrize(("name", "text"), [
    ("rack.json", "{"), ("rack.json", "[]"), ("rack.json", "{}"), ("rack.json", '{"nodes": 3}'),
    ("rack.json", '{"nodes": [{"id": "a"}], "links": [{"source": "a"}]}'),
    ("rack.json", '{"nodes": [{"kind": "gpu"}, {"id": ["a", {}]}], "links": []}'),
    ("rack.graphml", "<graphml>"), ("rack.graphml", ""), ("rack.graphml", "<a/>"),
    ("rack.json", b"\xff\xfe\x00"), ("rack.graphml", b"\xff\xfe\x00")])
def test_a_file_that_is_no_graph_is_one_line(name, text, tmp_path):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=f"{name}: not a graph in") as caught:
        rack(network("file", 2, file=str(path)))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_of_another_kind_is_one_line(tmp_path):
    for name in ("none.json", "none.graphml"):
        with pytest.raises(ConfigError, match=f"{name}: cannot be read: No such file"):
            rack(network("file", 2, file=str(tmp_path / name)))
    with pytest.raises(ConfigError, match=r"rack.file = .*rack.gml': must be a .json"):
        rack(network("file", 2, file=str(tmp_path / "rack.gml")))


def test_too_few_vcs_for_the_classes_of_a_file_are_refused(tmp_path):
    graph = nx.cycle_graph(5)
    graph = nx.relabel_nodes(graph, {k: f"s{k}" for k in graph})
    nx.set_node_attributes(graph, "switch", "kind")
    for k in range(5):
        graph.add_node(f"g{k}", kind="gpu")
        graph.add_edge(f"g{k}", f"s{k}")
    path = tmp_path / "ring.json"
    assert build(graph, path, 5, vcs=2).classes == 2
    refused(graph, path, "chiplet.vcs = 1: shortest paths in the topology",
            "free of deadlock with at least 2", endpoints=5, vcs=1)
