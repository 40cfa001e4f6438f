"""Sets of up to 64 ports as bits of a uint64, for compiled models."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

NOTHING, EVERYTHING = np.uint64(0), np.uint64(2**64 - 1)
_ONE = np.uint64(1)


@intrinsic
def lowest(typingctx, word):
    """Number of the lowest set bit of a word that is not 0."""
    def count_trailing_zeros(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), count_trailing_zeros


@njit(cache=True, inline="always")
def bit(number):
    """The set of one member."""
    return _ONE << np.uint64(number)


@njit(cache=True, inline="always")
def without_lowest(word):
    """The set without its lowest member."""
    return word & (word - _ONE)


@njit(cache=True, inline="always")
def first_from(word, start):
    """The first member from `start` upwards, cyclically; the set is not empty."""
    above = word & (EVERYTHING << np.uint64(start))
    return lowest(above if above else word)


@intrinsic
def count_of(typingctx, word):
    """How many members a set has."""
    def population_count(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.int64(types.uint64), population_count


@njit(cache=True, inline="always")
def first_of_two(low, high, offset, start):
    """The first member from `start` upwards, cyclically, of `low` and of `high` + `offset`.

    They are not both empty; the members of `low` are below `offset`.
    """
    if start < offset:
        above = low & (EVERYTHING << np.uint64(start))
        if above:
            return lowest(above)
        return offset + lowest(high) if high else lowest(low)
    above = high & (EVERYTHING << np.uint64(start - offset))
    if above:
        return offset + lowest(above)
    return lowest(low) if low else offset + lowest(high)
