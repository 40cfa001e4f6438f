"""Destinations of the patterns that give each endpoint one (docs/load.md, Traffic)."""

from __future__ import annotations

from math import isqrt

import numpy as np

from lightloom.config import ConfigError
from lightloom.sim.random import mix_of

SILENT = -1
"""Destination of an endpoint that sends nothing."""


def destinations(traffic, cfg, seed: int) -> np.ndarray | None:
    """int64[endpoints]: destination of each endpoint, or SILENT.

    None when it differs from packet to packet.

    Raises
    ------
    ConfigError
        The pattern does not exist for this number of endpoints.
    """
    count = cfg.rack.endpoints
    makers = {
        "permutation": lambda: permutation(count, seed, traffic.self_traffic),
        "transpose": lambda: transpose(count), "bitreverse": lambda: bitreverse(count),
        "tornado": lambda: tornado(cfg), "neighbour": lambda: (np.arange(count) + 1) % count}
    if traffic.pattern not in makers:
        return None
    found = makers[traffic.pattern]().astype(np.int64)
    if not traffic.self_traffic:
        found[found == np.arange(count)] = SILENT
    if (found == SILENT).all():
        raise ConfigError(f"rack.endpoints = {count}: with traffic.pattern = "
                          f"'{traffic.pattern}' nobody sends to another")
    return found


def permutation(count: int, seed: int, fixed_points: bool) -> np.ndarray:
    """A random permutation; without `fixed_points` each one that has none is as likely."""
    draw = 0
    while True:
        found = list(range(count))
        for k in range(count - 1, 0, -1):
            # Fisher and Yates; 64 bits against at most 4,096 places.
            at = mix_of(seed, count, draw) * (k + 1) >> 64
            draw += 1
            found[k], found[at] = found[at], found[k]
        found = np.array(found)
        if fixed_points or (found != np.arange(count)).all():
            return found


def transpose(count: int) -> np.ndarray:
    side = isqrt(count)
    if side * side != count:
        raise ConfigError(f"rack.endpoints = {count}: must be a square for traffic.pattern = "
                          "'transpose'")
    return np.arange(count).reshape(side, side).T.reshape(-1)


def bitreverse(count: int) -> np.ndarray:
    bits = count.bit_length() - 1
    if 1 << bits != count:
        raise ConfigError(f"rack.endpoints = {count}: must be a power of two for "
                          "traffic.pattern = 'bitreverse'")
    return np.array([int(f"{e:0{bits}b}"[::-1], 2) for e in range(count)])


def tornado(cfg) -> np.ndarray:
    """In a torus or mesh the endpoints of a switch keep their place on it."""
    rack = cfg.rack
    dims, each = (rack.endpoints,), 1
    if rack.topology in ("torus", "mesh") and rack.dims:
        dims, each = rack.dims, rack.down
    number = np.arange(rack.endpoints)
    at = np.unravel_index(number // each, dims)
    far = [(x + (k + 1) // 2 - 1) % k for x, k in zip(at, dims, strict=True)]
    return np.ravel_multi_index(far, dims) * each + number % each
