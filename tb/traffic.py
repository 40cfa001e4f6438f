"""Random flit streams for harness and model alike; the low payload bits carry a flit's tag."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .flits import Flit

TAG_BITS = 48


def tag_of(flit: Flit) -> int:
    return flit.payload & ((1 << TAG_BITS) - 1)


def packets(rng: np.random.Generator, *, count: int, start: int, src: int, destinations, vcs: int,
            lengths, flit_bits: int, load: float = 1.0) -> list[tuple[int, Flit]]:
    """Flits of `count` packets of random destination, VC and length, sent one after another.

    Parameters
    ----------
    start : int
        Cycle of the first packet at the earliest.
    destinations, lengths : sequence of int
        Drawn from uniformly; packet lengths in flits.
    load : float
        Offered load in flits a cycle; 1 is back to back.
    """
    flits, cycle = [], float(start)
    lengths, destinations = np.asarray(lengths), np.asarray(destinations)
    draws = zip(rng.choice(destinations, count), rng.integers(vcs, size=count),
                rng.choice(lengths, count), strict=True)
    for dst, vc, length in draws:
        for k in range(length):
            noise = int.from_bytes(rng.bytes((flit_bits - TAG_BITS) // 8), "little")
            tag = src << 32 | len(flits)
            flit = Flit(noise << TAG_BITS | tag, int(vc), int(k == 0), int(k == length - 1))
            flits.append((int(cycle), replace(flit, src=src, dst=int(dst)) if k == 0 else flit))
        cycle += length / load * rng.uniform(0.5, 1.5) if load < 1 else 0
    return flits


def spoil(rng: np.random.Generator, flits: list[tuple[int, Flit]], rate: float):
    """Break the packet protocol at random: drop flits, and flip `first` or `end`."""
    out = []
    for cycle, flit in flits:
        kind = rng.integers(4) if rng.random() < rate else 0
        if kind == 1:
            continue
        if kind == 2:
            flit = replace(flit, first=1 - flit.first)
        if kind == 3:
            flit = replace(flit, end=1 if flit.end == 0 else 0)
        out.append((cycle, flit))
    return out


def for_model(flits: list[tuple[int, Flit]]):
    """(cycle, vc, first, end, src, dst, tag) of each flit."""
    return [(c, f.vc, f.first, f.end, f.src, f.dst, tag_of(f)) for c, f in flits]
