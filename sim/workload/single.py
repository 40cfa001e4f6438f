"""One collective without a trace: what a caller may ask for."""

from __future__ import annotations

import numpy as np

from .collectives import checked_algorithms, collective_of
from .errors import TraceError
from .schema import Collective


def checked_group(cfg, name: str, nbytes: int, ranks, algorithm: str | None,
                  root: int) -> tuple[np.ndarray, Collective, str]:
    """Endpoints int32[n] of a group, the collective and its algorithm.

    Raises
    ------
    TraceError
        One line that names the argument, its value and what is allowed.
    """
    collective = collective_of(name)
    algorithms = checked_algorithms(None if algorithm is None else {name: algorithm})
    if not isinstance(nbytes, (int, np.integer)) or isinstance(nbytes, bool) or nbytes < 1:
        raise TraceError(f"nbytes = {nbytes!r}: must be an integer > 0")
    most = cfg.rack.endpoints
    if ranks is None or isinstance(ranks, (int, np.integer)):
        count = most if ranks is None else ranks
        if not 1 <= count <= most:
            raise TraceError(f"ranks = {ranks}: must be 1 to rack.endpoints = {most}")
        members = np.arange(count, dtype=np.int32)
    else:
        given = np.asarray(ranks)
        if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
            raise TraceError(f"ranks = {ranks!r}: must be a number of ranks or a list of endpoints")
        if given.min() < 0 or given.max() >= most:
            raise TraceError(f"ranks: {given.min()}..{given.max()}: must be endpoints, "
                             f"0..{most - 1}")
        if np.unique(given).size < given.size:
            raise TraceError("ranks: an endpoint is named twice")
        members = given.astype(np.int32)
    if not isinstance(root, (int, np.integer)) or not 0 <= root < members.size:
        raise TraceError(f"root = {root!r}: must be a place in the group, 0..{members.size - 1}")
    return members, collective, algorithms[collective]
