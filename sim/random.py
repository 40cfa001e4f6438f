"""Random numbers by counter: SplitMix64 (Steele, Lea, Flood 2014), and geometric gaps."""

from __future__ import annotations

import numpy as np

from lightloom.sim.compiled import entry, step_function

GAMMA = 0x9E3779B97F4A7C15
_FIRST, _SECOND, _MASK = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 2**64 - 1

_GAMMA, _ONE_MUL, _TWO_MUL = np.uint64(GAMMA), np.uint64(_FIRST), np.uint64(_SECOND)
_A, _B, _C = np.uint64(30), np.uint64(27), np.uint64(31)
_HALF = np.uint64(32)

GAPS = 1024
"""Entries of a table of gaps; longer ones are drawn in parts."""


@step_function
def mix(word):
    """The output function of SplitMix64, on uint64."""
    word = (word ^ (word >> _A)) * _ONE_MUL
    word = (word ^ (word >> _B)) * _TWO_MUL
    return word ^ (word >> _C)


@entry
def number(key, counter):
    """Number `counter` of the stream of a key, both uint64."""
    return mix(key + (counter + np.uint64(1)) * _GAMMA)


@step_function
def below(word, limit):
    """An integer from 0 to `limit` - 1; `limit` is at most 2^12, so none is preferred by more
    than 2^-20."""
    return np.int64((word >> _HALF) * np.uint64(limit) >> _HALF)


@step_function
def gap_of(table, word):
    """Cycles up to the next success, at least 1."""
    gap = 1
    while word >= table[GAPS - 1]:
        gap += GAPS
        word = mix(word + _GAMMA)
    low, high = 0, GAPS - 1
    while low < high:
        middle = (low + high) >> 1
        if word < table[middle]:
            high = middle
        else:
            low = middle + 1
    return gap + low


def mix_of(*parts: int) -> int:
    """A word that depends on all parts, each at least 0, and on their order."""
    word = 0
    for part in parts:
        word = (word ^ part % 2**64) + GAMMA & _MASK
        word = (word ^ word >> 30) * _FIRST & _MASK
        word = (word ^ word >> 27) * _SECOND & _MASK
        word ^= word >> 31
    return word


def gap_table(chance: float) -> np.ndarray:
    """uint64[GAPS]: entry k is 2^64 P(gap <= k + 1) for a success in a cycle with this chance.

    In integers, so that it is the same everywhere.
    """
    numerator, denominator = float(chance).as_integer_ratio()
    fail = ((denominator - numerator) << 128) // denominator
    table, left = [], 1 << 128
    for _ in range(GAPS):
        left = left * fail >> 128
        table.append(min((1 << 64) - (left >> 64), _MASK))
    return np.array(table, np.uint64)


def threshold(chance: float) -> np.uint64:
    """A word is below it with this chance (of 1: but for 2^-64)."""
    numerator, denominator = float(chance).as_integer_ratio()
    return np.uint64(min((numerator << 64) // denominator, _MASK))
