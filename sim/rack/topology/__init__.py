"""Nodes, links and routes of a rack or a pair of chiplets (docs/topologies.md)."""

from .build import assemble, clos2, direct, pair, plane_of, rack
from .source import (
    TABLES,
    UGAL,
    VALIANT,
    SourceRoutes,
    by_tables,
    packet_route,
    route_word,
    vc_of_packet,
)
from .topology import NOBODY, Topology

__all__ = ["NOBODY", "TABLES", "UGAL", "VALIANT", "SourceRoutes", "Topology", "assemble", "clos2",
           "by_tables", "direct", "packet_route", "pair", "plane_of", "rack", "route_word",
           "vc_of_packet"]
