"""Two chiplets joined by their optical ports, beat by beat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.compiled import loop, step_function
from lightloom.sim.flits import NO_FLIT, NONE, end_of, first_of, tag_of
from lightloom.sim.host import egress_step, ingress_step

from .engine import beat_word
from .fabric import fabric_step, make_fabric
from .topology import pair

STALL = 10_000


class Beats(NamedTuple):
    """Beats that crossed one host port, in order; each an array over beats.

    The packet of a beat is `packets[end][host][packet]` of :meth:`PairModel.run`.
    """

    cycle: np.ndarray    # int64: of `tvalid` and `tready`
    end: np.ndarray      # int64: where its packet was sent
    host: np.ndarray     # int64
    packet: np.ndarray   # int64
    index: np.ndarray    # int64: place of the beat in the packet
    first: np.ndarray    # bool
    last: np.ndarray     # bool


class PairRun(NamedTuple):
    """`accepted[end][host]` and `delivered[end][host]`: beats into, and out of, each host port.

    `cycles` is how many were run.
    """

    accepted: list[list[Beats]]
    delivered: list[list[Beats]]
    cycles: int


class PairModel:
    """Chiplets 0 and 1, optical port p joined to port p (docs/rack.md).

    Parameters
    ----------
    cfg : lightloom.config.Config
    routes : [2] sequences of (kind, set of ports)
        Entry of each destination, for each chiplet; held from cycle 0 on. Not of kind SOURCE:
        the model carries no payload.
    """

    def __init__(self, cfg, routes):
        self.cfg = cfg
        self.topology = pair(cfg, routes)

    def run(self, packets, cycles: int | None = None) -> PairRun:
        """Run from reset (cycle 0), with the links in steady state.

        Parameters
        ----------
        packets : [2][host_ports] lists of (cycle, src, dst, vc, nbytes)
            Offered at each host port in the order given, each in its cycle or in the cycle after
            the last beat of the one before was accepted, whichever is later. The model knows no
            bring-up: to equal RTL, cycles must be after it.
        cycles : int, optional
            Cycles to run; by default until all is delivered, or nothing has moved for
            `STALL` cycles since the last packet was offered (one without a route is dropped).
        """
        lists = [port for end in packets for port in end]
        begin = np.cumsum([0, *map(len, lists)])
        columns = np.array([packet for port in lists for packet in port],
                           np.int64).reshape(-1, 5).T.copy()
        size = self.cfg.chiplet.flit_bytes
        logs = np.zeros((2, 4, int((-(-columns[4] // size)).sum())), np.int64)
        fabric = make_fabric(self.cfg, self.topology)
        counts = np.zeros(2, np.int64)
        at = np.zeros((3, begin.size - 1), np.int64)
        at[0] = begin[:-1]
        link_flits = np.zeros(self.topology.ends.size, np.int32)
        ran = run_beats(fabric, begin, columns, size, 0, -1 if cycles is None else cycles, logs,
                        counts, at, link_flits)
        return PairRun(*beats_by_port(self.topology, begin, logs, counts), ran)


def beats_by_port(topology, begin, logs, counts):
    """The logs of both directions, rows (port, cycle, word, beat), by endpoint and host port."""
    hosts, ways = topology.hosts, []
    for log, count in zip(logs, counts, strict=True):
        log = log[:, :count]
        number = tag_of.py_func(log[2])
        owner = np.searchsorted(begin, number, side="right") - 1
        beats = Beats(
            log[1], owner // hosts, owner % hosts, number - begin[owner], log[3],
            first_of.py_func(log[2]) == 1, end_of.py_func(log[2]) != NONE)
        ways.append([[Beats(*(field[log[0] == end * hosts + host] for field in beats))
                      for host in range(hosts)] for end in range(topology.endpoints)])
    return ways


@loop
def run_beats(fabric, begin, columns, flit_bytes, cycle, cycles, logs, counts, at, link_flits):
    """Run from `cycle` up to `cycles`, or, where that is -1, until nothing moves; the cycle to go
    on from.

    Parameters
    ----------
    begin : int64[ports + 1]
        Number of the first packet of each host port.
    columns : int64[5, packets]
        Cycle, src, dst, vc and bytes of each packet.
    logs, counts : int64[2, 4, beats], int64[2]
        Filled: beats in and out as (port, cycle, word, beat), and how many there are.
    at : int64[3, ports]
        Packet that a port offers, its beat, and the beat that comes out next.
    link_flits : int32[link ends]
        As of :func:`.fabric.fabric_step`; the links are not stepped when it is empty.
    """
    moved = 0
    while cycle != cycles:
        if cycles < 0 and (counts[1] == logs.shape[2] or cycle > moved + STALL):
            break
        fabric_step(fabric, cycle, link_flits)
        for port in range(begin.size - 1):
            flit, number, beat = NO_FLIT, at[0, port], at[1, port]
            if number < begin[port + 1]:
                moved = max(moved, columns[0, number])
                if columns[0, number] <= cycle:
                    flit = beat_word(number, columns[1, number], columns[2, number],
                                     columns[3, number], columns[4, number], flit_bytes, beat)
            if ingress_step(fabric.ingress, fabric.wires, port, cycle, flit):
                _note(logs, counts, 0, port, cycle, flit, beat)
                more = end_of(flit) == NONE
                at[1, port] = beat + 1 if more else 0
                at[0, port] = number + (not more)
                moved = max(moved, cycle)
            flit = egress_step(fabric.egress, fabric.wires, port, cycle)
            if flit != NO_FLIT:
                beat = 0 if first_of(flit) else at[2, port]
                at[2, port] = beat + 1
                _note(logs, counts, 1, port, cycle, flit, beat)
                moved = max(moved, cycle)
        cycle += 1
    return cycle


@step_function
def _note(logs, counts, way, port, cycle, flit, beat):
    place = counts[way]
    logs[way, 0, place], logs[way, 1, place] = port, cycle
    logs[way, 2, place], logs[way, 3, place] = flit, beat
    counts[way] += 1
