"""Throughput of a saturated link: without errors, and against the bit error rate of its lanes.

Go-back-N as docs/link.md has it, both directions saturated with long packets. Derivation:
docs/framing.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from lightloom.config import CROSSING_DEPTH, STAGES

from .syndromes import TAPS


def frame_flits(cfg, packet: int) -> int:
    """Flits of a frame under saturation, in packets of `packet` flits: F, or what H heads take."""
    return min(cfg.link.frame_flits, cfg.derived.frame_heads * packet)


def efficiency(cfg, packet: int | None = None) -> float:
    """Payload bits of a line bit without errors: line code, FEC, markers, and tails.

    Acknowledges and credits go with tails that are sent anyway, so they cost nothing more.
    `packet`: flits of a packet; long ones, if it is not given.
    """
    flits = frame_flits(cfg, packet or cfg.link.frame_flits)
    return cfg.derived.code_rate * flits / (flits + 1)


@dataclass(frozen=True)
class Timing:
    """Core cycles: `beat` on the line; `frame` of F flits and the tail; `news` from the choice of a
    tail to the far end's registers, behind full queues."""

    beat: float
    frame: float
    news: float


def timing(cfg) -> Timing:
    d, serdes = cfg.derived, cfg.serdes
    row = 66 / d.lane_bits * (serdes.marker_period + 1) / serdes.marker_period
    beat = row * d.blocks / serdes.lanes
    # A beat is chosen when the one two before it is taken. Its row is written when there is room,
    # known `crossing` cycles after a row is read, and read behind the rows before it. Then the
    # scrambler and the gearbox, and the rest of the row; flight; receiver; judged, visible.
    queue = 2 * beat + CROSSING_DEPTH * row - STAGES.crossing
    line = STAGES.adapter_tx - STAGES.crossing + -(-66 // serdes.word_bits) - 1
    return Timing(beat, (cfg.link.frame_flits + 1) * beat,
                  queue + line + d.fibre_cycles + STAGES.adapter_rx + STAGES.link_rx - 1)


@dataclass(frozen=True)
class Goodput:
    """`share`: flits accepted, relative to a link without errors; `period`: cycles from one replay
    to the next, mean."""

    share: float
    period: float

    def spread(self, cycles: float) -> float:
        """Relative standard deviation of the share over so many cycles, roughly.

        The frames accepted between replays are geometric, so as spread as their mean, and are a
        part `share` of the time that they count against.
        """
        return 1.3 * (1 - self.share) / sqrt(max(1, cycles / self.period))


def goodput(cfg, ber: float, t: Timing | None = None) -> Goodput:
    """Throughput at a bit error rate (> 0), independent errors, both directions.

    Parameters
    ----------
    cfg : lightloom.config.Config
        Without FEC; all lanes live; rows and beats of the same size or multiples of each other.
    ber : float
        Probability that a bit of a lane is wrong.
    t : Timing, optional
        Default: :func:`timing` of `cfg`.
    """
    d, lanes, period = cfg.derived, cfg.serdes.lanes, cfg.serdes.marker_period
    t, flits = t or timing(cfg), cfg.link.frame_flits
    blocks = d.blocks * (flits + 1)
    # Line bits whose error spoils a frame: its own, and the last ones of the block before on each
    # lane. Those belong to the frame before, or to a marker now and then.
    spill = TAPS[-1] * lanes
    own = 66 * blocks + spill * blocks / lanes / period

    def good(bits):
        return (1 - ber)**bits

    fails = 1 - good(own + spill)             # a frame
    after_good = 1 - good(own)                # one behind a good one
    after_bad = 1 - (1 - fails) * after_good / fails
    # A tail that is not recognised: its headers, and its type byte through the descrambler.
    unseen = 1 - good(2 * d.blocks + 8 * (1 + len(TAPS)))
    accepted = (1 - fails) / after_good       # frames in a row behind a replay, mean
    # The request waits for the next tail of the other direction, and on until its frame is good.
    # A replay that a tail asked for puts its own tails `news` behind that direction's. So where
    # the last replay was the other direction's, its tails are `news` behind ours: there is no
    # wait. Where it was ours, a request waits for what the way there and back lacks to whole
    # frames. Each is as likely.
    wait = -2 * t.news % t.frame / 2 + t.frame * fails / (1 - after_bad)
    share = 1.0
    for _ in range(50):
        # Behind a replay's begin a bare tail fits if there is news: a credit in the last cycle.
        bare = min(1.0, share * flits / t.frame)
        # A first frame that fails, before the far end knows the epoch, is asked for again only
        # when a good one has told it.
        blind = fails * (1 - bare * good(66 * d.blocks + spill))
        known = accepted + 1 + blind / (1 - after_bad)      # frames until a failure is known
        cycles = (2 * t.news + wait + known * t.frame - t.beat
                  + t.frame * unseen * after_good / fails
                  + t.beat * (flits / (flits + 1) + bare))
        share = accepted * t.frame / cycles
    return Goodput(share, cycles)
