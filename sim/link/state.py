"""State of link ends (docs/link.md), and what of the configuration their steps need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.config import STAGES

from ..serdes.linecode import BLOCK_BITS

NEVER = np.iinfo(np.int64).max

(WR, TX, ACKED, HAVE, NEXT_VC, QUEUED, COUNT, HEADS, DIRTY, KEEPALIVE, STAGE_A, STAGE_B,
 LOADED, TAKEN, ROW, GATHERED, JUDGED, EXPECTED, DELIVERED, REGS) = range(20)
"""Columns of `LinkState.reg`. `WR`, `TX`, `ACKED`, `EXPECTED`, `DELIVERED` count flits and
`LOADED`, `TAKEN`, `JUDGED` tails, all since reset and without a modulus: their differences never
reach the moduli of the contract, so equality and order are the same. `QUEUED`: bit v says that
the FIFO of VC v holds a flit. `COUNT`, `HEADS`: n and h of the open frame. `ROW`, `GATHERED`: the
row that beats gather for, and how many have."""

SENT, LIMIT, GRANTED, HEAD, FILL, VC_REGS = range(6)
"""Columns of `LinkState.vc`: flits sent, the limit on them, the limit that we grant the far end;
the FIFO's first flit and how many it holds."""

VISIBLE, FLITS, ACK, GRANTS = range(4)
"""Columns of `LinkState.tails`: the cycle in which the far end's registers show what the tail
carried, `count`, `ack`, and from `GRANTS` on `limit[v]`."""

EMPTY, FLIT, TAIL, SAME = range(4)
"""What stages A and B hold. `SAME`: a bare tail that tells the far end nothing new."""

CYCLE, NEXT_ROW, PULLED, SHOWN = range(4)
"""`LinkState.clock`, good for the cycle `CYCLE`: the payload row that a beat taken in it goes to
(or first row of a group), whether that row is pulled in it, and what `VISIBLE` of a tail in the
row's beat 0 is."""


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
    """Link ends 0..ends-1, each with its peer among them.

    `inputs`, `outputs`, `peers` int64[ends]: see :func:`make_links`;
    `wake` int64[ends]: nothing but a wire can change the end before this cycle;
    `reg` int64[ends, REGS]; `vc` int64[ends, vcs, VC_REGS];
    `fifo` int64[ends, vcs, power of two]: the admission FIFOs;
    `ring` int64[ends, power of two]: flits in the order of admission. It is the replay ring, and
    as the far end delivers out of it too, it is longer than R by what that end may have
    acknowledged and not yet delivered;
    `tails` int64[ends, power of two, GRANTS + vcs]: tails loaded and not yet judged at the far end;
    `clock` int64[4]: shared by all ends.
    """

    rules: Rules
    inputs: np.ndarray
    outputs: np.ndarray
    peers: np.ndarray
    wake: np.ndarray
    reg: np.ndarray
    vc: np.ndarray
    fifo: np.ndarray
    ring: np.ndarray
    tails: np.ndarray
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
    vcs, depth, ends = cfg.chiplet.vcs, cfg.xbar.vc_depth, len(peers)
    rules = Rules(
        vcs, link.frame_flits, derived.frame_heads, link.replay_flits, link.keepalive_cycles,
        serdes.word_bits, serdes.marker_period, derived.beats_per_row, derived.rows_per_beat,
        derived.fibre_cycles)
    # A tail is loaded at most once a cycle, waits in A and B and for its row (a marker row may
    # come first), then flies.
    rows = 4 + 2 * derived.rows_per_beat
    flight = (rows * -(-BLOCK_BITS // serdes.word_bits) + STAGES.adapter_tx + derived.fibre_cycles
              + STAGES.adapter_rx + derived.beats_per_row + STAGES.link_rx)
    vc = np.zeros((ends, vcs, VC_REGS), np.int64)
    vc[:, :, LIMIT] = vc[:, :, GRANTED] = depth
    return LinkState(
        rules,
        *(np.array(numbers, np.int64) for numbers in (inputs, outputs, peers)),
        wake=np.full(ends, NEVER),
        reg=np.zeros((ends, REGS), np.int64),
        vc=vc,
        fifo=np.zeros((ends, vcs, _power_of_two(cfg.xbar.egress_depth)), np.int64),
        # A frame of n flits takes at least n+1 cycles to come in and n to be delivered, so never
        # more than F flits wait for delivery.
        ring=np.zeros((ends, _power_of_two(link.replay_flits + link.frame_flits + 1)), np.int64),
        tails=np.zeros((ends, _power_of_two(flight), GRANTS + vcs), np.int64),
        clock=np.full(4, -1, np.int64),
    )


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
