"""State of link ends (docs/link.md), and what of the configuration their steps need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.config import STAGES

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
    "loaded", "taken",                     # tails that the framer loaded, that the adapter took
    "row", "gathered",                     # the row that beats gather for, and how many have
    "judged", "expected", "delivered",     # tails judged, flits accepted, flits given to `o`
)
"""One end. `wr`, `tx`, `acked`, `expected`, `delivered` count flits and `loaded`, `taken`,
`judged` tails, all since reset and without a modulus: their differences never reach the moduli of
the contract, so equality and order are the same."""

CHANNEL = _record("sent", "limit", "granted", "head", "fill")
"""One VC of an end: flits sent and the limit on them; the limit that we grant the far end; the
FIFO's first flit and how many it holds."""

TAILS = _record("visible", "flits", "ack")
"""One tail: the cycle in which the far end's registers show what it carried, `count`, `ack`."""

CLOCK = _record("cycle", "row", "pulled", "visible")
"""Good for one cycle: the payload row that a beat taken in it goes to, whether that row is pulled
in it (and starts a beat), and what `visible` of a tail in the row's beat 0 is."""


class Rules(NamedTuple):
    """The configuration as the steps need it; docs/link.md has the capital letters."""

    vcs: int               # V
    frame_flits: int       # F
    frame_heads: int       # H
    replay_flits: int      # R
    keepalive_cycles: int
    word_bits: int
    marker_period: int
    beats_per_row: int
    rows_per_beat: int
    fibre_cycles: int


class LinkState(NamedTuple):
    """Link ends 0..ends-1, each with its peer among them. The last axis of `fifo` and `ring` and
    the second of `tails` and `limits` is a power of two.

    `ends` END[ends]; `channels` CHANNEL[ends, vcs]; `fifo` int64[ends, vcs, *]: the admission
    FIFOs; `tails` TAILS[ends, *] and `limits` int64[ends, *, vcs]: tails loaded and not yet
    judged at the far end; `clock` CLOCK[1]: shared by all ends.

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
    """
    derived, link, serdes = cfg.derived, cfg.link, cfg.serdes
    vcs, count = cfg.chiplet.vcs, len(peers)
    rules = Rules(
        vcs, link.frame_flits, derived.frame_heads, link.replay_flits, link.keepalive_cycles,
        serdes.word_bits, serdes.marker_period, derived.beats_per_row, derived.rows_per_beat,
        derived.fibre_cycles)
    ends, channels = np.zeros(count, END), np.zeros((count, vcs), CHANNEL)
    ends["wake"], ends["input"], ends["output"], ends["peer"] = NEVER, inputs, outputs, peers
    channels["limit"] = channels["granted"] = cfg.xbar.vc_depth
    # A tail is loaded at most once a cycle, waits in A and B and for its row (a marker row may
    # come first), then flies.
    rows = 4 + 2 * derived.rows_per_beat
    tails = _power_of_two(
        rows * -(-BLOCK_BITS // serdes.word_bits) + STAGES.adapter_tx + derived.fibre_cycles
        + STAGES.adapter_rx + derived.beats_per_row + STAGES.link_rx)
    # A frame of n flits takes at least n+1 cycles to come in and n to be delivered, so never
    # more than F flits wait for delivery.
    ring = _power_of_two(link.replay_flits + link.frame_flits + 1)
    clock = np.zeros(1, CLOCK)
    clock["cycle"] = -1
    return LinkState(
        rules, ends, channels,
        fifo=np.zeros((count, vcs, _power_of_two(cfg.xbar.egress_depth)), np.int64),
        ring=np.zeros((count, ring), np.int64),
        tails=np.zeros((count, tails), TAILS),
        limits=np.zeros((count, tails, vcs), np.int64),
        clock=clock,
    )


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
