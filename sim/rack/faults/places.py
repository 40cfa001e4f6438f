"""Names of links and nodes in a schedule, as parts of a topology."""

from __future__ import annotations

import numpy as np

from lightloom.config import ConfigError


class Places:
    """Where faults are; link ends are the directions that arrive there."""

    def __init__(self, cfg, topology):
        self._cfg, self.topology = cfg, topology
        self._names = topology.link_names
        self._node, self._port = topology.end_node, topology.end_port

    def node(self, fault, number: int) -> int:
        """Of a fault's `node`."""
        names, kind = self.topology.names, fault.kind
        which = {"switch": names[self.topology.endpoints:], "gpu": names[:self.topology.endpoints]}
        allowed = which.get(kind, names)
        if fault.node not in allowed:
            raise self._error(number, "node", fault.node, f"this rack has {_some(allowed)}")
        return names.index(fault.node)

    def ends_of(self, node: int, ports=None) -> list[int]:
        """Link ends of a node, or of ports of it."""
        own = np.flatnonzero(self._node == node)
        return [int(end) for end in own if ports is None or self._port[end] in ports]

    def at_ports(self, fault, number: int) -> list[int]:
        """Link ends of a fault's `node` and `ports`."""
        node = self.node(fault, number)
        own = self.ends_of(node)
        there = sorted(int(self._port[end]) for end in own)
        for port in fault.ports:
            if port not in there:
                raise self._error(number, "ports", port, f"{fault.node} has fibres at "
                                                         f"{_some(there)}")
        return self.ends_of(node, fault.ports)

    def directions(self, fault, number: int) -> list[int]:
        """Link ends at which a fault's `link` arrives: one of a direction, or both."""
        name, _, which = fault.link.partition(" #")
        forward = name.replace(" - ", " -> ", 1)
        ends = [end for end, own in enumerate(self._names) if own == forward]
        if not ends:
            raise self._error(number, "link", fault.link, f"this rack has {_some(self._names)}")
        if which and not (which.isdecimal() and int(which) < len(ends)) or (
                not which and len(ends) > 1):
            raise self._error(number, "link", fault.link,
                              f"there are {len(ends)}: say which by \" #0\" to "
                              f"\" #{len(ends) - 1}\"")
        end = ends[int(which or 0)]
        return [end] if name == forward else [end, int(self.topology.peers[end])]

    def lanes(self, fault, number: int) -> tuple[int, ...]:
        """A fault's lanes; all, if none are given."""
        count = self._cfg.serdes.lanes
        for lane in fault.lanes or ():
            if lane >= count:
                raise self._error(number, "lanes", lane, f"a port has lanes 0 to {count - 1}")
        return tuple(range(count)) if fault.lanes is None else fault.lanes

    def _error(self, number, field, value, allowed):
        return ConfigError(f"faults: fault.{number}.{field} = {value!r}: {allowed}")


def _some(values) -> str:
    values = [str(value) for value in values]
    return ", ".join(values if len(values) < 8 else [*values[:3], "...", values[-1]])
