"""Nodes, links and routes of a rack or a pair of chiplets (docs/rack.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.xbar import ONE, Entries, make_entries


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
    endpoint_entries: Entries   # [E, destinations]: a table for all inputs of an endpoint
    switch_entries: Entries     # [S, destinations]
    ends: np.ndarray            # int64[link ends]: port that the end belongs to
    peers: np.ndarray           # int64[link ends]: end at the far side of the fibre
    names: tuple[str, ...]      # of the nodes, endpoints first

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
    """One plane of the rack that `cfg.rack` describes.

    Raises
    ------
    ConfigError
        When an endpoint has no port to its host, or to the rack.
    """
    _require_ports(cfg, "a rack")
    return {"direct": direct, "clos2": clos2}[cfg.rack.topology](cfg)


def direct(cfg) -> Topology:
    """One switch, endpoint e on its port e."""
    count, radix = cfg.rack.endpoints, cfg.rack.radix
    return _joined(cfg, np.arange(count)[None], radix, ["switch 0"],
                   [((0, e), (-1, e)) for e in range(count)])


def clos2(cfg) -> Topology:
    """Two-level folded Clos; upward routes are D-mod-k."""
    each = cfg.rack
    count, down, up, spines = each.endpoints, each.down, each.up, each.spine_count
    leaves, dst, trunk = count // down, np.arange(count), up // spines
    # Fibre u of a leaf goes to spine u mod `spines`, which has `trunk` ports for each leaf.
    leaf_ports = [np.where(dst // down == leaf, dst % down, down + dst % up)
                  for leaf in range(leaves)]
    spine_ports = dst // down * trunk + dst % up // spines
    ports = np.stack([*leaf_ports, *[spine_ports] * spines])
    fibres = [((e // down, e % down), (-1, e)) for e in range(count)]
    fibres += [((leaf, down + u), (leaves + u % spines, leaf * trunk + u // spines))
               for leaf in range(leaves) for u in range(up)]
    names = [f"leaf {k}" for k in range(leaves)] + [f"spine {k}" for k in range(spines)]
    return _joined(cfg, ports, each.radix, names, fibres)


def pair(cfg, routes) -> Topology:
    """Two chiplets, optical port p joined to port p.

    Parameters
    ----------
    routes : [2] sequences of (kind, set of ports)
        Entry of each destination; a shorter table has none for the rest.

    Raises
    ------
    ConfigError
        When a chiplet has no port to its host, or to the other.
    """
    _require_ports(cfg, "a pair of chiplets")
    ports, hosts = cfg.derived.ports, cfg.chiplet.host_ports
    optical = np.arange(hosts, ports)
    return Topology(
        endpoints=2, endpoint_ports=ports, hosts=hosts, switches=0, switch_ports=1,
        endpoint_entries=make_entries(routes), switch_entries=make_entries([]),
        ends=np.concatenate([optical, ports + optical]),
        peers=np.roll(np.arange(2 * optical.size), optical.size),
        names=("chiplet 0", "chiplet 1"))


def _require_ports(cfg, what: str) -> None:
    for field in ("host_ports", "optical_ports"):
        if not getattr(cfg.chiplet, field):
            raise ConfigError(f"config {cfg.name}: chiplet.{field} = 0: must be at least 1 "
                              f"for {what}")


def _one(sets) -> Entries:
    """Entries of kind ONE."""
    return Entries(np.full(sets.shape, ONE, np.uint8), sets)


def _joined(cfg, switch_ports, radix, switch_names, fibres) -> Topology:
    """Endpoints with one optical port each, and switches.

    `switch_ports` int[S, destinations]: the port that a switch sends each destination to.
    A fibre joins (node, port) to (node, port), each a switch and its port, or -1 and an endpoint.
    Its two ends follow one another.
    """
    count, hosts = cfg.rack.endpoints, cfg.chiplet.host_ports
    ports = hosts + 1
    sets = np.full((count, count), 1 << hosts, np.uint64)
    np.fill_diagonal(sets, (1 << hosts) - 1)
    ends = [port * ports + hosts if node < 0 else count * ports + node * radix + port
            for fibre in fibres for node, port in fibre]
    return Topology(
        endpoints=count, endpoint_ports=ports, hosts=hosts, switches=len(switch_names),
        switch_ports=radix, endpoint_entries=_one(sets),
        switch_entries=_one(np.uint64(1) << switch_ports.astype(np.uint64)),
        ends=np.array(ends, np.int64), peers=np.arange(len(ends)) ^ 1,
        names=(*(f"gpu {e}" for e in range(count)), *switch_names))
