"""What a run is given, as arrays for the compiled loop."""

from __future__ import annotations

import numpy as np


def columns_of(stimulus) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns int64[6, n] (cycle, vc, first, end, src, dst) of the flits of all inputs; tags
    int64[n + 1] and payloads uint64[n + 1] by flit number, which is 0 for none."""
    parts = [_array(flits) for flits in stimulus]
    counts = [len(part) for part in parts]
    columns = np.empty((6, sum(counts)), np.int64)
    tags, payload = np.zeros(sum(counts) + 1, np.int64), np.zeros(sum(counts) + 1, np.uint64)
    at = 0
    for part in parts:
        own = slice(at, at + len(part))
        columns[:, own] = part[:, :6].T
        at = own.stop
        numbered = slice(own.start + 1, own.stop + 1)
        tags[numbered] = part[:, 6].astype(np.int64)
        payload[numbered] = part[:, -1].astype(np.uint64)
    return columns, tags, payload


def _array(flits) -> np.ndarray:
    """[flits, 7 or 8], the last column bits 63:0 of the payload."""
    if isinstance(flits, np.ndarray):
        return flits
    if not flits:
        return np.zeros((0, 7), np.int64)
    if all(len(flit) == 7 for flit in flits):
        return np.array(flits, np.int64)
    return np.array([(*flit, flit[6])[:8] for flit in flits], np.uint64)


def script(shape, writes, up, clear, holds) -> dict[str, np.ndarray]:
    """Those fields of :class:`.bench.Bench`."""
    plain = np.zeros((len(writes), 4), np.int64)
    sets = np.zeros((len(writes), 2), np.uint64)
    # The entries are cleared first.
    ready = shape.destinations
    for k, (cycle, op, inputs, index, value, ports) in enumerate(writes):
        ready = max(ready, cycle)
        plain[k], sets[k] = (ready, op, index, value), (inputs, ports)
        ready += 1
    edges = [change for output, begin, end in holds if begin < end
             for change in ((begin, output, 1), (end, output, -1))]
    return {"writes": plain, "sets": sets, "ups": _sorted(up), "holds": _sorted(edges),
            "clears": np.array(sorted(set(clear)), np.int64)}


def _sorted(changes) -> np.ndarray:
    """int64[changes, 3] by cycle, those of one cycle as given."""
    changes = np.array(list(changes), np.int64).reshape(-1, 3)
    return changes[np.argsort(changes[:, 0], kind="stable")]
