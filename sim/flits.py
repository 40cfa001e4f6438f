"""A flit as one int64 word, for compiled models.

The models move no payload: a flit is its sideband and a `tag` that tells which one it is. Bits
from the lowest: `vc` 3, `first` 1, `end` 2, `src` 12, `dst` 12, `tag` 33 (docs/units.md).
"""

from __future__ import annotations

from numba import njit

NONE, FULL, PARTIAL, ABORT = range(4)
"""Values of `end`."""

NO_FLIT = -1
MAX_VCS = 8
ID_BITS, TAG_BITS = 12, 33

_FIRST, _END, _SRC, _DST, _TAG = 3, 4, 6, 18, 30


@njit(cache=True, inline="always")
def pack(vc, first, end, src, dst, tag):
    """The word of a flit."""
    return vc | first << _FIRST | end << _END | src << _SRC | dst << _DST | tag << _TAG


@njit(cache=True, inline="always")
def vc_of(flit):
    return flit & 7


@njit(cache=True, inline="always")
def first_of(flit):
    return flit >> _FIRST & 1


@njit(cache=True, inline="always")
def end_of(flit):
    return flit >> _END & 3


@njit(cache=True, inline="always")
def src_of(flit):
    return flit >> _SRC & 0xFFF


@njit(cache=True, inline="always")
def dst_of(flit):
    return flit >> _DST & 0xFFF


@njit(cache=True, inline="always")
def tag_of(flit):
    return flit >> _TAG
