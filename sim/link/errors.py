"""What errors on the line do to the beats of a link (docs/faults.md, Bit errors).

An error is one wrong bit of a row: bit 0 or 1 of a block's header, or one of the 64 of its payload.
A wrong header bit spoils the block. Descrambled, a wrong payload bit spoils those 39 and 58
bits later too, the last of them in the next block of the lane.
"""

from __future__ import annotations

import numpy as np

from lightloom.sim.compiled import outlined, step_function

from ..random import mix
from ..serdes.linecode import BLOCK_BITS
from .records import FLIPPED, GOOD, LOST

_HEADER = 2
_TYPE_BITS = 8
_LANES, _BITS = 16, 128


def hit(row, place, bit):
    """The number of an error in `hits`: numbers ascend with the rows.

    Parameters
    ----------
    row : int
        Line row, from 0 at reset, marker rows counted.
    place : int
        Of the lane among the live ones.
    bit : int
        In the order of transmission: 0..65.
    """
    return (row * _LANES + place) * _BITS + bit


def set_ber(state, which, ber) -> None:
    """Let bits of what ends `which` send be wrong, of each lane float[..., L] of them.

    `place` l of the live lanes has the rate of lane l. At most one error a row is drawn: at a rate
    p, two in a row, which would come in (66 L p)^2 / 2 of the rows, count as one.
    """
    good = (1 - np.asarray(ber)) ** BLOCK_BITS
    state.ber[which] = 1 - np.cumprod(good, axis=-1)


@outlined
def carry(state, end, row, fill, out):
    """A row of an end is written, its last `fill` blocks carried: the beats that it completes.

    The first of them comes out in cycle `out`, the others a cycle later each, unless a row is at
    most a beat.
    """
    own, more, blocks = state.ends[end], state.replay[end], state.rules.blocks
    first = (own.carried - fill) // blocks
    for before in range(2):
        _given(state, end, row - 1 + before, fill, before == 0)
        _random(state, end, row - 1 + before, fill, before == 0)
    following = own.launched
    for beat in range(first, own.carried // blocks):
        code = GOOD
        if more.lost & 1:
            code = LOST
        elif more.flip & 1:
            code = FLIPPED
        more.flip >>= 1
        more.lost >>= 1
        mask = state.tails.shape[1] - 1
        if following != own.taken and (
                state.tails[end, following & mask].last == (beat + 1) * blocks):
            news = state.news[end, following & mask]
            news.begun, news.kept, news.hurt, news.code = more.begun, more.kept, more.hurt, code
            more.begun, more.kept, more.hurt = -1, 0, 0
            following += 1
        else:
            if more.begun < 0:
                more.begun = out + (beat - first if own.lanes > blocks else 0)
            more.kept |= code != LOST
            more.hurt |= code != GOOD


@step_function
def _given(state, end, row, fill, spills):
    """The given errors of a row: on the row that was written, or, from the row before it, what
    spills over."""
    more, hits = state.replay[end], state.hits
    begin = row * _LANES * _BITS
    at = more.hit
    while at < hits.shape[1] and hits[end, at] < begin:
        at += 1
    if spills:
        more.hit = at
    while at < hits.shape[1] and hits[end, at] < begin + _LANES * _BITS:
        place = hits[end, at] // _BITS % _LANES
        _strike(state, end, fill, place, hits[end, at] % _BITS, spills)
        at += 1


@step_function
def _random(state, end, row, fill, spills):
    """The random error of a row: at most one, drawn by its number."""
    own = state.ends[end]
    likely = state.ber[end, own.lanes - 1]
    if likely == 0:
        return
    word = mix(state.noise[0] ^ np.uint64(row) * np.uint64(0x9E3779B97F4A7C15)
                  ^ np.uint64(end + 1) * np.uint64(0xD1B54A32D192ED03))
    drawn = (word >> np.uint64(11)) * 2.0**-53
    if drawn >= likely:
        return
    place = 0
    while drawn >= state.ber[end, place]:
        place += 1
    bit = np.int64(mix(word) % np.uint64(BLOCK_BITS))
    _strike(state, end, fill, place, bit, spills)


@step_function
def _strike(state, end, fill, place, bit, spills):
    """An error: on a block of the row that was written, or on the block before it."""
    own, more, blocks = state.ends[end], state.replay[end], state.rules.blocks
    if place >= fill:
        return
    at, begun = own.carried - fill + place, (own.carried - fill) // blocks
    beat = at // blocks
    if bit < _HEADER:
        if not spills:
            more.lost |= 1 << beat - begun
        return
    bit -= _HEADER
    if spills:
        low, high = bit + 39 - 64, bit + 58 - 64
        if high < 0:
            return
        # The type of a control block: spoilt, it is no beat's.
        kind = high < _TYPE_BITS or 0 <= low < _TYPE_BITS
    else:
        kind = bit < _TYPE_BITS
    if kind and at % blocks == 0 and _is_control(state, end, beat):
        more.lost |= 1 << beat - begun
    else:
        more.flip |= 1 << beat - begun


@step_function
def _is_control(state, end, beat):
    """Whether a beat in the adapter is a tail or a train."""
    own = state.ends[end]
    for number in range(own.launched, own.taken):
        if (state.tails[end, number & state.tails.shape[1] - 1].last
                == (beat + 1) * state.rules.blocks):
            return True
    return False
