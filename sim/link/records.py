"""Registers of a link end: one record for each place (docs/link.md)."""

from __future__ import annotations

import numpy as np

EMPTY, FLIT, TAIL, SAME, TRAIN = range(5)
"""What stages A and B hold. `SAME`: a bare tail that tells the far end nothing new."""


MOST_CYCLES = 2**31 - 1
"""Of a run: what is counted once a cycle at most has 32 bits, so that more of it is in a cache."""


def _record(*fields: str, short=()) -> np.dtype:
    return np.dtype([(field, np.int64) for field in fields]
                    + [(field, np.int32) for field in short], align=True)


# Compiled code reads a record through a bare pointer, where a view of a row of an array would
# be counted in and out.
END = _record(
    "wake",                                # nothing but a wire changes the end before this cycle
    "due",                                 # the next tail under way becomes visible in this one
    "carried",                             # blocks written in rows so far
    short=(
        "launched", "judged",              # tails whose last row is written; tails judged
        "input", "output", "peer",
        "fibre",                           # cycles of flight to the peer
        "lanes", "uneven",                 # live ones, of what it sends; rows complete now more,
                                           # now fewer beats
        "wr", "tx", "acked", "have",       # replay ring
        "next_vc", "queued",               # admission: `avp`; bit v: the FIFO of VC v holds a flit
        "count", "heads",                  # n and h of the open frame
        "dirty", "keepalive",              # a bare tail is wanted
        "a", "b",                          # stages: EMPTY, FLIT, TAIL or SAME
        "loaded", "taken",                 # tails that the framer loaded, that the adapter took
        "held",                            # blocks held by the row former
        "written", "wrote", "slot",        # rows written, cycle and slot of the last
        "row", "free", "drained",          # see adapter: the last row at the far end
        "expected", "delivered",           # flits accepted, flits given to `o`
        "lossy",                           # whether errors are modelled
    ))
"""One end. `wr`, `tx`, `acked`, `expected`, `delivered` count flits and `loaded`, `taken`,
`launched`, `judged` tails, all since reset and without a modulus: their differences never reach
the moduli of the contract, so equality and order are the same."""

CHANNEL = _record(short=("sent", "limit", "granted", "head", "fill"))
"""One VC of an end: flits sent and the limit on them; the limit that we grant the far end; the
FIFO's first flit and how many it holds."""

TAILS = _record("last", short=("visible", "flits", "ack"))
"""One tail: the cycle in which the far end's registers show what it carried, `count`, `ack`, and
how many blocks the end has sent when its last one is."""

SLOT = _record("row", "read", "arrival")
"""One slot for a payload row: number of the line row, cycle in which it is pulled, and in which it
is read at the far end, but for the flight."""

CLOCK = _record("cycle", "slot", "first", "known")
"""The first slot for a row written in `cycle`; the first slot that is in `slots`; the first one
after it that is not yet."""

REPLAY = _record(
    "up", "hears",                         # the state: up, or RETRAIN; `hears` of its trains
    "dark_from", "dark_to",                # in these cycles nothing comes: not `aligned`
    "requested", "replayed", "epoch",      # a replay is due; the cycle of the last one's begin
    "timer", "silence", "tries",
    "nak", "nak_epoch",                    # of the receiver,
    "told_nak", "told_nak_epoch",          # and as the last tail loaded had them
    "leftover",                            # the receiver holds flits whose tail was not seen
    # What it has sent since the last tail or train, as rows are written.
    "begun", "kept", "hurt",               # NEWS
    "flip", "lost",                        # sets of beats, from the one that is in part written
    "hit",                                 # next of the given errors
    # Counters: docs/link.md, Status.
    "frames", "crc_errors", "gaps", "duplicates", "replays", "timeouts", "retrains", "link_downs",
)
"""One end whose link has errors."""

NEWS = _record(
    "train", "hears",                      # a train, and what it says
    "seq", "nak", "nak_epoch", "epoch",
    "begun",                               # cycle in which the first flit before it comes, or -1
    "kept",                                # a flit before it is taken for one
    "hurt",                                # an error struck a flit before it
    "code",                                # what errors do to it: GOOD, FLIPPED or LOST
)
"""What a tail carries, and how it fares, where the link has errors."""

GOOD, FLIPPED, LOST = range(3)
"""A beat without errors; with wrong bits that the CRC sees; one that is not taken for a beat."""
