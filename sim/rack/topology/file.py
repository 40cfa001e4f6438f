"""A topology that the user describes in a file (docs/topologies.md)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np

from lightloom.config import ConfigError

from .layers import layered
from .plane import Plane
from .shortest import shortest_sets

KINDS = "gpu", "switch"


def from_file(cfg) -> Plane:
    """The plane of `cfg.rack.file`, routed on shortest paths.

    Raises
    ------
    ConfigError
        With one line that names the file, the node or link and its field, the value and what is
        allowed.
    """
    path = cfg.rack.file
    graph = read_graph(path)
    gpus, switches = _checked_nodes(cfg, path, graph)
    number = {node: k for k, node in enumerate(switches)}
    links, lengths, exits, exit_m = [], [], {}, {}
    used = dict.fromkeys(switches, 0)

    def end(node):
        used[node] += 1
        return number[node], used[node] - 1

    for a, b, length in _links(cfg, path, graph):
        if graph.nodes[a]["kind"] == "gpu":
            a, b = b, a
        if b in number:
            links.append((*end(a), *end(b)))
            lengths.append(length)
        else:
            exits[b], exit_m[b] = end(a), length
    home, exit_ports = np.array([exits[gpu] for gpu in gpus]).T
    plane = Plane(
        radix=cfg.rack.radix, endpoints=tuple(map(str, gpus)), switches=tuple(map(str, switches)),
        home=home.astype(np.int32), exit=exit_ports,
        fibres=np.array(links, np.int64).reshape(-1, 4),
        exit_m=np.array([exit_m[gpu] for gpu in gpus], float), fibre_m=np.array(lengths, float),
        sets=np.zeros((len(switches), len(gpus)), np.uint64),
        class_of=np.zeros((len(switches),) * 2, np.uint8))
    plane = plane._replace(sets=shortest_sets(plane, cfg.rack.routing == "ecmp"))
    return plane if cfg.rack.routing == "ecmp" else layered(cfg, plane)


def read_graph(path: str):
    """The graph in a file, undirected."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".graphml"):
        raise ConfigError(f"rack.file = {path!r}: must be a .json (node-link) or .graphml file")
    try:
        if suffix == ".graphml":
            graph = nx.read_graphml(path)
        else:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            graph = nx.node_link_graph(data, edges="links" if "links" in data else "edges")
    except OSError as error:
        raise ConfigError(f"topology {path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, ParseError,
            nx.NetworkXException) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"topology {path}: not a graph in "
                          f"{'GraphML' if suffix == '.graphml' else 'node-link JSON'}: "
                          f"{type(error).__name__}: {what}") from None
    if graph.is_directed():
        raise ConfigError(f"topology {path}: directed = True: must be an undirected graph")
    return graph


def _checked_nodes(cfg, path, graph):
    """Endpoints and switches, each in the order of the file."""
    names = {}
    for node, kind in graph.nodes(data="kind"):
        if kind not in KINDS:
            raise ConfigError(f"topology {path}: node {node}: kind = {kind!r}: must be 'gpu' or "
                              "'switch'")
        if names.setdefault(str(node), node) is not node:
            raise ConfigError(f"topology {path}: node {node}: two nodes have this name: must be "
                              "one")
    gpus, switches = ([node for node, kind in graph.nodes(data="kind") if kind == each]
                      for each in KINDS)
    if len(gpus) != cfg.rack.endpoints:
        raise ConfigError(f"topology {path}: {len(gpus)} nodes of kind 'gpu': must be "
                          f"rack.endpoints = {cfg.rack.endpoints}")
    for node in gpus:
        if graph.degree(node) != 1:
            raise ConfigError(f"topology {path}: node {node}: {graph.degree(node)} links: an "
                              "endpoint must have 1 in a plane")
    for node in switches:
        if graph.degree(node) > cfg.rack.radix:
            raise ConfigError(f"topology {path}: node {node}: {graph.degree(node)} links: must be "
                              f"at most rack.radix = {cfg.rack.radix}")
    parts = list(nx.connected_components(graph))
    if len(parts) > 1:
        first, second = (next(iter(sorted(map(str, part)))) for part in parts[:2])
        raise ConfigError(f"topology {path}: nodes {first} and {second}: no way from one to the "
                          "other: all must be connected")
    return gpus, switches


def _links(cfg, path, graph):
    """(node, node, length) of each link, in the order of the file."""
    for a, b, data in graph.edges(data=True):
        what = f"topology {path}: link {a} - {b}"
        if a == b:
            raise ConfigError(f"{what}: joins a node to itself: must join two")
        if graph.nodes[a]["kind"] == graph.nodes[b]["kind"] == "gpu":
            raise ConfigError(f"{what}: joins two endpoints: must have a switch at one end")
        length = data.get("length_m", cfg.rack.fibre_m)
        if (isinstance(length, bool) or not isinstance(length, int | float)
                or not math.isfinite(length) or not 0 < length <= cfg.rack.fibre_m):
            raise ConfigError(f"{what}: length_m = {length!r}: must be more than 0 and at most "
                              f"rack.fibre_m = {cfg.rack.fibre_m:g}")
        yield a, b, float(length)
