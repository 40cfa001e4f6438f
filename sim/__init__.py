"""The golden models, written from docs/ alone and compiled with Numba."""

from .compiled import use_own_cache

use_own_cache()
