"""A workload as tasks (docs/rack.md, Workload)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DELAY, MESSAGE = 0, 1
"""Values of `TaskGraph.kind`."""


@dataclass(frozen=True)
class TaskGraph:
    """Messages between endpoints and delays on one; a task starts when those before it are done.

    Arrays are over n tasks, but for the last three. `succ[succ_ptr[t]:succ_ptr[t + 1]]` are the
    tasks that wait for task t.
    """

    kind: np.ndarray         # uint8: DELAY or MESSAGE
    src: np.ndarray          # int32: endpoint that delays, or sends
    dst: np.ndarray          # int32: endpoint that receives (a delay's own)
    nbytes: np.ndarray       # int64: bytes of a message over all planes
    delay_ns: np.ndarray     # int64: how long a delay lasts
    vc: np.ndarray           # uint8
    collective: np.ndarray   # int32: communication it belongs to, -1 for none
    succ_ptr: np.ndarray     # int64[n + 1]
    succ: np.ndarray         # int32
    names: tuple[str, ...]   # of the communications
