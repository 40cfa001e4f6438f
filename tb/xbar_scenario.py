"""What a crossbar is run on, in RTL and in the golden model, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lightloom import config

from .routes import TableWrite


def crossbar_config(ports: int, *, vcs: int = 2, endpoints: int = 16, flit_bytes: int = 8,
                    **xbar):
    """A chiplet of host ports alone, with short flits; `xbar` are fields of that section."""
    return config.override(
        config.load("sim"), chiplet__host_ports=ports, chiplet__optical_ports=0,
        chiplet__flit_bytes=flit_bytes, chiplet__vcs=vcs, chiplet__endpoints=endpoints,
        rack__topology="direct", rack__endpoints=2,
        **{f"xbar__{name}": value for name, value in xbar.items()})


def latency(cfg) -> int:
    """Cycles from `valid` in to `valid` out, unloaded."""
    return 1 + 3 * cfg.xbar.stages


@dataclass
class Scenario:
    """What goes into a crossbar from reset on; harness and model run the same.

    Parameters
    ----------
    stimulus : I arrays int64[n, 7] of `traffic.COLUMNS`
        What each input's source sends, in order: each flit no earlier than its cycle, one a
        cycle, and only with a credit of its VC (one of vc >= V without).
    writes : list of TableWrite
    up : list of (cycle, output, value)
        Changes; 1 before the first.
    clear : list of cycles
    holds : list of (output, begin, end)
        The sink of the output returns no credit in the cycles begin <= c < end. In others each
        VC with flits received earlier and not returned yet gets one.
    source_credits : int, optional
        That each source has of each VC; default: `vc_depth`. More overflow the input.
    """

    cfg: object
    stimulus: list[np.ndarray]
    cycles: int
    inputs: int
    outputs: int
    writes: list[TableWrite]
    up: list[tuple[int, int, int]] = field(default_factory=list)
    clear: list[int] = field(default_factory=list)
    holds: list[tuple[int, int, int]] = field(default_factory=list)
    source_credits: int | None = None


@dataclass(frozen=True)
class XbarRun:
    """What a crossbar made of a scenario.

    `delivered` holds an array for each of `traffic.DELIVERED`, in the order of cycle and output;
    `inputs` and `outputs` the status of each port as visible in the cycle after the last;
    `stops` is the list of (cycle, input, vc, set of outputs) of each change.
    """

    delivered: dict[str, np.ndarray]
    inputs: list[dict]
    outputs: list[dict]
    stops: list[tuple[int, int, int, int]]
