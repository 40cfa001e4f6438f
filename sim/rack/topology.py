"""Nodes, links and routes of a rack or a pair of chiplets (docs/rack.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_ROUTE = (0, 0, 0)


@dataclass(frozen=True)
class Topology:
    """E endpoints of `endpoint_ports` ports, the first `hosts` to the host, then S switches.

    Ports of all nodes are numbered through: port p of endpoint e is e * `endpoint_ports` + p, and
    port p of switch s is E * `endpoint_ports` + s * `switch_ports` + p.
    """

    endpoints: int
    endpoint_ports: int
    hosts: int
    switches: int
    switch_ports: int
    endpoint_routes: np.ndarray   # int16[E, destinations, 3]: valid, port, spread
    switch_routes: np.ndarray     # int16[S, destinations, 3]
    ends: np.ndarray              # int64[link ends]: port that the end belongs to
    peers: np.ndarray             # int64[link ends]: end at the far side of the fibre
    names: tuple[str, ...]        # of the nodes, endpoints first

    @property
    def ports(self) -> int:
        """Ports of all nodes."""
        return self.endpoints * self.endpoint_ports + self.switches * self.switch_ports

    def node(self, port: int) -> int:
        """Node of a port; switches follow the endpoints."""
        switch = port - self.endpoints * self.endpoint_ports
        return (port // self.endpoint_ports if switch < 0
                else self.endpoints + switch // self.switch_ports)

    @property
    def link_names(self) -> list[str]:
        """Of each link end, the direction that arrives there, as "gpu 17 -> leaf 0"."""
        nodes = [self.names[self.node(port)] for port in self.ends]
        return [f"{nodes[peer]} -> {node}" for node, peer in zip(nodes, self.peers, strict=True)]


def rack(cfg) -> Topology:
    """One plane of the rack that `cfg.rack` describes."""
    return {"direct": direct, "clos2": clos2}[cfg.rack.topology](cfg)


def direct(cfg) -> Topology:
    """One switch, endpoint e on its port e."""
    count, radix = cfg.rack.endpoints, cfg.rack.radix
    return _joined(cfg, _straight(np.arange(count))[None], radix, ["switch 0"],
                   [((0, e), (-1, e)) for e in range(count)])


def clos2(cfg) -> Topology:
    """Two-level folded Clos; upward routes are D-mod-k."""
    count, radix = cfg.rack.endpoints, cfg.rack.radix
    down = radix // 2
    leaves, dst = count // down, np.arange(count)
    leaf_ports = [np.where(dst // down == leaf, dst % down, down + dst % down)
                  for leaf in range(leaves)]
    routes = np.stack([*map(_straight, leaf_ports), *[_straight(dst // down)] * down])
    fibres = [((e // down, e % down), (-1, e)) for e in range(count)]
    fibres += [((leaf, down + spine), (leaves + spine, leaf))
               for leaf in range(leaves) for spine in range(down)]
    names = [f"leaf {k}" for k in range(leaves)] + [f"spine {k}" for k in range(down)]
    return _joined(cfg, routes, radix, names, fibres)


def pair(cfg, routes) -> Topology:
    """Two chiplets, optical port p joined to port p.

    Parameters
    ----------
    routes : [2] sequences of (valid, port, spread)
        Of each destination; a shorter table has no route for the rest.
    """
    ports, hosts = cfg.derived.ports, cfg.chiplet.host_ports
    count = max(map(len, routes))
    routes = np.array([[*table, *[NO_ROUTE] * (count - len(table))] for table in routes], np.int16)
    optical = np.arange(hosts, ports)
    return Topology(
        endpoints=2, endpoint_ports=ports, hosts=hosts, switches=0, switch_ports=1,
        endpoint_routes=routes, switch_routes=np.zeros((0, count, 3), np.int16),
        ends=np.concatenate([optical, ports + optical]),
        peers=np.roll(np.arange(2 * optical.size), optical.size),
        names=("chiplet 0", "chiplet 1"))


def _straight(ports):
    """Routes without spread to the port of each destination."""
    return np.stack([np.ones_like(ports), ports, np.zeros_like(ports)], axis=-1)


def _joined(cfg, switch_routes, radix, switch_names, fibres) -> Topology:
    """Endpoints with one optical port each, and switches.

    A fibre joins (node, port) to (node, port), each a switch and its port, or -1 and an endpoint.
    Its two ends follow one another.
    """
    count, hosts = cfg.rack.endpoints, cfg.chiplet.host_ports
    ports = hosts + 1
    routes = np.broadcast_to(np.array([1, hosts, 0], np.int16), (count, count, 3)).copy()
    spread = hosts - 1 if hosts & hosts - 1 == 0 else 0
    routes[np.arange(count), np.arange(count)] = 1, 0, spread
    ends = [port * ports + hosts if node < 0 else count * ports + node * radix + port
            for fibre in fibres for node, port in fibre]
    return Topology(
        endpoints=count, endpoint_ports=ports, hosts=hosts, switches=len(switch_names),
        switch_ports=radix, endpoint_routes=routes,
        switch_routes=np.ascontiguousarray(switch_routes, np.int16),
        ends=np.array(ends, np.int64), peers=np.arange(len(ends)) ^ 1,
        names=(*(f"gpu {e}" for e in range(count)), *switch_names))
