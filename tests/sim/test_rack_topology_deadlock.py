"""Channel dependency graphs: what is refused, and that what is accepted has no circle."""

import networkx as nx
import numpy as np
import pytest
from rack_networks import across, network

from lightloom import config
from lightloom.config import ConfigError
from lightloom.sim.rack.topology import rack
from lightloom.sim.rack.topology.build import plane_of
from lightloom.sim.rack.topology.channels import cycle, table_waits

ACCEPTED = [
    network("direct", 12), network("clos2", 32, radix=8), network("clos2", 32, 8, "ecmp"),
    network("clos2", 12, 8, "ecmp", switch_endpoints=3, uplinks=4, spines=2),
    network("butterfly", 6, dims=(6,), routing="ecmp"), network("butterfly", 12, dims=(3, 4)),
    network("mesh", 24, dims=(4, 6)), network("mesh", 18, dims=(3, 2, 3)),
    network("torus", 7, dims=(7,)), network("torus", 30, dims=(6, 5), vcs=4),
    network("torus", 24, dims=(2, 3, 4), vcs=1), network("torus", 80, dims=(4, 5, 4)),
    network("torus", 5, dims=(5,), routing="ecmp")]


def dependencies(topology):
    """Of (port out of a switch, class), by following all pairs through all members of sets."""
    count, radix = topology.endpoints, topology.switch_ports
    first, far, graph = count * topology.endpoint_ports, across(topology), nx.DiGraph()
    routes, tables = topology.routes, topology.switch_entries.ports.tolist()
    members = lambda s, dst: [first + s * radix + p for p in range(radix)
                              if tables[s][dst] >> p & 1]
    for src in range(count):
        for dst in range(count):
            k = int(routes.class_of[routes.home[src], routes.home[dst]])
            heads = [(None, int(routes.home[src]))] if src != dst else []
            while heads:
                came, s = heads.pop()
                for port in members(s, dst):
                    if came is not None:
                        graph.add_edge((came, k), (port, k))
                    if far[port] >= first:
                        heads.append((port, (far[port] - first) // radix))
    return graph


@pytest.mark.parametrize("cfg", ACCEPTED, ids=lambda cfg: f"{cfg.rack.topology}-"
                         f"{'x'.join(map(str, cfg.rack.dims)) or cfg.rack.endpoints}-"
                         f"{cfg.rack.routing}")
def test_what_is_accepted_has_no_circle(cfg):
    graph = dependencies(rack(cfg))
    assert nx.is_directed_acyclic_graph(graph)
    assert graph.number_of_edges() or cfg.rack.topology == "direct"


@pytest.mark.parametrize(("kind", "dims"), [("torus", (4, 4)), ("torus", (6,)), ("mesh", (2, 2)),
                                            ("mesh", (3, 2, 2)), ("butterfly", (2, 3))])
def test_fully_adaptive_routing_is_refused_and_the_error_names_a_real_circle(kind, dims):
    cfg = network(kind, int(np.prod(dims)), vcs=8, dims=dims, routing="ecmp")
    with pytest.raises(ConfigError) as caught:
        rack(cfg)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("config sim: rack.routing = 'ecmp': packets could wait for each "
                              "other for ever: ")
    channels = message.split("for ever: ")[1].split(": must be")[0].split(", ")
    plane = plane_of(cfg)
    number = {name: k for k, name in enumerate(plane.switches)}
    hops = [[end.split(" (")[0] for end in each.split(" -> ")] for each in channels]
    assert len(hops) >= 2
    for (a, b), (c, _) in zip(hops, hops[1:] + hops[:1], strict=True):
        assert b == c and number[b] in plane.heads[number[a]]


@pytest.mark.parametrize("dims", [(5,), (6, 2), (6, 5)])
def test_a_torus_in_one_class_is_a_circle_and_with_a_class_too_few_refused(dims):
    vcs = 2 ** sum(size > 4 for size in dims)
    cfg = network("torus", int(np.prod(dims)), vcs=vcs, dims=dims)
    plane = plane_of(cfg)
    assert cycle(plane, table_waits(plane, vcs)) == []
    flat = plane._replace(class_of=np.zeros_like(plane.class_of))
    found = cycle(flat, table_waits(flat, 1))
    # All the way around one ring.
    assert len(found) in dims and found[0].split(" -> ")[0] == found[-1].split(" -> ")[1]
    with pytest.raises(ConfigError, match=rf"chiplet.vcs = {vcs - 1}: .* at least {vcs}$"):
        network("torus", int(np.prod(dims)), vcs=vcs - 1, dims=dims)


def test_rings_of_up_to_four_need_no_classes():
    assert rack(network("torus", 24, vcs=1, dims=(2, 3, 4))).classes == 1
    with pytest.raises(ConfigError, match=r"chiplet.vcs = 1: a torus of dims \(5,\) .* at least 2"):
        network("torus", 5, vcs=1, dims=(5,))


def test_a_rack_of_1024_is_checked_with_all_its_channels():
    plane = plane_of(config.load("sim"))
    waits = table_waits(plane, 1)
    leaf, port = np.divmod(np.flatnonzero(waits[0]), plane.radix)
    # From each uplink of a leaf down to all other leaves.
    assert leaf.max() == 31 and port.min() == 32 and leaf.size == 32 * 32
    assert (np.bitwise_count(waits[0][waits[0] != 0]) == 31).all()
    assert cycle(plane, waits) == []
