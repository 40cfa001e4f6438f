"""What a fabric is made of: nodes, ports, links and entries of all planes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lightloom.sim.xbar import Entries

from .source import SourceRoutes

NOBODY = -1
"""No link end: a port to a host, or without a fibre."""


@dataclass(frozen=True)
class Topology:
    """E endpoints of `endpoint_ports` ports, the first `hosts` to the host, then S switches.

    Ports of all nodes are numbered through: port p of endpoint e is e * `endpoint_ports` + p, and
    port p of switch s is E * `endpoint_ports` + s * `switch_ports` + p. Of P planes plane p has
    switches p * S / P onwards, and port `hosts` + p of each endpoint.
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
    length_m: np.ndarray        # float[link ends]: of the fibre
    names: tuple[str, ...]      # of the nodes, endpoints first
    routes: SourceRoutes        # routes and VCs that the sources of packets choose
    planes: int = 1

    @property
    def ports(self) -> int:
        """Ports of all nodes."""
        return self.endpoints * self.endpoint_ports + self.switches * self.switch_ports

    @property
    def classes(self) -> int:
        """Into how many classes the VCs are divided."""
        return int(self.routes.classes)

    def table_vcs(self, src, dst, vc) -> np.ndarray:
        """VCs int64[packets] of packets that ask for VC `vc` and follow the tables of the switches.
        """
        routes = self.routes
        classes = routes.class_of[routes.home[src], routes.home[dst]].astype(np.int64)
        return classes * routes.share + np.asarray(vc, np.int64) % routes.share

    def node(self, port: int) -> int:
        """Node of a port; switches follow the endpoints."""
        switch = port - self.endpoints * self.endpoint_ports
        return (port // self.endpoint_ports if switch < 0
                else self.endpoints + switch // self.switch_ports)

    @cached_property
    def end_node(self) -> np.ndarray:
        """int64[link ends]: the node that each end is at."""
        switch = self.ends - self.endpoints * self.endpoint_ports
        return np.where(switch < 0, self.ends // self.endpoint_ports,
                        self.endpoints + switch // self.switch_ports)

    @cached_property
    def end_port(self) -> np.ndarray:
        """int64[link ends]: the port of that node."""
        switch = self.ends - self.endpoints * self.endpoint_ports
        return np.where(switch < 0, self.ends % self.endpoint_ports, switch % self.switch_ports)

    @cached_property
    def end_at(self) -> np.ndarray:
        """int64[ports of all nodes]: the link end at each port, or NOBODY."""
        ends = np.full(self.ports, NOBODY)
        ends[self.ends] = np.arange(self.ends.size)
        return ends

    @property
    def link_names(self) -> list[str]:
        """Of each link end, the direction that arrives there, as "gpu 17 -> leaf 0"."""
        nodes = [self.names[node] for node in self.end_node]
        return [f"{nodes[peer]} -> {node}" for node, peer in zip(nodes, self.peers, strict=True)]
