"""Nodes, channels and routes of an output-queued network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.config import ConfigError
from lightloom.config.derived import FIBRE_NS_PER_M, STAGES

FS_PER_NS = 1_000_000
"""Times inside the model are whole femtoseconds: sums are exact, in any order."""

FLOW, PACKET, SHORTEST = range(3)
"""How a packet chooses among equal channels: by a hash of source and destination, by a hash of
the packet too, or the channel that will be clear first."""

SPREADS = ("flow", "packet", "shortest")


class Network(NamedTuple):
    """E endpoints, then switches; a channel is one direction of a link, with its queue before it.

    `first[n]`..`first[n + 1]` are the channels that leave node n, in the order of its ports.
    Node n sends a packet for endpoint d to one of the ports `ports[ptr[g]:ptr[g + 1]]`, with
    g = `groups[row[n], d]`.
    """

    endpoints: int
    spread: int              # FLOW, PACKET or SHORTEST
    vcs: int                 # 0: FIFO outputs; else round robin over so many VCs
    first: np.ndarray        # int64[nodes + 1]
    into: np.ndarray         # int32[channels]: node at its end
    fs_per_byte: np.ndarray  # float64[channels]
    flight: np.ndarray       # int64[channels]: fs
    delay: np.ndarray        # int64[nodes]: fs from a node's input to its output queue
    cut: np.ndarray          # int64[nodes]: bytes that must be in before they may leave; 0: all
    row: np.ndarray          # int32[nodes]
    groups: np.ndarray       # int32[rows, E]
    ptr: np.ndarray          # int64[groups + 1]
    ports: np.ndarray        # int32


class Builder:
    """Collects nodes, links and routes; :meth:`network` checks and freezes them.

    Parameters
    ----------
    endpoints : int
        2 to 4,096; they are nodes 0 to `endpoints` - 1.
    spread : str
        "flow", "packet" or "shortest".
    vcs : int
        0 for FIFO outputs, else VCs served by round robin, up to 64.
    """

    def __init__(self, endpoints: int, *, spread: str = "shortest", vcs: int = 0):
        _require(2 <= endpoints <= 4096, "endpoints", endpoints, "must be 2 to 4096")
        _require(spread in SPREADS, "spread", spread, f"must be one of {', '.join(SPREADS)}")
        _require(0 <= vcs <= 64, "vcs", vcs, "must be 0 (FIFO) to 64")
        self._endpoints, self._spread, self._vcs = endpoints, SPREADS.index(spread), vcs
        self._delay, self._cut = [0.0] * endpoints, [0] * endpoints
        self._out = [[] for _ in range(endpoints)]
        self._rows, self._row = [], [-1] * endpoints
        self._groups: dict[tuple[int, ...], int] = {}

    def switch(self, delay_ns: float = 0.0, *, cut_bytes: int = 0) -> int:
        """Add a switch; its node number.

        Parameters
        ----------
        delay_ns : float
            From its input to its output queue.
        cut_bytes : int
            Cut-through: a packet may leave when so many bytes of it are in, never faster than
            the rest comes. 0: store and forward.
        """
        _require(delay_ns >= 0, "delay_ns", delay_ns, "must be at least 0")
        _require(cut_bytes >= 0, "cut_bytes", cut_bytes, "must be at least 0")
        self._delay.append(delay_ns)
        self._cut.append(cut_bytes)
        self._out.append([])
        self._row.append(-1)
        return len(self._out) - 1

    def channel(self, node: int, into: int, rate: float, flight_ns: float) -> int:
        """Add a channel of `rate` bytes/ns from `node` to `into`; its port at `node`."""
        for field, value in (("node", node), ("into", into)):
            _require(0 <= value < len(self._out), field, value,
                     f"must be a node, 0 to {len(self._out) - 1}")
        _require(rate > 0, "rate", rate, "must be more than 0 bytes/ns")
        _require(flight_ns >= 0, "flight_ns", flight_ns, "must be at least 0")
        self._out[node].append((into, rate, flight_ns))
        return len(self._out[node]) - 1

    def link(self, node: int, other: int, rate: float, flight_ns: float) -> tuple[int, int]:
        """Add a channel each way; the ports at `node` and at `other`."""
        return (self.channel(node, other, rate, flight_ns),
                self.channel(other, node, rate, flight_ns))

    def routes(self, nodes, ports) -> None:
        """Give `nodes` the same routes: for each endpoint, the ports that it may leave by."""
        _require(len(ports) == self._endpoints, "routes", len(ports),
                 f"must name ports for each of {self._endpoints} endpoints")
        for each in ports:
            _require(len(each) and min(each) >= 0, "routes", each, "must be ports, at least one")
        self._rows.append([self._group(tuple(each)) for each in ports])
        for node in nodes:
            self._row[node] = len(self._rows) - 1

    def _group(self, ports) -> int:
        return self._groups.setdefault(ports, len(self._groups))

    def network(self) -> Network:
        """The network.

        Raises
        ------
        ConfigError
            When a node has no routes, or a route names a port that its node does not have.
        """
        groups = list(self._groups)
        largest = [max(group) for group in groups]
        for node, row in enumerate(self._row):
            _require(row >= 0, "routes", node, "this node has none")
            most = max(largest[g] for d, g in enumerate(self._rows[row]) if d != node)
            _require(most < len(self._out[node]), "routes", most,
                     f"node {node} has ports 0 to {len(self._out[node]) - 1}")
        flat = [each for out in self._out for each in out]
        return Network(
            endpoints=self._endpoints, spread=self._spread, vcs=self._vcs,
            first=np.cumsum([0, *map(len, self._out)]),
            into=np.array([each[0] for each in flat], np.int32),
            fs_per_byte=np.array([FS_PER_NS / each[1] for each in flat]),
            flight=_fs([each[2] for each in flat]), delay=_fs(self._delay),
            cut=np.array(self._cut, np.int64), row=np.array(self._row, np.int32),
            groups=np.array(self._rows, np.int32), ptr=np.cumsum([0, *map(len, groups)]),
            ports=np.array([port for group in groups for port in group], np.int32))


def single_stage(endpoints: int, rate: float, *, flight_ns: float = 0.0, delay_ns: float = 0.0,
                 cut_bytes: int = 0, vcs: int = 0) -> Network:
    """One ideal switch: only packets for the same endpoint meet.

    Parameters
    ----------
    endpoints : int
    rate : float
        Bytes/ns of each channel, each way.
    flight_ns, delay_ns : float
        Of each channel, and of the switch.
    cut_bytes, vcs : int
        As :class:`Builder` has them.
    """
    builder = Builder(endpoints, vcs=vcs)
    centre = builder.switch(delay_ns, cut_bytes=cut_bytes)
    for endpoint in range(endpoints):
        builder.link(endpoint, centre, rate, flight_ns)
    builder.routes(range(endpoints), [(0,)] * endpoints)
    builder.routes([centre], [(endpoint,) for endpoint in range(endpoints)])
    return builder.network()


def ideal(cfg) -> Network:
    """The bound of one plane of a rack: its endpoints on one ideal switch of any size.

    Links carry and delay what the rack's do (docs/rack.md, Closed forms), a flit at a time:
    a single flit in an idle rack takes as long as in a rack model of one switch.
    """
    cycle = 1000 / cfg.chiplet.core_mhz
    rate, flight = cfg.chiplet.flit_bytes / cycle, cfg.rack.fibre_m * FIBRE_NS_PER_M
    if cfg.rack.links == "optical":
        # An optical port's goodput; a link's 21 + n + d cycles, of which sending a flit is one.
        serdes, frame = cfg.serdes, cfg.link.frame_flits
        rate *= (min(1.0, serdes.lanes * cfg.derived.lane_bits / (66 * cfg.derived.blocks))
                 * serdes.marker_period / (serdes.marker_period + 1) * frame / (frame + 1))
        flight = (21 + cfg.derived.fibre_cycles) * cycle
    return single_stage(cfg.rack.endpoints, rate, flight_ns=flight,
                        delay_ns=STAGES.xbar * cycle, cut_bytes=cfg.chiplet.flit_bytes)


def _fs(ns) -> np.ndarray:
    return np.round(np.asarray(ns) * FS_PER_NS).astype(np.int64)


def _require(ok: bool, field: str, value, allowed: str) -> None:
    if not ok:
        raise ConfigError(f"network: {field} = {value!r}: {allowed}")
