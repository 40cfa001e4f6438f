"""Switches on a grid: flattened butterfly, torus, mesh, with routing in dimension order."""

from __future__ import annotations

import numpy as np

from .clos import gpus
from .plane import Plane, on_switches, one_port


def butterfly(cfg) -> Plane:
    """All that differ in one coordinate are neighbours."""
    dims, first = cfg.rack.dims, cfg.rack.down
    places, fibres = coordinates(dims), []
    hops = []
    for i, size in enumerate(dims):
        stride, at = strides(dims)[i], places[:, i]
        for other in range(size):
            source = np.flatnonzero(at < other)
            here, there = at[source], np.full(source.size, other)
            fibres.append(np.stack([source, first + there - 1,
                                    source + (there - here) * stride, first + here], axis=1))
        here, there = at[:, None], at[None]
        hops.append((here != there, one_port(first + there - (there > here))))
        first += size - 1
    return _grid(cfg, np.concatenate(fibres), hops)


def torus(cfg) -> Plane:
    """Neighbours in each dimension, and around it."""
    return _lattice(cfg, True)


def mesh(cfg) -> Plane:
    """Neighbours in each dimension."""
    return _lattice(cfg, False)


def strides(dims) -> list[int]:
    """By how much the number of a switch grows with each coordinate."""
    return [int(np.prod(dims[i + 1:], dtype=np.int64)) for i in range(len(dims))]


def coordinates(dims) -> np.ndarray:
    """int64[S, dimensions]."""
    return np.stack(np.unravel_index(np.arange(np.prod(dims)), dims), axis=1)


def _lattice(cfg, around: bool) -> Plane:
    dims, first = cfg.rack.dims, cfg.rack.down
    places, fibres, hops, bits = coordinates(dims), [], [], []
    adaptive = cfg.rack.routing == "ecmp"
    parity = places.sum(axis=1)[:, None] + places.sum(axis=1)[None] & 1
    for i, size in enumerate(dims):
        stride, at, both = strides(dims)[i], places[:, i], size > 2
        source = np.arange(len(places)) if around and both else np.flatnonzero(at < size - 1)
        above = source + np.where(at[source] < size - 1, 1, 1 - size) * stride
        fibres.append(np.stack([source, np.full(source.size, first),
                                above, np.full(source.size, first + both)], axis=1))
        here, there = at[:, None], at[None]
        steps = (there - here) % size if around else np.where(there > here, there - here, size)
        up, half = 2 * steps < size if around else there > here, around & (2 * steps == size)
        upwards, downwards = up | half & (here % 2 == 0), ~up & ~half | half & (here % 2 == 1)
        if adaptive:
            upwards, downwards = upwards | half, downwards | half
        away = here != there
        hops.append((away, upwards * np.uint64(1 << first)
                     | downwards * np.uint64(1 << first + both)))
        if around and size > 4:
            crosses = np.where(upwards, there < here, there > here)
            free = np.minimum(steps, size - steps) < 2
            bits.append(np.where(free, parity, crosses & away))
        first += 1 + both
    plane = _grid(cfg, np.concatenate(fibres), hops)
    class_of = sum(bit << k for k, bit in enumerate(bits)) if bits else plane.class_of
    return plane._replace(class_of=np.asarray(class_of, np.uint8))


def _grid(cfg, fibres, hops) -> Plane:
    """`hops`: of each dimension (bool[S, S] whether to move in it, uint64[S, S] the ports)."""
    each, count = cfg.rack, cfg.rack.endpoints
    home, exits = on_switches(count, each.down)
    switches = coordinates(each.dims)
    towards = np.zeros((len(switches),) * 2, np.uint64)
    for away, ports in hops[::-1]:
        # In dimension order the first dimension counts.
        joined = towards | ports if each.routing == "ecmp" else ports
        towards = np.where(away, joined, towards)
    sets = np.where(home == np.arange(len(switches))[:, None], one_port(exits), towards[:, home])
    return Plane(
        radix=each.radix, endpoints=gpus(count),
        switches=tuple("switch " + ".".join(map(str, place)) for place in switches.tolist()),
        home=home, exit=exits, fibres=fibres, exit_m=np.full(count, each.fibre_m),
        fibre_m=np.full(len(fibres), each.fibre_m), sets=sets,
        class_of=np.zeros(towards.shape, np.uint8))
