"""Classes of VCs for any single-path tables: the layers of LASH.

Skeie, Lysne, Theiss, *Layered shortest path (LASH) routing in irregular system area networks*,
CAC 2002: each pair of switches is put in the first layer in which its path closes no circle.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lightloom.config import ConfigError
from lightloom.sim.bits import NOTHING, bit, lowest, without_lowest

MOST = 8
"""A flit's word has room for 8 VCs."""


def layered(cfg, plane):
    """The plane with the classes of its tables.

    Raises
    ------
    ConfigError
        When there are fewer VCs than classes.
    """
    # One endpoint stands for all on its switch: but for their exits, tables are the same.
    homes, first = np.unique(plane.home, return_index=True)
    towards = np.full(plane.heads.shape[:1] * 2, -1, np.int64)
    members = plane.sets[:, first] & plane.port_sets[:, None]
    away = members != 0
    towards[:, homes] = np.where(
        away, np.log2(np.where(away, members, 1).astype(float)).astype(np.int64), -1)
    class_of = np.zeros(towards.shape, np.uint8)
    classes = _layers(homes, towards, plane.heads, class_of)
    if not 1 <= classes <= cfg.chiplet.vcs:
        least = f"at least {classes}" if classes else f"more than {MOST}"
        raise ConfigError(
            f"config {cfg.name}: chiplet.vcs = {cfg.chiplet.vcs}: shortest paths in the topology "
            f"{cfg.rack.file} are free of deadlock with {least}")
    return plane._replace(class_of=class_of)


@njit(cache=True)
def _layers(homes, towards, heads, class_of):
    """Fill `class_of` [S, S]; the number of classes, or 0 where `MOST` do not suffice."""
    count, radix = heads.shape
    waits = np.zeros((MOST, count * radix), np.uint64)
    path = np.empty(count, np.int64)
    seen = np.zeros(count * radix, np.int64)
    todo = np.empty(count * radix, np.int64)
    added = np.empty(count, np.bool_)
    stamp, classes = 0, 1
    for d in homes:
        for s in homes:
            if s == d:
                continue
            size = _path(towards, heads, s, d, path)
            k = 0
            while k < MOST:
                for step in range(size - 1):
                    port = bit(path[step + 1] % radix)
                    added[step] = waits[k, path[step]] & port == NOTHING
                    waits[k, path[step]] |= port
                closes = False
                for step in range(size - 1):
                    if added[step] and not closes:
                        stamp += 1
                        closes = _reaches(waits[k], heads, path[step + 1], path[step], seen,
                                          stamp, todo)
                if not closes:
                    break
                for step in range(size - 1):
                    if added[step]:
                        waits[k, path[step]] &= ~bit(path[step + 1] % radix)
                k += 1
            if k == MOST:
                return 0
            class_of[s, d] = k
            classes = max(classes, k + 1)
    # What fits several is spread over them.
    for d in homes:
        for s in homes:
            size = _path(towards, heads, s, d, path)
            k = (s + d) % classes
            fits = True
            for step in range(size - 1):
                fits &= waits[k, path[step]] & bit(path[step + 1] % radix) != NOTHING
            if fits:
                class_of[s, d] = k
    return classes


@njit(cache=True)
def _path(towards, heads, s, d, path):
    """Fill `path` with channels from s to d; how many."""
    size = 0
    while s != d:
        path[size] = s * heads.shape[1] + towards[s, d]
        s = heads[s, towards[s, d]]
        size += 1
    return size


@njit(cache=True)
def _reaches(waits, heads, start, goal, seen, stamp, todo):
    """Whether a way leads from one channel to another."""
    radix = heads.shape[1]
    todo[0], fill = start, 1
    seen[start] = stamp
    while fill:
        fill -= 1
        channel = todo[fill]
        if channel == goal:
            return True
        t, ports = heads[channel // radix, channel % radix], waits[channel]
        while ports != NOTHING:
            after = t * radix + lowest(ports)
            ports = without_lowest(ports)
            if seen[after] != stamp:
                seen[after] = stamp
                todo[fill] = after
                fill += 1
    return False
