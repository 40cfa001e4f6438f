"""The SerDes adapters between two link ends as a schedule (docs/serdes.md).

One clock; what errors do is in :mod:`.errors`. Rows keep their order and their slots are fixed, so
that when a row is written all is known of it: when it is read, and when its beats come out.
"""

from __future__ import annotations

from lightloom.config import CROSSING_DEPTH, STAGES
from lightloom.sim.compiled import outlined, step_function

from ..serdes.linecode import BLOCK_BITS
from .errors import carry
from .records import EMPTY, TAIL, TRAIN
from .state import AHEAD

_CROSSING = STAGES.crossing
_START = STAGES.lane_start
_FIRST_WORD = _START + 2
_RECEIVED = STAGES.adapter_rx
_JUDGED = STAGES.link_rx - 1


@outlined
def set_clock(state, cycle):
    """Bring the shared clock and the slots ahead to `cycle`, which may be a few before the last
    one; once a cycle, so that no end divides."""
    rules, clock = state.rules, state.clock[0]
    bits, period = rules.word_bits, rules.marker_period
    # The first row that is pulled when one written now is readable.
    row = (bits * (cycle + _CROSSING - _START) + BLOCK_BITS - 1) // BLOCK_BITS
    if row % (period + 1) == 0:
        row += 1
    clock.cycle, clock.slot = cycle, row - row // (period + 1) - 1
    begin = clock.known
    if not clock.first <= clock.slot <= clock.known:
        begin = clock.first = clock.slot
    for number in range(begin, clock.slot + AHEAD // 2):
        slot = state.slots[number & AHEAD - 1]
        slot.row = number + number // period + 1
        slot.read = _START + BLOCK_BITS * slot.row // bits
        slot.arrival = _arrival(rules, slot.row)
    clock.known = max(begin, clock.slot + AHEAD // 2)


@step_function
def _arrival(rules, row):
    """The cycle in which a row is read at the far end of a fibre of no length, if none is before
    it."""
    return (_FIRST_WORD + (BLOCK_BITS * row + BLOCK_BITS - 1) // rules.word_bits
            + _RECEIVED - 2)


@step_function
def form_row(state, end, cycle):
    """One cycle of the row former; whether it takes the beat of stage B."""
    own, rules = state.ends[end], state.rules
    room = state.reads[end, own.written & CROSSING_DEPTH - 1] <= cycle - _CROSSING
    takes = (own.b != EMPTY and own.held < own.lanes
             and (room or own.held + rules.blocks < own.lanes))
    if takes:
        own.held += rules.blocks
        if own.b == TAIL or own.b == TRAIN:
            tail = state.tails[end, own.taken & state.tails.shape[1] - 1]
            tail.last = own.carried + own.held
            own.taken += 1
    if room and own.held and (own.held >= own.lanes
                              or not takes and _is_quiet(state, end, cycle)):
        _write(state, end, cycle)
    return takes


@step_function
def _is_quiet(state, end, cycle):
    """`level` < 2: of the rows written up to two cycles ago, all but one are known to be read."""
    own = state.ends[end]
    known = own.written - (own.wrote == cycle - 1)
    return state.reads[end, known - 2 & CROSSING_DEPTH - 1] <= cycle - 2 - _CROSSING


@step_function
def _write(state, end, cycle):
    """A row into the crossing: its slot, and the tails that it completes."""
    own, rules, clock = state.ends[end], state.rules, state.clock[0]
    if clock.cycle != cycle:
        set_clock(state, cycle)
    own.slot = max(own.slot + 1, clock.slot)
    slot = state.slots[own.slot & AHEAD - 1]
    state.reads[end, own.written & CROSSING_DEPTH - 1] = slot.read
    own.written += 1
    own.wrote = cycle
    fill = min(own.held, own.lanes)
    out = slot.arrival + own.fibre + 2
    if own.uneven:
        out = _taken(state, end, slot, fill) + 1
    own.carried += fill
    own.held -= fill
    if state.errors and own.lossy:
        carry(state, end, slot.row, fill, out)
    while own.launched != own.taken:
        tail = state.tails[end, own.launched & state.tails.shape[1] - 1]
        if tail.last > own.carried:
            break
        # One beat of a row after the other comes out; `carried` - `fill` is where the row begins.
        place = 0
        if own.lanes > rules.blocks:
            place = ((tail.last - 1) // rules.blocks
                     - (own.carried - fill) // rules.blocks)
        tail.visible = out + place + _JUDGED
        own.launched += 1
        peer = state.ends[own.peer]
        # Always a later cycle, so the order of stepping is free.
        peer.wake, peer.due = min(peer.wake, tail.visible), min(peer.due, tail.visible)


@step_function
def _taken(state, end, slot, fill):
    """When the far end takes a row out of its row register, where a row may complete now one beat
    more, now one less: the rows behind it may have to wait for the beats to come out."""
    own, rules = state.ends[end], state.rules
    period = rules.marker_period + 1
    free, row, drained = own.free, own.row, own.drained
    marks = (row // period + 1) * period
    if marks < slot.row:
        # A marker row passes through the register too.
        free = max(max(_arrival(rules, marks) + own.fibre, free + marks - row - 1) + 1, drained)
        row, drained = marks, free
    taken = max(max(slot.arrival + own.fibre, free + slot.row - row - 1) + 1, drained)
    begun = own.carried % rules.blocks
    own.free, own.row = taken, slot.row
    own.drained = taken + max(1, (begun + fill) // rules.blocks)
    return taken
