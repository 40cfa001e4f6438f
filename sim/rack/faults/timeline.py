"""What a schedule does to a fabric, and when (docs/faults.md)."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.link import set_ber, set_lanes, set_lossy
from lightloom.sim.xbar import SOURCE

from ..down import watch_ends
from .cut import cut_packets
from .intervals import Directions
from .places import Places
from .reroute import reroute

NEVER = np.iinfo(np.int64).max
_NO_CREDIT = 1 << 13


class Timeline:
    """The events of a schedule for one run.

    Parameters
    ----------
    cfg : lightloom.config.Config
    topology : lightloom.sim.rack.topology.Topology
    schedule : lightloom.sim.rack.faults.FaultSchedule

    Raises
    ------
    ConfigError
        A place that this rack does not have; `rack.links` is "ideal", which never fail;
        `reroute_us` where sources of packets choose the routes.
    """

    def __init__(self, cfg, topology, schedule):
        if schedule.fault and cfg.rack.links == "ideal":
            raise ConfigError('rack.links = "ideal": ideal links have no faults, they must be '
                              '"optical"')
        if schedule.reroute_us is not None and (topology.switch_entries.kind == SOURCE).any():
            raise ConfigError(f"faults: reroute_us = {schedule.reroute_us:g}: needs routes in the "
                              f'switches\' tables, not rack.routing = "{cfg.rack.routing}"')
        self._cfg, self._topology = cfg, topology
        places, directions = Places(cfg, topology), Directions(cfg, topology)
        self._events = []          # (cycle, order, what, arguments)
        for number, fault in enumerate(schedule.fault):
            self._add(fault, number, places, directions)
        used = directions.events()
        self._events += [(cycle, 1, what, where) for cycle, what, where in used]
        ends = sorted(directions.ends)
        if ends:
            # From reset on, so that the timers of the links are in phase.
            self._events.append((0, 0, self._prepare, (ends,)))
        if schedule.reroute_us is not None:
            late = self._cycles(schedule.reroute_us)
            for cycle in sorted({cycle for cycle, *_ in directions.changes()}):
                self._events.append((cycle + late, 2, self._reroute,
                                     (directions.down_at(cycle, late),)))
        self._events.sort(key=lambda event: event[:2])
        self._cycles_of = [event[0] for event in self._events]
        self._tables = {}

    def next(self, cycle: int) -> int:
        """The cycle of the first event that is not before `cycle`."""
        at = bisect_left(self._cycles_of, cycle)
        return self._cycles_of[at] if at < len(self._cycles_of) else NEVER

    def apply(self, fabric, cycle: int) -> None:
        """Do to a fabric, before it steps `cycle`, what is to happen in it."""
        at = bisect_left(self._cycles_of, cycle)
        while at < len(self._events) and self._cycles_of[at] == cycle:
            _, _, what, arguments = self._events[at]
            what = getattr(self, f"_{what}") if isinstance(what, str) else what
            what(fabric, cycle, *arguments)
            at += 1

    # --- from faults to events

    def _cycles(self, us: float) -> int:
        return round(us * self._cfg.chiplet.core_mhz)

    def _add(self, fault, number, places, directions) -> None:
        begin = self._cycles(fault.from_us)
        end = NEVER if fault.to_us is None else max(self._cycles(fault.to_us), begin + 1)
        kind = fault.kind
        if kind == "ber":
            ends, lanes = places.directions(fault, number), places.lanes(fault, number)
            directions.errors(ends, lanes, fault.ber, begin, end)
        elif kind in ("wavelength", "flap"):
            ends, lanes = places.directions(fault, number), places.lanes(fault, number)
            times = [(begin, end)]
            if kind == "flap":
                if end == NEVER:
                    raise ConfigError(f"faults: fault.{number}.to_us: a flap needs it")
                period, down = self._cycles(fault.period_us), self._cycles(fault.down_us)
                times = [(at, at + down) for at in range(begin, end, max(period, 1))]
            directions.lights(ends, lanes, times)
        elif kind in ("laser", "port"):
            own = places.at_ports(fault, number)
            far = [int(self._topology.peers[end]) for end in own]
            every = range(self._cfg.serdes.lanes)
            directions.lights(far if kind == "laser" else far + own, every, [(begin, end)])
        elif kind == "fibre":
            ends = places.directions(fault, number)
            both = sorted({*ends, *(int(self._topology.peers[end]) for end in ends)})
            directions.lights(both, range(self._cfg.serdes.lanes), [(begin, end)])
        else:
            node = places.node(fault, number)
            own = places.ends_of(node)
            far = [int(self._topology.peers[end]) for end in own]
            directions.lights(own + far, range(self._cfg.serdes.lanes), [(begin, NEVER)])
            self._events.append((begin, 1, "kill", (node,)))

    # --- what happens to a fabric

    def _prepare(self, fabric, cycle, ends) -> None:
        set_lossy(fabric.links, ends)
        watch_ends(fabric.down, np.unique([ends, self._topology.peers[ends]]))

    def _dark(self, fabric, cycle, end, until) -> None:
        own = fabric.links.replay[end]
        own["dark_from"], own["dark_to"] = cycle, until

    def _lanes(self, fabric, cycle, end, count) -> None:
        set_lanes(self._cfg, fabric.links.ends, self._topology.peers[end], count)

    def _ber(self, fabric, cycle, end, rates) -> None:
        set_ber(fabric.links, self._topology.peers[end], rates)

    def _kill(self, fabric, cycle, node) -> None:
        fabric.down.dead[node] = 1
        if node < self._topology.endpoints:
            # Its hosts' ports take nothing more.
            hosts = self._topology.hosts
            fabric.ingress.credits[node * hosts:(node + 1) * hosts] = -_NO_CREDIT

    def _reroute(self, fabric, cycle, down) -> None:
        if down not in self._tables:
            self._tables[down] = reroute(self._topology, down)
        fabric.switches.ports[:] = self._tables[down]
        for end in sorted(down):
            cut_packets(fabric, end, cycle)
