"""Crossbars, hosts and bit-exact links of a rack, in lockstep (docs/minirack.md)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.flits import NO_FLIT
from lightloom.sim.link.end import Status
from lightloom.sim.link.end.ports import UP
from lightloom.sim.wires import SLOTS

from ..fabric import make_fabric
from ..pair import Beats, beats_by_port, run_beats
from ..topology import rack
from .carry import Carrier
from .faults import LineFaults
from .port import OpticalPort, PortState


@dataclass(frozen=True)
class ExactRun:
    """What an exact run left; `accepted`, `delivered` as of :class:`..pair.PairRun`.

    `status` is each link end's as visible in the last cycle; `changes` of each end: (cycle,
    PortState) whenever that is another than before (all 0 before cycle 0).
    """

    accepted: list[list[Beats]]
    delivered: list[list[Beats]]
    status: list[Status]
    changes: list[list[tuple[int, PortState]]]
    cycles: int
    seconds: float


class ExactModel:
    """One plane of the rack of `cfg.rack`, every bit of its fibres, from reset on.

    Crossbars and hosts are those of :class:`..model.RackModel`. Each link end is an
    :class:`lightloom.sim.link.end.EndModel` over the adapters of this package: bring-up, errors,
    replays, and lanes that are taken out are what the pages say of them.

    Parameters
    ----------
    cfg : lightloom.config.Config
        One clock, no FEC, slips in the gearbox.
    faults : LineFaults, optional

    Raises
    ------
    ConfigError
        The configuration, or a fault, is not one that the model can do.
    """

    def __init__(self, cfg, faults: LineFaults | None = None):
        for field, value, allowed in (("fec", cfg.serdes.fec, "none"),
                                      ("slip", cfg.serdes.slip, "gearbox")):
            if value != allowed:
                raise ConfigError(f'config {cfg.name}: serdes.{field} = "{value}": '
                                  f'must be "{allowed}" for the exact model')
        self.cfg, self.topology = cfg, rack(cfg)
        self.faults = faults or LineFaults()
        self.faults.check(cfg, self.topology.ends.size)

    def run(self, packets, cycles: int, *, settle: int | None = None,
            progress=None) -> ExactRun:
        """Run from reset (cycle 0).

        Parameters
        ----------
        packets : [endpoints][host_ports] lists of objects with `cycle`, `src`, `dst`, `vc`, `data`
            Offered as :meth:`..pair.PairModel.run` has it; until links are up they wait. `data`
            is bytes.
        cycles : int
            Cycles to run; with `settle`, at the most: so many behind the last beat are enough.
        progress : callable, optional
            Called with the number of cycles done, now and then.

        Raises
        ------
        RuntimeError
            A link was down for `hold_cycles`, or lost flits: the model of a crossbar here has no
            outputs that are down for so long, and no packets that are cut.
        """
        cfg, topology = self.cfg, self.topology
        lists = [port for end in packets for port in end]
        flat = [packet for port in lists for packet in port]
        begin = np.cumsum([0, *map(len, lists)])
        columns = np.array([(p.cycle, p.src, p.dst, p.vc, len(p.data)) for p in flat],
                           np.int64).reshape(-1, 5).T.copy()
        size = cfg.chiplet.flit_bytes
        logs = np.zeros((2, 4, int((-(-columns[4] // size)).sum())), np.int64)
        counts, at = np.zeros(2, np.int64), np.zeros((3, begin.size - 1), np.int64)
        at[0] = begin[:-1]
        fabric, nobody = make_fabric(cfg, topology), np.zeros(0, np.int32)
        links = _Links(cfg, topology, self.faults, flat)
        run_beats(fabric, begin, columns, size, 0, 0, logs, counts, at, nobody)    # compiles
        started = perf_counter()
        for cycle in range(cycles):
            # Ends first: what they show in a cycle is read by the crossbars in the same.
            links.step(fabric.wires, cycle)
            run_beats(fabric, begin, columns, size, cycle, cycle + 1, logs, counts, at, nobody)
            if progress is not None and cycle % 100 == 99:
                progress(cycle + 1)
            if settle is not None and counts[1] == logs.shape[2]:
                if settle == 0:
                    break
                settle -= 1
        return ExactRun(*beats_by_port(topology, begin, logs, counts), links.status,
                        links.changes, cycle + 1, perf_counter() - started)


class _Links:
    """All link ends, the fibres between them, and the wires to the crossbars."""

    def __init__(self, cfg, topology, faults, packets):
        ends, lanes = topology.ends.size, cfg.serdes.lanes
        self._ports = [OpticalPort(cfg) for _ in range(ends)]
        self._peers = topology.peers.tolist()
        # Wires as of :func:`..fabric.make_fabric`.
        self._into, self._out = topology.ends, topology.ports + topology.ends
        self._carriers = [Carrier(cfg, packets) for _ in range(ends)]    # of what the end sends
        self._fibres = [deque([[0] * lanes] * cfg.derived.fibre_cycles) for _ in range(ends)]
        self._masks = faults.masks(lanes)
        self._masks += [{}] * (ends - len(self._masks))
        self._dark = [[(lane, first) for lane in range(lanes)
                       if (first := faults.first_dark(end, lane)) is not None]
                      for end in range(ends)]
        self._light = [1] * lanes
        self._hold, self._down = cfg.xbar.hold_cycles, [0] * ends
        self.status = [None] * ends
        self.changes = [[] for _ in range(ends)]
        self._before = [port.shown for port in self._ports]

    def step(self, wires, cycle) -> None:
        slot = cycle % SLOTS
        flits, credits = wires.flit[self._out, slot], wires.credit[self._into, slot]
        wires.flit[self._out, slot], wires.credit[self._into, slot] = NO_FLIT, 0
        sent = []
        for end, port in enumerate(self._ports):
            words, signals = self._heard(end, cycle)
            word = int(flits[end])
            flit = None if word == NO_FLIT else self._carriers[end].take(word)
            out, shown = port.step(words, signals, flit, int(credits[end]))
            sent.append(out)
            if shown.flit is not None:
                wires.flit[self._into[end], slot] = self._carriers[self._peers[end]].give(
                    shown.flit)
            if shown.credit:
                wires.credit[self._out[end], slot] = shown.credit
            self._watch(end, cycle, shown.status)
        for end, peer in enumerate(self._peers):
            self._fibres[peer].append(sent[end])

    def _heard(self, end, cycle):
        """The words that an end sees, with what befell them."""
        words, signals = self._fibres[end].popleft(), self._light
        mask = self._masks[end].get(cycle)
        if mask is not None:
            words = [word ^ bits for word, bits in zip(words, mask, strict=True)]
        for lane, first in self._dark[end]:
            if cycle >= first:
                words, signals = list(words), list(signals)
                words[lane] = signals[lane] = 0
        return words, signals

    def _watch(self, end, cycle, status):
        self.status[end] = status
        shown = self._ports[end].shown
        if shown != self._before[end]:
            self.changes[end].append((cycle, shown))
            self._before[end] = shown
        self._down[end] = 0 if status.state in UP else self._down[end] + 1
        if self._down[end] >= self._hold:
            raise RuntimeError(f"link end {end}: down for xbar.hold_cycles = {self._hold} cycles "
                               f"in cycle {cycle}: the exact model does not go on from there")
