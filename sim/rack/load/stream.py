"""The packets of an endpoint, one after another: when, where to, how long (docs/load.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.compiled import entry, step_function
from lightloom.sim.random import below, gap_of, gap_table, mix_of, number, threshold

from .patterns import SILENT, destinations

NEVER = np.iinfo(np.int64).max

RANDOM, FIXED, HOTSPOT, ROUND = range(4)
"""How a destination is found."""

_MODES = {"uniform": RANDOM, "bursty": RANDOM, "hotspot": HOTSPOT, "alltoall": ROUND}

_GAP, _GOES_ON, _DST, _HOT, _SIZE, _ROUTE = range(6)
_DRAWS = 8
"""Numbers of a packet; so many are set aside for each."""

CURSOR = np.dtype([(field, np.int64) for field in
                   ("count", "cycle", "dst", "flits", "vc")])
"""A place in a stream: packets drawn so far, and what the last one is. Before the first one
`cycle` is that of a packet before the run."""


class Stream(NamedTuple):
    """Traffic as the loop needs it."""

    endpoints: int
    mode: int
    self_traffic: bool
    bursty: bool
    vcs: int
    vc: int                 # or -1: all in turn
    keys: np.ndarray        # uint64[endpoints]
    gaps: np.ndarray        # uint64[GAPS]: of random.gap_table
    goes_on: np.uint64      # threshold: a burst has another packet
    share: np.uint64        # threshold: a packet goes to a target
    fixed: np.ndarray       # int64[endpoints]: destination, or SILENT
    targets: np.ndarray     # int64
    sizes: np.ndarray       # int64


def make_stream(traffic, cfg, seed: int) -> Stream:
    """Raises ConfigError where the rack cannot offer the traffic."""
    traffic.check(cfg)
    count, rate = cfg.rack.endpoints, traffic.load * cfg.rack.planes
    bursty = traffic.pattern == "bursty"
    chance = rate / traffic.mean_flits
    if bursty:
        # Idle cycles are those of a geometric number from 1 up, less one.
        chance = 1 / (1 + traffic.burst * traffic.mean_flits * (1 - rate) / rate)
    fixed = destinations(traffic, cfg, seed)
    return Stream(
        endpoints=count, mode=_MODES.get(traffic.pattern, FIXED),
        self_traffic=bool(traffic.self_traffic), bursty=bursty, vcs=cfg.chiplet.vcs,
        vc=-1 if traffic.vc is None else int(traffic.vc),
        keys=np.array([mix_of(seed, e) for e in range(count)], np.uint64),
        gaps=gap_table(min(chance, 1.0)), goes_on=threshold(1 - 1 / traffic.burst),
        share=threshold(traffic.share),
        fixed=np.zeros(count, np.int64) if fixed is None else fixed,
        targets=np.array(sorted(set(traffic.targets)), np.int64),
        sizes=np.array(traffic.sizes, np.int64))


def make_cursors(stream: Stream, each: int) -> np.ndarray:
    """CURSOR[endpoints * each]: before the first packets."""
    cursors = np.zeros(stream.endpoints * each, CURSOR)
    cursors["cycle"] = 0 if stream.bursty else -1
    cursors["cycle"][np.repeat(stream.fixed == SILENT, each)] = NEVER
    return cursors


@step_function
def _word(stream, endpoint, count, which):
    return number(stream.keys[endpoint], np.uint64(count * _DRAWS + which))


@entry
def draw(stream, endpoint, cursor):
    """Move a cursor of the endpoint to its next packet."""
    if cursor.cycle == NEVER:
        return
    count, going = cursor.count, False
    cursor.count = count + 1
    if stream.bursty and count:
        cursor.cycle += cursor.flits
        going = _word(stream, endpoint, count, _GOES_ON) < stream.goes_on
    if not going:
        cursor.cycle += gap_of(stream.gaps, _word(stream, endpoint, count, _GAP)) - stream.bursty
        cursor.dst = _destination(stream, endpoint, count)
    cursor.flits = stream.sizes[0]
    if stream.sizes.size > 1:
        cursor.flits = stream.sizes[below(_word(stream, endpoint, count, _SIZE),
                                          stream.sizes.size)]
    cursor.vc = stream.vc if stream.vc >= 0 else count % stream.vcs


@step_function
def route_draw(stream, endpoint, cursor):
    """A number for the route of the cursor's packet."""
    return _word(stream, endpoint, cursor.count - 1, _ROUTE)


@step_function
def _destination(stream, endpoint, count):
    if stream.mode == FIXED:
        return stream.fixed[endpoint]
    own = np.int64(1 - stream.self_traffic)
    others = stream.endpoints - own
    if stream.mode == ROUND:
        return (endpoint + own + count % others) % stream.endpoints
    if stream.mode == HOTSPOT and _word(stream, endpoint, count, _HOT) < stream.share:
        hot = stream.targets[below(_word(stream, endpoint, count, _DST), stream.targets.size)]
        if stream.self_traffic or hot != endpoint:
            return hot
    dst = below(_word(stream, endpoint, count, _DST), others)
    return dst + (own and dst >= endpoint)
