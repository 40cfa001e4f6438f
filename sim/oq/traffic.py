"""Open-loop traffic: packets that enter a network at given times, whatever becomes of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.config import ConfigError

from .network import FS_PER_NS


class Arrivals(NamedTuple):
    """Packets in the order of their times, n of them, made in a window of `span_ns`."""

    time: np.ndarray     # int64[n]: fs
    src: np.ndarray      # int32[n]
    dst: np.ndarray      # int32[n]
    nbytes: np.ndarray   # int32[n]
    vc: np.ndarray       # uint8[n]
    endpoints: int
    span_ns: float


def uniform(endpoints: int, *, itself: bool = False):
    """Destinations at random, each endpoint alike; the source itself among them by option."""
    def choose(rng, src):
        if itself:
            return rng.integers(endpoints, size=src.size, dtype=np.int32)
        other = rng.integers(endpoints - 1, size=src.size, dtype=np.int32)
        return other + (other >= src)
    return choose


def permutation(targets):
    """Endpoint e sends to `targets[e]`: transpose, tornado, bit-reverse, any permutation."""
    targets = np.asarray(targets, np.int32)
    return lambda rng, src: targets[src]


def bernoulli(endpoints: int, load: float, slots: int, *, slot_ns: float, nbytes: int,
              destinations=None, vcs: int = 1, seed: int = 1) -> Arrivals:
    """In each slot of `slot_ns`, each endpoint makes a packet with probability `load`.

    Parameters
    ----------
    destinations : callable, optional
        (generator, sources int32[n]) -> destinations int32[n]; :func:`uniform` by default.
    vcs : int
        VCs are drawn at random from so many.
    """
    _check(endpoints, load, 0 <= load <= 1, "must be 0 to 1", slots, nbytes)
    rng = np.random.default_rng(seed)
    pieces, block = [], max(1, 2**22 // endpoints)
    for begin in range(0, slots, block):
        slot, src = np.nonzero(rng.random((min(block, slots - begin), endpoints)) < load)
        pieces.append((begin + slot, src.astype(np.int32)))
    slot = np.concatenate([piece[0] for piece in pieces])
    src = np.concatenate([piece[1] for piece in pieces])
    return _arrivals(rng, slot * round(slot_ns * FS_PER_NS), src, endpoints, nbytes, vcs,
                     destinations, slots * slot_ns)


def poisson(endpoints: int, rate: float, span_ns: float, *, nbytes: int, destinations=None,
            vcs: int = 1, seed: int = 1) -> Arrivals:
    """Each endpoint makes packets at random times, `rate` bytes/ns in the mean.

    `destinations` and `vcs` as in :func:`bernoulli`.
    """
    _check(endpoints, rate, rate >= 0, "must be at least 0 bytes/ns", span_ns, nbytes)
    rng = np.random.default_rng(seed)
    count = rng.poisson(endpoints * rate * span_ns / nbytes)
    time = np.sort(rng.random(count) * span_ns * FS_PER_NS).astype(np.int64)
    src = rng.integers(endpoints, size=count, dtype=np.int32)
    return _arrivals(rng, time, src, endpoints, nbytes, vcs, destinations, span_ns)


def _arrivals(rng, time, src, endpoints, nbytes, vcs, destinations, span_ns) -> Arrivals:
    dst = (destinations or uniform(endpoints))(rng, src).astype(np.int32)
    vc = rng.integers(vcs, size=src.size, dtype=np.uint8)
    return Arrivals(time.astype(np.int64), src, dst, np.full(src.size, nbytes, np.int32), vc,
                    endpoints, span_ns)


def _check(endpoints, load, possible, allowed, span, nbytes) -> None:
    for field, value, ok, text in (
            ("endpoints", endpoints, endpoints >= 2, "must be at least 2"),
            ("load", load, possible, allowed),
            ("window", span, span > 0, "must be more than 0"),
            ("nbytes", nbytes, nbytes >= 1, "must be at least 1")):
        if not ok:
            raise ConfigError(f"traffic: {field} = {value!r}: {text}")
