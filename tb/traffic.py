"""Flit streams for harness and model alike.

Lists of (cycle, Flit), whose low payload bits carry a tag, for links; arrays of `COLUMNS`, made
from rates between inputs and destinations, for the crossbar.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .flits import Flit

TAG_BITS = 48

COLUMNS = ("cycle", "vc", "first", "end", "src", "dst", "tag")
"""Of a source's array: `cycle` is the first in which the flit may have `valid`."""

DELIVERED = ("cycle", "output", "vc", "first", "end", "src", "dst", "tag")

NUMBER, INPUT = 24, 16
"""Lowest bits of a tag's fields: number of the flit at its input, and the input (6 bits). The 16
bits below are a route: with source routing, of the next two crossbars."""

NO_TAG = -1
"""Tag of a delivered flit whose payload is meaningless."""

HOT = 0
"""The overloaded output of `hot_spot`."""


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


# Payloads of crossbar tests: bits 62:0 are the tag, what is above follows from it.

def payload_of(tag: int, flit_bits: int) -> int:
    """Payload of the flit with this tag."""
    return tag | _above(tag, flit_bits) << 64


def tag_of_payload(payload: int, flit_bits: int, *, check: bool = True) -> int:
    """The tag; with `check` an altered payload is an error."""
    tag = payload & (1 << 64) - 1
    if check and payload >> 64 != _above(tag, flit_bits):
        raise ValueError(f"payload {payload:#x} is not the one of any tag")
    return tag


def _above(tag: int, flit_bits: int) -> int:
    return tag * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << flit_bits - 64)


# Rates: flits a cycle from input i to destination j, at load 1. n inputs and n outputs.

def uniform(n: int, outputs: int | None = None) -> np.ndarray:
    """1/n from each input to each output."""
    outputs = n if outputs is None else outputs
    return np.full((n, outputs), 1 / outputs)


def diagonal(n: int) -> np.ndarray:
    """2/3 from i to i, 1/3 from i to i+1 (mod n)."""
    return (2 * np.eye(n) + np.roll(np.eye(n), 1, axis=1)) / 3


def log_diagonal(n: int) -> np.ndarray:
    """2^(n-1-k) / (2^n - 1) from i to i+k (mod n): each output half of the one before."""
    return sum(2.0 ** (n - 1 - k) * np.roll(np.eye(n), k, axis=1) for k in range(n)) / (2**n - 1)


def hot_spot(n: int, *, overload: float = 2.0, others: float = 0.9) -> np.ndarray:
    """`overload`/n from each input to output HOT, `others`/n to each other output."""
    rates = np.full((n, n), others / n)
    rates[:, HOT] = overload / n
    if rates.sum(axis=1).max() > 1:
        raise ValueError(f"an input cannot send {rates.sum(axis=1).max():.3f} flits a cycle")
    return rates


def transpose(n: int) -> np.ndarray:
    """1 from (row, column) to (column, row) of the ports as a square, as far as it is one."""
    side = int(n**0.5)
    if side * side != n:
        raise ValueError(f"{n} ports are not a square")
    return np.eye(n)[np.arange(n).reshape(side, side).T.ravel()]


def all_to_one(n: int, *, to: int = 0) -> np.ndarray:
    """1 from each input to one output."""
    return np.eye(n)[np.full(n, to)]


def one_to_all(n: int, *, source: int = 0) -> np.ndarray:
    """1/n from one input to each output; the other inputs are silent."""
    return np.outer(np.eye(n)[source], np.full(n, 1 / n))


def groups(rng: np.random.Generator, outputs: int, count: int, fanout: int) -> list[int]:
    """`count` random sets of `fanout` outputs, as words."""
    return [sum(1 << int(j) for j in rng.choice(outputs, fanout, replace=False))
            for _ in range(count)]


def bernoulli(rng: np.random.Generator, rates: np.ndarray, *, cycles: int, load: float = 1.0,
              start: int = 0, vcs: int = 1, lengths=(1,)) -> list[np.ndarray]:
    """In each cycle a packet arrives at input i with probability load * sum(rates[i]) / its mean
    length, for destination j in proportion to rates[i, j].
    """
    mean = np.mean(lengths)
    out = []
    for i, row in enumerate(rates):
        cycle = start + np.flatnonzero(rng.random(cycles) < load * row.sum() / mean)
        out.append(_random_packets(rng, i, cycle, row, vcs, lengths))
    return out


def bursty(rng: np.random.Generator, rates: np.ndarray, *, cycles: int, load: float,
           burst: float = 16.0, start: int = 0, vcs: int = 1) -> list[np.ndarray]:
    """On and off: bursts of a geometric number of flits of mean `burst`, back to back and to one
    destination, after geometric pauses of mean burst * (1 - load) / load cycles (from 0).
    """
    out = []
    for i, row in enumerate(rates):
        count = int(2 * cycles * load / burst) + 64
        on = rng.geometric(1 / burst, count)
        off = rng.geometric(1 / (1 + burst * (1 - load) / load), count) - 1
        begin = np.cumsum(on + off) - on
        offset = np.arange(on.sum()) - np.repeat(np.cumsum(on) - on, on)
        cycle = np.repeat(begin, on) + offset
        dst = np.repeat(rng.choice(len(row), count, p=row / row.sum()), on)
        keep = cycle < cycles
        out.append(flits_of(rng, i, start + cycle[keep], dst[keep],
                            rng.integers(vcs, size=count).repeat(on)[keep]))
    return out


def _random_packets(rng, i, cycle, row, vcs, lengths):
    if not len(cycle):
        return np.zeros((0, len(COLUMNS)), np.int64)
    return flits_of(rng, i, cycle, rng.choice(len(row), len(cycle), p=row / row.sum()),
                    rng.integers(vcs, size=len(cycle)), rng.choice(lengths, len(cycle)))


def flits_of(rng, i: int, cycle, dst, vc, length=None, src=None) -> np.ndarray:
    """The array of a source at input i, of packets that may begin at `cycle`, back to back."""
    length = np.ones(len(cycle), np.int64) if length is None else np.asarray(length)
    src = np.full(len(cycle), i) if src is None else np.asarray(src)
    rows = np.zeros((length.sum(), len(COLUMNS)), np.int64)
    packet = np.repeat(np.arange(len(cycle)), length)
    rows[:, 0], rows[:, 1] = np.asarray(cycle)[packet], np.asarray(vc)[packet]
    last = np.cumsum(length) - 1
    head = last - length + 1
    rows[head, 2], rows[last, 3] = 1, 1
    rows[head, 4], rows[head, 5] = src, dst
    rows[:, 6] = (np.arange(len(rows)) << NUMBER | i << INPUT
                  | rng.integers(1 << INPUT, size=len(rows)))
    return rows


def interleave(rng, rows: np.ndarray) -> np.ndarray:
    """The packets of each VC in order, flits of different VCs mixed at random."""
    # Each VC's flits take the places that a shuffle gives to that VC.
    order = rng.permutation(rows[:, 1])
    out = np.empty_like(rows)
    for vc in np.unique(order):
        out[order == vc] = rows[rows[:, 1] == vc]
    out[:, 0] = np.maximum.accumulate(np.sort(rows[:, 0]))
    return out


def break_rows(rng, rows: np.ndarray, rate: float, *, illegal_vc: int | None) -> np.ndarray:
    """At `rate`, lose a flit, flip `first`, take away or set `end`, or give it `illegal_vc`."""
    rows = rows.copy()
    kind = np.where(rng.random(len(rows)) < rate, rng.integers(5, size=len(rows)), 0)
    rows[kind == 2, 2] ^= 1
    rows[rows[:, 2] == 0, 4:6] = 0
    rows[kind == 3, 3] = np.where(rows[kind == 3, 3] == 0, rng.integers(1, 4), 0)
    if illegal_vc is not None:
        rows[kind == 4, 1] = illegal_vc
    return rows[kind != 1]
