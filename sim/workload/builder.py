"""Task graphs as they are added to, in pieces."""

from __future__ import annotations

import numpy as np
from numba import njit

from lightloom.sim.rack.tasks import DELAY, MESSAGE, TaskGraph

from .collectives import Pattern


class Builder:
    """Tasks and dependencies; `vcs` of the chiplet, `count` tasks so far."""

    def __init__(self, vcs: int):
        self.vcs = vcs
        self.names, self._columns, self._edges = [], [], []
        self.count = self.messages = 0

    def message(self, src, dst, nbytes, collective: int) -> np.ndarray:
        """Add messages of the shape of `src`; their numbers."""
        self.messages += src.size
        return self._tasks(MESSAGE, src, dst, nbytes, 0, collective)

    def delay(self, ranks, ns, collective: int) -> np.ndarray:
        """Add delays of the shape of `ranks`; their numbers."""
        return self._tasks(DELAY, ranks, ranks, 0, ns, collective)

    def edge(self, before, after) -> None:
        """Tasks `after` wait for tasks `before`."""
        self._edges.append(tuple(each.reshape(-1) for each in np.broadcast_arrays(before, after)))

    def collective(self, each: Pattern, ranks, enter, collective: int) -> np.ndarray:
        """Add a collective on groups int32[groups, n]; the tasks in which its ranks leave.

        `enter` int64[groups, n]: the tasks in which they have entered.
        """
        nodes = self.message(ranks[:, each.src], ranks[:, each.dst], each.nbytes, collective)
        messages = nodes
        if each.join.size:
            joins = self.delay(ranks[:, each.join], 0, collective)
            self.edge(enter[:, each.join], joins)
            nodes = np.concatenate([nodes, joins], axis=1)
        leave = self.delay(ranks, 0, collective)
        self.edge(enter, leave)
        self.edge(enter[:, each.src], messages)
        self.edge(nodes[:, each.before], nodes[:, each.after])
        self.edge(messages, leave[:, each.src])
        self.edge(messages, leave[:, each.dst])
        return leave

    def graph(self) -> TaskGraph:
        columns = [np.concatenate([piece[i] for piece in self._columns]) for i in range(7)]
        before, after = (np.concatenate([np.empty(0, np.int64), *(edge[i] for edge in self._edges)])
                         for i in range(2))
        succ_ptr = np.zeros(self.count + 1, np.int64)
        np.cumsum(np.bincount(before, minlength=self.count), out=succ_ptr[1:])
        kind, src, dst, nbytes, delay_ns, vc, collective = columns
        return TaskGraph(
            kind=kind, src=src, dst=dst, nbytes=nbytes, delay_ns=delay_ns, vc=vc,
            collective=collective, succ_ptr=succ_ptr, succ=_grouped(before, after, succ_ptr),
            names=tuple(self.names))

    def _tasks(self, kind, src, dst, nbytes, delay_ns, collective):
        vc = max(collective, 0) % self.vcs
        self._columns.append(tuple(
            np.broadcast_to(np.asarray(field, dtype), src.shape).reshape(-1)
            for field, dtype in ((kind, np.uint8), (src, np.int32), (dst, np.int32),
                                 (nbytes, np.int64), (delay_ns, np.int64), (vc, np.uint8),
                                 (collective, np.int32))))
        self.count += src.size
        return np.arange(self.count - src.size, self.count).reshape(src.shape)


@njit(cache=True)
def _grouped(before, after, succ_ptr):
    """`after` sorted by `before`, in the order of the edges (a counting sort)."""
    place = succ_ptr[:-1].copy()
    succ = np.empty(after.size, np.int32)
    for edge in range(after.size):
        succ[place[before[edge]]] = after[edge]
        place[before[edge]] += 1
    return succ
