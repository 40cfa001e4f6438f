"""How the steps are compiled."""

from __future__ import annotations

from numba import njit

# Reference counts (`_nrt`) off: the steps make no array, and to count the arrays of the state in
# and out of each function costs more than a step does.
step = njit(cache=True, _nrt=False)
part = njit(cache=True, _nrt=False, forceinline=True)
"""Decorators: of a function by itself, and of one that becomes part of its caller."""
