"""Route of a packet (docs/crossbar.md)."""

from __future__ import annotations

import numpy as np

from lightloom.sim.bits import NOTHING, bit, count_of, first_from, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import dst_of, src_of, tag_of

from .places import at_pair, input_at, input_more_at, vc_at
from .shape import LOWEST, OCCUPANCY
from .state import CLOSED, TO_SET
from .tables import ALL, DENIED, NO_ENTRY, SOURCE

PASSES, STRANGER, BREACH, ROTATES = range(4)
"""Verdicts; ROTATES: passes, and the payload's low bits are rotated. STRANGER: unknown."""


def _crc8():
    """CRC-8 of each byte."""
    table = np.arange(256)
    for _ in range(8):
        table = table << 1 ^ np.where(table & 0x80, 0x107, 0)
    return table.astype(np.uint8)


_CRC8 = _crc8()


@step_function
def flow_hash(src, dst):
    """h, the CRC-8 of the 24 bits of source and destination."""
    word = src << 12 | dst
    h = np.int64(_CRC8[word >> 16 & 0xFF])
    h = np.int64(_CRC8[h ^ word >> 8 & 0xFF])
    return np.int64(_CRC8[h ^ word & 0xFF])


@step_function
def _present(state, kind):
    """Whether an entry of this kind is more than NONE."""
    return NO_ENTRY < kind <= DENIED and (kind != ALL or state.multicast) and (
        kind != SOURCE or state.source_routing)


@step_function
def resolve(state, node, i, v, flit):
    """(way, set, verdict) of a packet by its first flit; its way is CLOSED when it is refused.

    Called after the matching of the same cycle, and before what is queued in it.
    """
    table, dst = input_at(state, node, i).table, dst_of(flit)
    kind, members = np.uint8(NO_ENTRY), NOTHING
    if dst < state.kind.shape[1]:
        kind, members = state.kind[table, dst], state.ports[table, dst]
    if not _present(state, kind):
        kind, members = state.default[table].kind, state.default[table].ports
        if not _present(state, kind):
            return CLOSED, NOTHING, STRANGER
    if kind == DENIED:
        return CLOSED, NOTHING, BREACH
    verdict, permit = PASSES, input_at(state, node, i).permit
    if kind == SOURCE:
        named = np.int64(state.payload[tag_of(flit)] & np.uint64(0xFF))
        if named >= state.outs:
            return CLOSED, NOTHING, STRANGER
        members, verdict = bit(named), ROTATES
    if members == NOTHING:
        return CLOSED, NOTHING, STRANGER
    allowed = members & permit
    if allowed == NOTHING:
        return CLOSED, NOTHING, BREACH
    if kind == ALL:
        return TO_SET, allowed, PASSES if allowed == members else BREACH
    j = lowest(allowed)
    if without_lowest(allowed):
        j = _one_of(state, node, i, v, allowed, flit)
    if state.fifo:
        return TO_SET, bit(j), verdict
    return j, NOTHING, verdict


@step_function
def _one_of(state, node, i, v, members, flit):
    """The output that a packet of kind ONE takes of a set of several."""
    if members & ~state.whole_more[node].draining:
        members &= ~state.whole_more[node].draining
    if state.ecmp == LOWEST:
        return lowest(members)
    count = count_of(members)
    place, rest = flow_hash(src_of(flit), dst_of(flit)) * count >> 8, members
    for _ in range(place):
        rest = without_lowest(rest)
    best = lowest(rest)
    if not state.counting or state.ecmp != OCCUPANCY:
        return best
    j, least = best, np.int64(1 << 30)
    for _ in range(count):
        held = np.int64(state.held[at_pair(state, node, i, v, j)])
        if vc_at(state, node, v).matched & bit(i) and input_more_at(state, node, i).left_for == j:
            # What leaves in this cycle is visible in it.
            held += 1
        if held < least:
            best, least = j, held
        j = first_from(members, j + 1 if j < 63 else 0)
    return best
