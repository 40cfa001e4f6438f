"""State of link ends (docs/link.md), and what of the configuration their steps need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.config import CROSSING_DEPTH, STAGES

from ..serdes.linecode import BLOCK_BITS

NEVER = np.iinfo(np.int64).max

EMPTY, FLIT, TAIL, SAME = range(4)
"""What stages A and B hold. `SAME`: a bare tail that tells the far end nothing new."""


def _record(*fields: str) -> np.dtype:
    return np.dtype([(field, np.int64) for field in fields])


# Compiled code reads a record through a bare pointer, where a view of a row of an array would
# be counted in and out.
END = _record(
    "wake",                                # nothing but a wire changes the end before this cycle
    "input", "output", "peer",
    "wr", "tx", "acked", "have",           # replay ring
    "next_vc", "queued",                   # admission: `avp`; bit v: the FIFO of VC v holds a flit
    "count", "heads",                      # n and h of the open frame
    "dirty", "keepalive",                  # a bare tail is wanted
    "a", "b",                              # stages: EMPTY, FLIT, TAIL or SAME
    "loaded", "taken", "launched",         # tails that the framer loaded, that the adapter took,
                                           # whose last row is written
    "held", "carried",                     # blocks held by the row former, written in rows so far
    "written", "wrote", "slot",            # rows written, cycle and slot of the last
    "row", "free", "drained",              # see adapter: the last row at the far end
    "judged", "expected", "delivered",     # tails judged, flits accepted, flits given to `o`
)
"""One end. `wr`, `tx`, `acked`, `expected`, `delivered` count flits and `loaded`, `taken`,
`launched`, `judged` tails, all since reset and without a modulus: their differences never reach
the moduli of the contract, so equality and order are the same."""

CHANNEL = _record("sent", "limit", "granted", "head", "fill")
"""One VC of an end: flits sent and the limit on them; the limit that we grant the far end; the
FIFO's first flit and how many it holds."""

TAILS = _record("visible", "flits", "ack", "last")
"""One tail: the cycle in which the far end's registers show what it carried, `count`, `ack`, and
how many blocks the end has sent when its last one is."""

SLOT = _record("row", "read", "arrival")
"""One slot for a payload row: number of the line row, cycle in which it is pulled, and in which it
is read at the far end."""

CLOCK = _record("cycle", "slot", "known")
"""The first slot for a row written in `cycle`; the first slot that is not in `slots` yet."""

AHEAD = 64
"""Slots kept; half of them lie ahead: more than rows are in a crossing. A power of two."""


class Rules(NamedTuple):
    """The configuration as the steps need it; docs/link.md has the capital letters."""

    vcs: int               # V
    frame_flits: int       # F
    frame_heads: int       # H
    replay_flits: int      # R
    keepalive_cycles: int
    word_bits: int
    marker_period: int
    lanes: int             # L
    blocks: int            # W
    fibre_cycles: int
    uneven: bool           # rows complete now more, now fewer beats


class LinkState(NamedTuple):
    """Link ends 0..ends-1, each with its peer among them. The last axis of `fifo` and `ring` and
    the second of `tails` and `limits` is a power of two.

    `ends` END[ends]; `channels` CHANNEL[ends, vcs]; `fifo` int64[ends, vcs, *]: the admission
    FIFOs; `tails` TAILS[ends, *] and `limits` int64[ends, *, vcs]: tails loaded and not yet
    judged at the far end; `reads` int64[ends, 8]: when the last rows written are read; `slots`
    SLOT[AHEAD] and `clock` CLOCK[1]: shared by all ends.

    `ring` int64[ends, *] holds flits in the order of admission. It is the replay ring, and as the
    far end delivers out of it too, it is longer than R by what that end may have acknowledged and
    not yet delivered.
    """

    rules: Rules
    ends: np.ndarray
    channels: np.ndarray
    fifo: np.ndarray
    ring: np.ndarray
    tails: np.ndarray
    limits: np.ndarray
    reads: np.ndarray
    slots: np.ndarray
    clock: np.ndarray


def make_links(cfg, inputs, outputs, peers) -> LinkState:
    """Link ends in steady state: both ends of each link ACTIVE, no traffic yet.

    Bring-up is not modelled. Until it is over no flit moves, and what it leaves is what this
    makes: pointers 0, limits `vc_depth`, nothing to tell. Rows and keepalives follow from the
    cycle alone. So RTL out of the same reset, once it is ACTIVE and has sent a keepalive, is in
    the state that the model has reached with the keepalives it sends from the start.

    Parameters
    ----------
    cfg : lightloom.config.Config
    inputs : int64[ends]
        Wire of each end's `i`: flits to send come in, credits go back.
    outputs : int64[ends]
        Wire of each end's `o`: received flits go out, credits come back.
    peers : int64[ends]
        The end at the far side of each end's fibre.

    Raises
    ------
    ValueError
        The clock of the words is not the core clock, or there is FEC.
    """
    derived, link, serdes = cfg.derived, cfg.link, cfg.serdes
    if not derived.common_clock:
        raise ValueError(
            f"chiplet.core_mhz = {cfg.chiplet.core_mhz:g}: the model of a link knows one clock, "
            f"serdes.lane_gbps / serdes.word_bits = {derived.word_mhz:g} MHz")
    if serdes.fec != "none":
        raise ValueError(f'serdes.fec = "{serdes.fec}": the model of a link has no FEC, '
                         'it must be "none"')
    vcs, count = cfg.chiplet.vcs, len(peers)
    lanes, blocks = serdes.lanes, derived.blocks
    rules = Rules(
        vcs, link.frame_flits, derived.frame_heads, link.replay_flits, link.keepalive_cycles,
        serdes.word_bits, serdes.marker_period, lanes, blocks, derived.fibre_cycles,
        uneven=lanes > blocks and lanes % blocks > 0)
    ends, channels = np.zeros(count, END), np.zeros((count, vcs), CHANNEL)
    ends["wake"], ends["input"], ends["output"], ends["peer"] = NEVER, inputs, outputs, peers
    channels["limit"] = channels["granted"] = cfg.xbar.vc_depth
    # A tail is loaded at most once a cycle, waits in A and B, then for the rows before it and its
    # own (marker rows may come between), then flies.
    rows = CROSSING_DEPTH + 4 + 4 * -(-blocks // lanes)
    tails = _power_of_two(
        rows * -(-BLOCK_BITS // serdes.word_bits) + STAGES.adapter_tx + derived.fibre_cycles
        + STAGES.adapter_rx + 2 * -(-lanes // blocks) + STAGES.link_rx)
    # A frame of n flits takes at least n+1 cycles to come in and n to be delivered, so never
    # more than F flits wait for delivery.
    ring = _power_of_two(link.replay_flits + link.frame_flits + 1)
    clock = np.zeros(1, CLOCK)
    clock["cycle"], ends["slot"], ends["wrote"] = -1, -1, -2
    return LinkState(
        rules, ends, channels,
        fifo=np.zeros((count, vcs, _power_of_two(cfg.xbar.egress_depth)), np.int64),
        ring=np.zeros((count, ring), np.int64),
        tails=np.zeros((count, tails), TAILS),
        limits=np.zeros((count, tails, vcs), np.int64),
        reads=np.full((count, CROSSING_DEPTH), -CROSSING_DEPTH),
        slots=np.zeros(AHEAD, SLOT),
        clock=clock,
    )


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
