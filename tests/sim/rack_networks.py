"""Racks of all topologies, and walks along their routes that know nothing of how they were made."""

import networkx as nx
import numpy as np

from lightloom import config
from lightloom.sim.xbar import ONE

SIM = config.load("sim")


def network(topology, endpoints, radix=16, routing="minimal", vcs=2, **fields):
    """`sim` with another rack; `fields` are of `rack`."""
    source = routing in ("valiant", "ugal")
    return config.override(
        SIM, rack__topology=topology, rack__endpoints=endpoints, rack__radix=radix,
        rack__routing=routing, chiplet__vcs=vcs, link__frame_flits=8,
        xbar__source_routing=source, xbar__ecmp="occupancy" if routing == "ugal" else "hash",
        **{f"rack__{name}": value for name, value in fields.items()})


def fibres(topology):
    """The multigraph of nodes; `port` of an edge is a dict, node to its port there."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(len(topology.names)))
    for end, peer in enumerate(topology.peers.tolist()):
        if end < peer:
            a, b = (topology.node(int(topology.ends[k])) for k in (end, peer))
            graph.add_edge(a, b, port={a: int(topology.ends[end]), b: int(topology.ends[peer])})
    return graph


def shortest_hops(topology):
    """[E, E]: switches on a shortest path, by NetworkX; 0 to itself."""
    lengths = dict(nx.all_pairs_shortest_path_length(nx.Graph(fibres(topology))))
    each = range(topology.endpoints)
    return np.array([[max(lengths[s][d] - 1, 0) for d in each] for s in each])


def across(topology):
    """[ports]: port at the far end of its fibre, or -1."""
    far = np.full(topology.ports, -1)
    far[topology.ends] = topology.ends[topology.peers]
    return far


def some_member(rng, sets):
    """A member of each set, drawn at random."""
    members = sets[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    assert (sets != 0).all()
    return np.argmax(rng.random(members.shape) * members, axis=1)


def walk(topology, rng, record=None):
    """Follow tables for all pairs, drawing from sets: switches passed, after reaching `dst`.

    `record(src, dst, port)` is shown the output ports of switches taken by so many packets.
    """
    count, size, radix = topology.endpoints, topology.endpoint_ports, topology.switch_ports
    first, far = count * size, across(topology)
    src, dst = (axis.reshape(-1) for axis in np.indices((count, count)))
    src, dst = src[src != dst], dst[src != dst]
    hops, going = np.zeros((count, count), int), np.arange(src.size)
    assert (topology.endpoint_entries.kind == ONE).all()
    assert (topology.switch_entries.kind == ONE).all()
    out = src * size + some_member(rng, topology.endpoint_entries.ports[src, dst])
    while going.size:
        port = far[out]
        assert (port >= 0).all(), "a packet leaves by a port without a fibre"
        arrived = port < first
        assert (port[arrived] // size == dst[going[arrived]]).all()
        going, port = going[~arrived], port[~arrived]
        switch = (port - first) // radix
        np.add.at(hops, (src[going], dst[going]), 1)
        assert hops.max() < topology.switches + 1, "a packet goes round for ever"
        out = first + switch * radix + some_member(
            rng, topology.switch_entries.ports[switch, dst[going]])
        if record is not None:
            record(src[going], dst[going], out)
    return hops


def loads(topology, rng):
    """[ports]: packets that leave by each port of a switch when all send one to all others."""
    taken = np.zeros(topology.ports, int)
    walk(topology, rng, lambda src, dst, port: np.add.at(taken, port, 1))
    return taken


def between_switches(topology):
    """bool[ports]: of switches, to switches."""
    first = topology.endpoints * topology.endpoint_ports
    far = across(topology)
    return (np.arange(topology.ports) >= first) & (far >= first)
