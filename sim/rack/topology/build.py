"""From a configuration to a :class:`.topology.Topology`."""

from __future__ import annotations

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.xbar import ONE, SOURCE, Entries, make_entries

from . import clos, grid
from .channels import require_no_cycle
from .file import from_file
from .plane import SWITCH, Plane
from .source import TABLES, make_routes, make_table_routes
from .topology import Topology

_MAKERS = {"direct": clos.direct, "clos2": clos.clos2, "butterfly": grid.butterfly,
           "torus": grid.torus, "mesh": grid.mesh, "file": from_file}


def rack(cfg) -> Topology:
    """The planes of the rack that `cfg.rack` describes (docs/topologies.md).

    Raises
    ------
    ConfigError
        When an endpoint has no port to its host, or to the rack; when the file of a topology
        cannot be used; when packets could wait for each other in a circle.
    """
    _require_ports(cfg, "a rack")
    plane = plane_of(cfg)
    routes = make_routes(cfg, plane)
    require_no_cycle(cfg, plane, routes)
    return assemble(cfg, plane, routes)


def direct(cfg) -> Topology:
    """One switch, whatever `cfg.rack.topology` says."""
    plane = clos.direct(cfg)
    return assemble(cfg, plane, make_table_routes(cfg, plane))


def clos2(cfg) -> Topology:
    """Folded Clos with entries in its switches, whatever `cfg.rack.topology` says."""
    plane = clos.clos2(cfg)
    return assemble(cfg, plane, make_table_routes(cfg, plane))


def plane_of(cfg) -> Plane:
    """One plane of the rack."""
    return _MAKERS[cfg.rack.topology](cfg)


def assemble(cfg, plane: Plane, routes) -> Topology:
    """Endpoints and so many copies of a plane."""
    count, each, planes, hosts = len(plane.home), len(plane.switches), cfg.rack.planes, \
        cfg.chiplet.host_ports
    ports = hosts + planes
    sets = np.full((count, count), (1 << planes) - 1 << hosts, np.uint64)
    np.fill_diagonal(sets, (1 << hosts) - 1)
    ends = []
    for p in range(planes):
        first = count * ports + p * each * plane.radix
        # The two ends of a fibre follow one another.
        ends.append(np.stack([first + plane.home * plane.radix + plane.exit,
                              np.arange(count) * ports + hosts + p], axis=1))
        ends.append(np.stack([first + plane.fibres[:, s] * plane.radix + plane.fibres[:, port]
                              for s, port in SWITCH], axis=1))
    ends = np.concatenate(ends).reshape(-1).astype(np.int64)
    names = (f"plane {p} {name}" if planes > 1 else name
             for p in range(planes) for name in plane.switches)
    kind = ONE if routes.mode == TABLES else SOURCE
    return Topology(
        endpoints=count, endpoint_ports=ports, hosts=hosts, switches=planes * each,
        switch_ports=plane.radix, endpoint_entries=_entries(ONE, sets),
        switch_entries=_entries(kind, np.tile(plane.sets, (planes, 1))), ends=ends,
        peers=np.arange(ends.size) ^ 1,
        length_m=np.tile(np.repeat([*plane.exit_m, *plane.fibre_m], 2), planes),
        names=(*plane.endpoints, *names), routes=routes, planes=planes)


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
        length_m=np.full(2 * optical.size, cfg.rack.fibre_m),
        names=("chiplet 0", "chiplet 1"), routes=make_table_routes(cfg), planes=optical.size)


def _require_ports(cfg, what: str) -> None:
    for field in ("host_ports", "optical_ports"):
        if not getattr(cfg.chiplet, field):
            raise ConfigError(f"config {cfg.name}: chiplet.{field} = 0: must be at least 1 "
                              f"for {what}")


def _entries(kind, sets) -> Entries:
    """Entries of one kind."""
    return Entries(np.full(sets.shape, kind, np.uint8), sets)
