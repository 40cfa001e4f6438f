"""What runs of the output-queued model leave."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Channels:
    """Of each channel of the network, over the whole run."""

    node: np.ndarray        # int32: that it leaves
    into: np.ndarray        # int32: that it goes to
    packets: np.ndarray     # int64
    nbytes: np.ndarray      # int64
    busy_ns: np.ndarray     # float64: time of sending
    wait_ns: np.ndarray     # float64: of its packets in its queue, summed


@dataclass(frozen=True)
class LoadRun:
    """Open-loop traffic. Latency: a packet is made to its last byte at its destination.

    Means, percentiles and the histogram are of the packets made in the window from `warmup_ns`
    to `span_ns`; NaN when there is none, or not `stable`.
    """

    offered: float           # bytes/ns and endpoint, in the window
    accepted: float          # bytes/ns and endpoint, delivered in the window
    latency_mean: float      # ns
    latency_ci: float        # half width of 95 %, by the means of 20 batches
    latency_p50: float       # ns
    latency_p99: float       # ns
    latency_max: float       # ns
    hops_mean: float         # switches passed
    stable: bool
    why: str                 # when it is not stable
    warmup_ns: float
    span_ns: float
    packets: int             # delivered, ever
    inside: int              # packets that were still on the way at the end
    area: float              # packets inside, integrated over time: packet-ns
    seconds: float           # wall time of the compiled loop
    latency: np.ndarray      # float64[packets made]: ns, NaN on the way
    channels: Channels

    def row(self) -> dict:
        """The scalars, for a table."""
        return {each.name: getattr(self, each.name) for each in fields(self)
                if each.name not in ("latency", "channels")}


@dataclass(frozen=True)
class TaskRun:
    """A task graph to its end."""

    done_ns: np.ndarray      # float64[tasks]: NaN when not in the time that was given
    end_ns: float            # the last one
    packets: int
    nbytes: int
    area: float              # packet-ns
    seconds: float
    channels: Channels
