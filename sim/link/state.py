"""State of link ends (docs/link.md), and what of the configuration their steps need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.config import CROSSING_DEPTH, STAGES, ConfigError
from lightloom.config.derived import FIBRE_NS_PER_M

from ..serdes.linecode import BLOCK_BITS
from .records import CHANNEL, CLOCK, END, NEWS, REPLAY, SLOT, TAILS

NEVER = np.iinfo(np.int64).max

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
    blocks: int            # W
    timeout_cycles: int
    silence_cycles: int
    replay_limit: int


class LinkState(NamedTuple):
    """Link ends 0..ends-1, each with its peer among them. The last axis of `fifo` and `ring` and
    the second of `tails` and `limits` is a power of two.

    `ends` END[ends]; `channels` CHANNEL[ends, vcs]; `fifo` int64[ends, vcs, *]: the admission
    FIFOs; `tails` TAILS[ends, *] and `limits` int32[ends, *, vcs]: tails loaded and not yet
    judged at the far end; `reads` int32[ends, 8]: when the last rows written are read; `slots`
    SLOT[AHEAD] and `clock` CLOCK[1]: shared by all ends.

    `ring` int64[ends, *] holds flits in the order of admission. It is the replay ring, and as the
    far end delivers out of it too, it is longer than R by what that end may have acknowledged and
    not yet delivered.

    Of ends whose link has errors (`lossy`) also: `replay` REPLAY[ends]; `news` NEWS[ends, *], as
    `tails`; `ber` float64[ends, L]: probability that a row has an error on one of the live lanes
    0..l; `hits` int64[ends, *]: given errors, see :mod:`.errors`; `noise` uint64[1]: seed.
    """

    rules: Rules
    errors: bool            # whether links may have errors
    ends: np.ndarray
    channels: np.ndarray
    fifo: np.ndarray
    ring: np.ndarray
    tails: np.ndarray
    limits: np.ndarray
    reads: np.ndarray
    slots: np.ndarray
    clock: np.ndarray
    replay: np.ndarray
    news: np.ndarray
    ber: np.ndarray
    hits: np.ndarray
    noise: np.ndarray


LEAD = 32
"""An end may be stepped up to so many cycles ahead of its peer, if that is less than the flight:
all that an end learns of its peer takes longer."""


def make_links(cfg, inputs, outputs, peers, *, fibre_m=None, lanes=None,
               hits=None, seed=0) -> LinkState:
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
    fibre_m : float[ends], optional
        Length of the fibre that each end sends into; `rack.fibre_m` by default.
    lanes : int[ends], optional
        Live lanes of what each end sends, 1..L; all by default.
    hits : int64[ends, n], optional
        Errors on what each end sends, by :func:`.errors.hit`, ascending, then NEVER.
    seed : int
        Of random errors.

    Raises
    ------
    ValueError
        The clock of the words is not the core clock, or there is FEC.
    ConfigError
        A length is not above 0, or a number of lanes not 1..L.
    """
    derived, link, serdes = cfg.derived, cfg.link, cfg.serdes
    if len(peers) and not derived.common_clock:
        raise ValueError(
            f"chiplet.core_mhz = {cfg.chiplet.core_mhz:g}: the model of a link knows one clock, "
            f"serdes.lane_gbps / serdes.word_bits = {derived.word_mhz:g} MHz")
    if len(peers) and serdes.fec != "none":
        raise ValueError(f'serdes.fec = "{serdes.fec}": the model of a link has no FEC, '
                         'it must be "none"')
    vcs, count = cfg.chiplet.vcs, len(peers)
    blocks = derived.blocks
    rules = Rules(
        vcs, link.frame_flits, derived.frame_heads, link.replay_flits, link.keepalive_cycles,
        serdes.word_bits, serdes.marker_period, blocks, derived.timeout_cycles,
        derived.silence_cycles, link.replay_limit)
    ends, channels = np.zeros(count, END), np.zeros((count, vcs), CHANNEL)
    ends["wake"] = ends["due"] = NEVER
    ends["input"], ends["output"], ends["peer"] = inputs, outputs, peers
    ends["fibre"] = flight_cycles(cfg, np.full(count, cfg.rack.fibre_m) if fibre_m is None
                                  else np.asarray(fibre_m, float))
    set_lanes(cfg, ends, slice(None), np.full(count, serdes.lanes) if lanes is None
              else np.asarray(lanes))
    channels["limit"] = channels["granted"] = cfg.xbar.vc_depth
    # A tail is loaded at most once a cycle, waits in A and B, then for the rows before it and its
    # own (marker rows may come between), then flies.
    rows = CROSSING_DEPTH + 4 + 4 * -(-blocks // serdes.lanes)
    tails = _power_of_two(
        rows * -(-BLOCK_BITS // serdes.word_bits) + STAGES.adapter_tx
        + int(max(ends["fibre"], default=0)) + LEAD + STAGES.adapter_rx
        + 2 * -(-serdes.lanes // blocks) + STAGES.link_rx)
    # A frame of n flits takes at least n+1 cycles to come in and n to be delivered, so never
    # more than F flits wait for delivery.
    ring = _power_of_two(link.replay_flits + link.frame_flits + 1)
    clock = np.zeros(1, CLOCK)
    clock["cycle"], ends["slot"], ends["wrote"] = -1, -1, -2
    return LinkState(
        rules, True, ends, channels,
        fifo=np.zeros((count, vcs, _power_of_two(cfg.xbar.egress_depth)), np.int64),
        ring=np.zeros((count, ring), np.int64),
        tails=np.zeros((count, tails), TAILS),
        limits=np.zeros((count, tails, vcs), np.int32),
        reads=np.full((count, CROSSING_DEPTH), -CROSSING_DEPTH, np.int32),
        slots=np.zeros(AHEAD, SLOT),
        clock=clock,
        replay=np.zeros(count, REPLAY),
        news=np.zeros((count, tails), NEWS),
        ber=np.zeros((count, serdes.lanes)),
        hits=np.full((count, 1), NEVER) if hits is None else np.ascontiguousarray(hits, np.int64),
        noise=np.full(1, seed, np.uint64),
    )


def flight_cycles(cfg, metres):
    """Cycles of flight through fibres of so many metres: int64.

    Raises
    ------
    ConfigError
        A length is not above 0.
    """
    if not (metres > 0).all():
        raise ConfigError(f"length of a fibre: must be above 0 m, there is one of "
                          f"{metres[~(metres > 0)][0]:g} m")
    return np.ceil(metres * FIBRE_NS_PER_M * cfg.chiplet.core_mhz / 1000).astype(np.int64)


def set_lanes(cfg, ends, which, lanes) -> None:
    """Let ends send on so many live lanes, from the next row on.

    Raises
    ------
    ConfigError
        A number is not 1..L.
    """
    most, blocks = cfg.serdes.lanes, cfg.derived.blocks
    lanes = np.asarray(lanes)
    if lanes.size and (lanes.min() < 1 or lanes.max() > most):
        raise ConfigError(f"live lanes of a link: must be 1 to {most}, "
                          f"they are {lanes.min()} to {lanes.max()}")
    ends["lanes"][which] = lanes
    ends["uneven"][which] = (lanes > blocks) & (lanes % blocks > 0)


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
