"""Links that messages take through a topology."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lightloom.config import ConfigError
from lightloom.sim.link import flight_cycles
from lightloom.sim.xbar import ONE
from lightloom.sim.xbar.route import flow_hash

MOST_HOPS = 4096
"""A route with more switches goes round in a circle."""

LOST, CIRCLE = -2, -3


class Routes(NamedTuple):
    """Of p pairs: pair k passes `switches[k]` switches (-1: it stays on its chiplet) over links
    `links[ptr[k]:ptr[k + 1]]`, numbered as the topology's `link_names`."""

    ptr: np.ndarray         # int64[p + 1]
    links: np.ndarray       # int32
    switches: np.ndarray    # int32[p]
    flight: np.ndarray      # float64[p]: cycles in fibres


def pairs_of(src, dst) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(sources, destinations) of the distinct pairs, and which of them each message is."""
    pairs, pair = np.unique(src.astype(np.int64) << 32 | dst, return_inverse=True)
    return pairs >> 32, pairs & 0xFFFFFFFF, pair


def find_routes(cfg, topology, src, dst) -> Routes:
    """Walk the tables from each source to its destination.

    Of a set of outputs the crossbar's hash of source and destination takes one (docs/crossbar.md),
    also where the configuration lets it choose by occupancy; with `xbar.ecmp = "lowest"` the
    lowest.

    Raises
    ------
    ConfigError
        When a pair has no route, or the rack's routing is not in the tables.
    """
    if cfg.rack.routing not in ("minimal", "ecmp"):
        raise ConfigError(
            f"config {cfg.name}: rack.routing = {cfg.rack.routing!r}: flows follow the tables of "
            "the rack: must be 'minimal' or 'ecmp'")
    src, dst = (np.ascontiguousarray(each, np.int64) for each in (src, dst))
    entries = [np.ascontiguousarray(each) for table in
               (topology.endpoint_entries, topology.switch_entries)
               for each in (table.kind, table.ports)]
    shape = (topology.endpoints, topology.endpoint_ports, topology.hosts, topology.switch_ports)
    ptr = np.zeros(src.size + 1, np.int64)
    args = (src, dst, *entries, topology.end_at, topology.ends, topology.peers, shape,
            cfg.xbar.ecmp == "lowest")
    empty = np.empty(0, np.int32)
    counts = _walk(*args, ptr, empty)
    for code, what in ((LOST, "no route"), (CIRCLE, "a route that goes round in a circle")):
        if (counts == code).any():
            k = int(np.argmax(counts == code))
            raise ConfigError(f"config {cfg.name}: rack.topology = {cfg.rack.topology!r}: {what} "
                              f"from endpoint {src[k]} to {dst[k]}")
    np.cumsum(counts, out=ptr[1:])
    links = np.empty(ptr[-1], np.int32)
    _walk(*args, ptr, links)
    flight = np.concatenate([[0.0], np.cumsum(flight_cycles(cfg, topology.length_m)[links])])
    return Routes(ptr, links, (counts - 1).astype(np.int32), flight[ptr[1:]] - flight[ptr[:-1]])


def over_links(routes: Routes, amount, link_count: int) -> np.ndarray:
    """Sum over each link of what the pairs that take it have, float64[links]."""
    return np.bincount(routes.links, np.repeat(amount, np.diff(routes.ptr)), link_count)


@njit(cache=True)
def _walk(src, dst, own_kind, own_ports, kind, ports, end_at, ends, peers, shape, lowest, ptr,
          links):
    """Links of each pair, or why it has none; fills `links` if it has room."""
    endpoints, endpoint_ports, hosts, switch_ports = shape
    counts = np.zeros(src.size, np.int64)
    for k in range(src.size):
        node, count = src[k], 0
        while node != dst[k]:
            if node < endpoints:
                which, members = own_kind[node, dst[k]], own_ports[node, dst[k]]
                first = node * endpoint_ports
            else:
                which = kind[node - endpoints, dst[k]]
                members = ports[node - endpoints, dst[k]]
                first = endpoints * endpoint_ports + (node - endpoints) * switch_ports
            end = -1
            if which == ONE and members:
                end = end_at[first + _choose(members, src[k], dst[k], lowest)]
            if end < 0 or count > MOST_HOPS:
                count = LOST if end < 0 else CIRCLE
                break
            far = peers[end]
            if links.size:
                links[ptr[k] + count] = far
            count += 1
            port = ends[far]
            past = port - endpoints * endpoint_ports
            node = port // endpoint_ports if past < 0 else endpoints + past // switch_ports
            if node < endpoints and node != dst[k]:
                count = LOST
                break
        counts[k] = count
    return counts


@njit(cache=True)
def _choose(members, src, dst, lowest):
    """Output of a set, as the crossbar takes it."""
    size = 0
    for port in range(64):
        size += np.int64(members >> np.uint64(port) & np.uint64(1))
    rest = 0 if lowest else flow_hash(src, dst) * size >> 8
    for port in range(64):
        if members >> np.uint64(port) & np.uint64(1):
            if rest == 0:
                return port
            rest -= 1
    return -1
