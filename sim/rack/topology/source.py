"""Routes and VCs that the source of a packet chooses (docs/topologies.md, Routing)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import lowest, without_lowest
from lightloom.sim.compiled import constants, step_function
from lightloom.sim.xbar.places import at_pair, outlet_at

TABLES, VALIANT, UGAL = range(3)
"""Values of `SourceRoutes.mode`."""

by_tables = constants(mode=TABLES)
"""Routes that the tables of the switches say: nothing of the others is compiled for them."""

_BYTE, _HALF = np.uint64(0xFF), np.uint64(32)


class SourceRoutes(NamedTuple):
    """S switches a plane; numbers of switches are those of plane 0."""

    mode: int               # TABLES: switches have entries; else packets name their ports
    clos: bool              # a clos2, else a butterfly
    classes: int            # K
    share: int              # VCs of a class
    planes: int
    switches: int           # S
    vias: int               # how many intermediates there are to draw from
    home: np.ndarray        # int32[E]: switch of an endpoint
    exit: np.ndarray        # int64[E]: its port there
    class_of: np.ndarray    # uint8[S, S]: TABLES: class of packets from one switch to another
    # clos2.
    down: int               # endpoints of a leaf
    spines: int
    trunk: int              # fibres from a leaf to a spine
    # Butterfly, of each dimension.
    size: np.ndarray        # int64[n]
    stride: np.ndarray      # int64[n]: of the switches' numbers
    first: np.ndarray       # int64[n]: first port


def make_routes(cfg, plane) -> SourceRoutes:
    """What packets of the configuration choose on a :class:`.plane.Plane`."""
    each = cfg.rack
    made = make_table_routes(cfg, plane)
    if each.routing not in ("valiant", "ugal"):
        return made
    mode, clos = (VALIANT if each.routing == "valiant" else UGAL), each.topology == "clos2"
    if clos:
        return made._replace(mode=mode, clos=True, vias=each.up, down=each.down,
                             spines=each.spine_count, trunk=each.up // each.spine_count)
    dims = np.array(each.dims, np.int64)
    stride = np.append(np.cumprod(dims[:0:-1])[::-1], 1)
    return made._replace(
        mode=mode, classes=each.classes, share=cfg.chiplet.vcs // each.classes,
        vias=made.switches, size=dims, stride=stride,
        first=each.down + np.cumsum(dims - 1) - (dims - 1))


def make_table_routes(cfg, plane=None) -> SourceRoutes:
    """Switches have entries; packets choose their VC alone, without a plane not even that."""
    class_of = np.zeros((1, 1), np.uint8) if plane is None else plane.class_of
    classes, none = int(class_of.max(initial=0)) + 1, np.zeros(0, np.int64)
    return SourceRoutes(
        mode=TABLES, clos=False, classes=classes, share=cfg.chiplet.vcs // classes,
        planes=cfg.rack.planes, switches=len(class_of), vias=1,
        home=np.zeros(cfg.rack.endpoints, np.int32) if plane is None else plane.home,
        exit=none if plane is None else np.ascontiguousarray(plane.exit, np.int64),
        class_of=np.ascontiguousarray(class_of), down=0, spines=1, trunk=1,
        size=none, stride=none, first=none)


@step_function
def packet_route(routes, switches, src, dst, vc, random):
    """(route word, VC) of a packet of VC `vc`, as it is made.

    `switches` : XbarState of the switches, whose queues "ugal" compares; `random` : uint64, drawn
    anew for each packet. The word is 0 where the switches have entries.
    """
    if routes.mode == TABLES:
        return np.uint64(0), vc_of_packet(routes, src, dst, vc)
    via = draw(routes, random)
    if routes.mode == UGAL:
        via = better(routes, switches, src, dst, via)
    return word_by(routes, src, dst, via), _on_class(routes, class_by(routes, src, dst, via), vc)


@step_function
def vc_of_packet(routes, src, dst, vc):
    """The VC of a packet on table routes."""
    return _on_class(
        routes, np.int64(routes.class_of[routes.home[src], routes.home[dst]]), vc)


@step_function
def _on_class(routes, k, vc):
    return k * routes.share + vc % routes.share


@step_function
def route_word(routes, src, dst, random):
    """Route word by a random intermediate (Valiant)."""
    return word_by(routes, src, dst, draw(routes, random))


@step_function
def draw(routes, random):
    """An intermediate: an uplink of a clos2, a switch of a butterfly."""
    return np.int64((random >> _HALF) * np.uint64(routes.vias) >> _HALF)


@step_function
def minimal_via(routes, src, dst):
    """That of the minimal path."""
    return dst % np.int64(routes.vias) if routes.clos else np.int64(routes.home[src])


@step_function
def word_by(routes, src, dst, via):
    """Output ports of the switches on the way by `via`, the first in the low byte."""
    word, count = _ports_by(routes, src, dst, via)
    return word


@step_function
def _ports_by(routes, src, dst, via):
    """The route word, and how many switches are passed."""
    s, d = np.int64(routes.home[src]), np.int64(routes.home[dst])
    word, count = np.uint64(0), 0
    if routes.clos:
        if s != d:
            word = np.uint64(routes.down + via | d * routes.trunk + via // routes.spines << 8)
            count = 2
    else:
        for i in range(routes.size.size):
            x, m, z = _place(routes, s, i), _place(routes, via, i), _place(routes, d, i)
            # Without a way to go in a dimension there is no detour in it.
            for y in (m if x != z else x, z):
                if x != y:
                    port = routes.first[i] + y - (y > x)
                    word |= np.uint64(port) << np.uint64(8 * count)
                    count += 1
                    x = y
    return word | np.uint64(routes.exit[dst]) << np.uint64(8 * count), count + 1


@step_function
def class_by(routes, src, dst, via):
    """Class of a packet by `via`."""
    k = 0
    if not routes.clos:
        for i in range(routes.size.size):
            x, m = _place(routes, routes.home[src], i), _place(routes, via, i)
            z = _place(routes, routes.home[dst], i)
            valley, peak = m < x and m < z, m > x and m > z
            k |= (1 if valley or (z < x and not peak) else 0) << i
    return k


@step_function
def _place(routes, switch, i):
    """Coordinate of a switch."""
    return np.int64(switch) // routes.stride[i] % routes.size[i]


@step_function
def better(routes, switches, src, dst, via):
    """`via`, or the minimal one where that has no more to wait for (UGAL)."""
    least = minimal_via(routes, src, dst)
    word, hops = _ports_by(routes, src, dst, least)
    other, far = _ports_by(routes, src, dst, via)
    direct, detour = np.int64(word & _BYTE), np.int64(other & _BYTE)
    if direct == detour:
        return least if hops <= far else via
    home = np.int64(routes.home[src])
    waits = queued_for(routes, switches, home, direct) * hops
    return least if waits <= queued_for(routes, switches, home, detour) * far else via


@step_function
def queued_for(routes, switches, home, j):
    """Flits queued for output j of a switch, over all planes; `held` must be kept."""
    flits = 0
    for p in range(routes.planes):
        node = p * routes.switches + home
        for v in range(switches.vcs):
            inputs = outlet_at(switches, node, j, v).queued
            while inputs:
                i = lowest(inputs)
                inputs = without_lowest(inputs)
                flits += np.int64(switches.held[at_pair(switches, node, i, v, j)])
    return flits
