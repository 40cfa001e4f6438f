"""What crosses the boundary of a link end in a cycle."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    RESET = 0
    LIGHT = 1
    LOCK = 2
    ALIGNED = 3
    EXCHANGED = 4
    ACTIVE = 5
    DEGRADED = 6
    SLEEP = 7
    RETRAIN = 8
    FAULT = 9


UP = frozenset({State.ACTIVE, State.DEGRADED, State.SLEEP})


class Flit(NamedTuple):
    """`payload` int of `flit_bits`; `end` 0 none, 1 full, 2 partial, 3 abort."""

    vc: int
    first: int
    end: int
    src: int
    dst: int
    payload: int


class Beat(NamedTuple):
    """`payload` int of `flit_bits`; `ctrl`, `error`: bit b for block b."""

    payload: int
    ctrl: int
    error: int = 0


class Inputs(NamedTuple):
    """Inputs of a cycle.

    `flit`: what `i` brings, or None; `credit`: VCs of which `o` gives a slot back, bit v; `ready`:
    the adapter takes the beat that is offered; `beat`: what it gives, or None; `wires`: (signal,
    locked, marker_lock, lane, error) of each; `rst`: the next cycle is the first one out of reset.
    """

    flit: Flit | None
    credit: int
    ready: int
    beat: Beat | None
    aligned: int
    wires: tuple
    restart: int = 0
    sleep: int = 0
    rst: int = 0


class Status(NamedTuple):
    """`LinkStatus`; `mismatch`, `off`, `off_heard` are sets as bits, `stalled` one count a VC."""

    state: int
    session: int
    theirs: int
    mismatch: int
    off: int
    off_heard: int
    frames: int
    crc_errors: int
    gaps: int
    duplicates: int
    replays: int
    timeouts: int
    bad_acks: int
    retrains: int
    link_downs: int
    sessions: int
    lane_removals: int
    lost_flits: int
    aborts: int
    stalled: tuple


class Outputs(NamedTuple):
    """Outputs as visible in a cycle: `tx` is the beat offered, or None; `flit` what `o` brings;
    `credit` the VCs whose slot `i` gives back."""

    tx: Beat | None
    flit: Flit | None
    credit: int
    lanes_off: int
    status: Status
