"""Collectives as messages between the ranks of one group, by named algorithms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..errors import TraceError
from ..schema import Collective
from . import direct, doubling, ring, tree
from .pattern import Pattern

__all__ = ["ALGORITHMS", "Pattern", "checked_algorithms", "collective_of", "name_of", "pattern"]

_SCATTERS = {"ring": ring.reduce_scatter, "halving-doubling": doubling.reduce_scatter,
             "direct": direct.reduce_scatter}
_MAKERS = {
    Collective.ALL_REDUCE: {
        "ring": ring.all_reduce, "halving-doubling": doubling.all_reduce,
        "direct": direct.all_reduce, "tree": tree.all_reduce},
    Collective.REDUCE_SCATTER: _SCATTERS,
    Collective.REDUCE_SCATTER_BLOCK: _SCATTERS,
    Collective.ALL_GATHER: {
        "ring": ring.all_gather, "halving-doubling": doubling.all_gather,
        "direct": direct.all_gather},
    Collective.ALL_TO_ALL: {"direct": direct.all_to_all, "pairwise": direct.pairwise},
    Collective.BROADCAST: {"tree": tree.broadcast},
    Collective.REDUCE: {"tree": tree.reduce},
    Collective.SCATTER: {"direct": direct.scatter},
    Collective.GATHER: {"direct": direct.gather},
    Collective.BARRIER: {"dissemination": tree.barrier},
}
_ROOTED = (Collective.BROADCAST, Collective.REDUCE, Collective.SCATTER, Collective.GATHER)


def name_of(collective: Collective) -> str:
    """The name that options use: "all-reduce"."""
    return collective.name.lower().replace("_", "-")


ALGORITHMS = {name_of(each): tuple(makers) for each, makers in _MAKERS.items()}
"""Algorithms of each collective by name; the first is what is used unless another is asked for."""


def collective_of(name: str) -> Collective:
    """The collective of a name.

    Raises
    ------
    TraceError
    """
    if name not in ALGORITHMS:
        raise TraceError(f"collective {name!r}: must be one of {', '.join(ALGORITHMS)}")
    return Collective[name.upper().replace("-", "_")]


def checked_algorithms(algorithms: Mapping[str, str] | None) -> dict[Collective, str]:
    """Algorithm of each collective: those of `algorithms`, by name, and the defaults.

    Raises
    ------
    TraceError
        On a name that is not in :data:`ALGORITHMS`.
    """
    chosen = {each: next(iter(makers)) for each, makers in _MAKERS.items()}
    for name, algorithm in (algorithms or {}).items():
        if name not in ALGORITHMS:
            raise TraceError(f"algorithms: {name!r}: must be one of {', '.join(ALGORITHMS)}")
        if algorithm not in ALGORITHMS[name]:
            raise TraceError(f"algorithms: {name} = {algorithm!r}: must be one of "
                             f"{', '.join(ALGORITHMS[name])}")
        chosen[collective_of(name)] = algorithm
    return chosen


@lru_cache(maxsize=4)
def pattern(collective: Collective, n: int, nbytes: int, root: int = 0,
            algorithm: str | None = None) -> Pattern:
    """Lower a collective.

    Parameters
    ----------
    collective : Collective
    n : int
        Ranks in the group.
    nbytes : int
        Bytes of one rank's input, Chakra's `comm_size`: of an all-gather, its own share. Where
        it is cut in parts, the first `nbytes % parts` are a byte longer; a message carries at
        least 1 byte.
    root : int
        Place of the root in the group.
    algorithm : str, optional
        One of :data:`ALGORITHMS`; by default the collective's first. Steps of each, and
        sources: docs/rack.md, Workload.

    Raises
    ------
    TraceError
        On an unknown algorithm.
    """
    makers = _MAKERS[collective]
    if algorithm is None:
        algorithm = next(iter(makers))
    if algorithm not in makers:
        raise TraceError(f"algorithm {algorithm!r}: of {name_of(collective)} must be one of "
                         f"{', '.join(makers)}")
    return makers[algorithm](n, nbytes, *((root,) if collective in _ROOTED else ()))
