"""Routers in the place of a topology's switches."""

from __future__ import annotations

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.rack.topology import rack

from .state import IDLE, NOWHERE, Wiring

TOPOLOGIES = ("direct", "clos2")


def make_wiring(cfg) -> Wiring:
    """The wiring of `cfg.rack`, with nearest-common-ancestor routing.

    Down, and in a single switch, a destination has one output, that of the rack's own tables; up,
    in a clos2, each packet takes any of its leaf's uplinks.

    Raises
    ------
    ConfigError
        When the topology is not one of `TOPOLOGIES`.
    """
    if cfg.rack.topology not in TOPOLOGIES:
        raise ConfigError(f"config {cfg.name}: rack.topology = {cfg.rack.topology}: the VC router "
                          f"model has {', '.join(TOPOLOGIES)}")
    each = rack(cfg)
    ports, count = each.switch_ports, each.endpoints
    hosts = count * each.endpoint_ports         # ports of endpoints come first
    at, peer = each.ends, each.ends[each.peers]
    switch = at >= hosts
    out = np.full(each.switches * ports, NOWHERE, np.int64)
    inject = np.full(count, NOWHERE, np.int64)
    # Wires into endpoints follow those into switches.
    wire = np.where(peer < hosts, each.switches * ports + peer // each.endpoint_ports,
                    peer - hosts)
    out[at[switch] - hosts] = wire[switch]
    inject[at[~switch] // each.endpoint_ports] = wire[~switch]
    back = np.full(each.switches * ports + count, NOWHERE, np.int64)
    back[wire[switch]] = at[switch] - hosts
    route = np.log2(each.switch_entries.ports.astype(float)).astype(np.int16)
    up = np.zeros((each.switches, 2), np.int16)
    if cfg.rack.topology == "clos2":
        leaves = count // cfg.rack.down
        up[:leaves] = cfg.rack.down, cfg.rack.up
        route[:leaves][route[:leaves] >= cfg.rack.down] = IDLE
    return Wiring(each.switches, ports, count, out, back, inject, route.reshape(-1), up)
