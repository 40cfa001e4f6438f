"""What a run of the rack model leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RackResult:
    """Packets, in the order in which they were offered, and flits over time.

    A cycle is -1 where the event is not in the window.
    """

    # Of each packet.
    src: np.ndarray              # int32
    dst: np.ndarray              # int32
    vc: np.ndarray               # uint8
    nbytes: np.ndarray           # int32: payload
    task: np.ndarray             # int32: message that it belongs to
    offered: np.ndarray          # int64: cycle in which its first beat has `tvalid`
    accepted: np.ndarray         # int64: and `tready`
    head: np.ndarray             # int64: its first beat shows at the destination's host port
    delivered: np.ndarray        # int64: its last beat shows there
    # Of each task.
    task_done: np.ndarray        # int64: cycle
    # Flits.
    link_flits: np.ndarray       # int32[buckets, link directions]: delivered by each
    link_names: list[str]        # "gpu 17 -> leaf 0"; one for each column
    delivered_flits: np.ndarray  # int64[buckets]: at host ports
    vc_flits: np.ndarray         # int64[vcs]: the same, by VC
    flit_hops: int               # flits through crossbars
    bucket: int                  # cycles; the last bucket may be cut short by the window
    cycles: int                  # of the window
    seconds: float               # wall time of the compiled loop, without compilation
