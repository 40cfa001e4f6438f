"""One link end, one cycle, where the link has errors (docs/link.md, docs/faults.md).

The states are up (ACTIVE, DEGRADED) and RETRAIN. What the contract writes at the end of the cycle
in which a tail is judged is written at the begin of the next, in which it is visible.
"""

from __future__ import annotations

from lightloom.config import STAGES
from lightloom.sim.compiled import outlined, step_function

from ..flits import NO_FLIT
from .receive import deliver, grant, next_tail
from .records import EMPTY, FLIT, GOOD, LOST, TAIL, TRAIN
from .transmit import admit, move_stages, queue, takes_flit

_JUDGED = STAGES.link_rx - 1
_NOTHING, _GOOD, _DEAF, _HEARS = range(4)
"""What was judged: a good tail; a good train without and with `hears`."""


@outlined
def lossy_step(state, wires, end, cycle, flit, pulses):
    """Step an end; 1 if it put a flit on its output wire (valid in `cycle` + 1), else 0."""
    own, more = state.ends[end], state.replay[end]
    if cycle & state.rules.keepalive_cycles - 1 == 0 and cycle > 0:
        own.keepalive = 1
    _follow(state, end, cycle)
    waits = own.acked < own.tx
    moved = deliver(state, wires, end, cycle)
    _send(state, end, cycle)
    if more.up:
        admit(state, wires, end, cycle)
    due = more.up and more.timer == state.rules.timeout_cycles
    more.timeouts += due
    if due and more.replayed != cycle:
        more.requested = 1
    more.timer = more.timer + 1 if more.up and waits and not due else 0
    if flit != NO_FLIT:
        queue(state, end, flit)
    if pulses:
        grant(state, end, pulses)
    own.wake = cycle + 1
    return moved


@step_function
def _dark(more, cycle):
    """Whether nothing came in a cycle."""
    return more.dark_from <= cycle < more.dark_to


@step_function
def _follow(state, end, cycle):
    """The registers of the cycle: what was judged in the one before, then the state."""
    own, more, rules = state.ends[end], state.replay[end], state.rules
    judged, acked = _NOTHING, own.acked
    if own.due == cycle:
        judged = _judge(state, end, cycle)
    strike = False
    if own.acked != acked:
        more.timer = more.tries = 0
    elif more.replayed == cycle - 1:
        more.tries += 1
        strike = more.tries == rules.replay_limit
        if strike:
            more.tries = 0
    up, silent = more.up, more.up and more.silence == rules.silence_cycles
    more.link_downs += silent
    more.silence = 0 if not up or silent or judged != _NOTHING else more.silence + 1
    aligned = not _dark(more, cycle - 1)
    if up:
        more.up = aligned and not (silent or strike or judged == _DEAF)
        more.retrains += not more.up
    else:
        more.up = aligned and judged in (_GOOD, _HEARS)
    more.hears = not more.up and not _dark(more, cycle)


@step_function
def _judge(state, end, cycle):
    """The tail or train that was judged in the cycle before."""
    own, more = state.ends[end], state.replay[end]
    at = own.judged & state.tails.shape[1] - 1
    tail, news = state.tails[own.peer, at], state.news[own.peer, at]
    next_tail(state, end)
    torn = news.begun >= 0 and _dark(more, news.begun)
    if news.code == LOST or _dark(more, cycle - _JUDGED):
        # Not seen: the next frame has the flits of this one too.
        more.leftover |= news.kept and not torn
        return _NOTHING
    more.leftover, leftover = 0, more.leftover
    if news.train:
        if news.code != GOOD:
            return _NOTHING
        return _HEARS if news.hears else _DEAF
    if news.code != GOOD or news.hurt or torn or leftover:
        more.nak = 1
        more.crc_errors += 1
        return _NOTHING
    own.acked = tail.ack
    for vc in range(state.rules.vcs):
        state.channels[end, vc].limit = state.limits[own.peer, at, vc]
    # A request of the cycle in which a replay began is about what is being replayed.
    if news.nak and news.nak_epoch == more.epoch and more.replayed != cycle - 1:
        more.requested = 1
    if news.epoch != more.nak_epoch:
        more.nak = 0
    more.nak_epoch = news.epoch
    if news.seq == own.expected:
        more.nak = 0
        if tail.flits:
            own.expected += tail.flits
            own.dirty = 1
            more.frames += 1
    elif 0 < news.seq - own.expected < state.rules.replay_flits:
        # Numbers are modulo 2R: one that is R ahead is taken for one behind.
        more.nak = 1
        more.gaps += 1
    elif tail.flits:
        more.duplicates += 1
    return _GOOD


@step_function
def _send(state, end, cycle):
    """Stage B to the adapter, A to B, the framer's choice to A, then the ring's read port."""
    own = state.ends[end]
    move_stages(state, end, cycle)
    back = False
    if own.a == EMPTY:
        tx = own.tx
        own.a = _frame(state, end, cycle)
        back = own.tx < tx or state.replay[end].replayed == cycle or own.tx > tx + 1
    own.have = own.tx != own.wr and not back


@step_function
def _frame(state, end, cycle):
    """Framer rules 1 to 6: what stage A is loaded with."""
    own, more = state.ends[end], state.replay[end]
    if not more.up:
        own.tx -= own.count
        own.count = own.heads = 0
        _load(state, end, 0)
        return TRAIN
    if more.requested:
        if own.count:
            return _tail(state, end)
        own.tx = own.acked
        more.epoch = more.epoch + 1 & 3
        more.requested, more.replayed = 0, cycle
        more.replays += 1
        return EMPTY
    if own.count == 0 and own.tx < own.acked:
        own.tx = own.acked
        return EMPTY
    if takes_flit(state, end):
        return FLIT
    if (own.count or own.dirty or own.keepalive or more.nak != more.told_nak
            or more.nak_epoch != more.told_nak_epoch):
        return _tail(state, end)
    return EMPTY


@step_function
def _tail(state, end):
    """Load a tail."""
    own, more = state.ends[end], state.replay[end]
    at = _load(state, end, own.count)
    for vc in range(state.rules.vcs):
        state.limits[end, at, vc] = state.channels[end, vc].granted
    more.told_nak, more.told_nak_epoch = more.nak, more.nak_epoch
    own.count = own.heads = own.dirty = own.keepalive = 0
    return TAIL


@step_function
def _load(state, end, flits):
    """Note a tail or train that is loaded; its place."""
    own, more = state.ends[end], state.replay[end]
    at = own.loaded & state.tails.shape[1] - 1
    tail, news = state.tails[end, at], state.news[end, at]
    own.loaded += 1
    tail.flits, tail.ack = flits, own.expected
    news.train, news.hears = not more.up, more.hears
    news.seq, news.epoch = own.tx - flits, more.epoch
    news.nak, news.nak_epoch = more.nak, more.nak_epoch
    return at


def set_lossy(state, which) -> None:
    """Model the errors of the links that ends `which` belong to, from the next cycle on.

    What is under way fares as before; from reset on this is exact, later on but for the phase of
    the silence timer.
    """
    for one in {int(end) for end in which} | {int(state.ends["peer"][end]) for end in which}:
        own, more = state.ends[one], state.replay[one]
        if own["lossy"]:
            continue
        own["lossy"], own["wake"] = 1, 0
        more["up"], more["begun"], more["replayed"] = 1, -1, -2
        far, mask = state.ends[own["peer"]], state.tails.shape[1] - 1
        seq = far["expected"]
        for number in range(far["judged"], own["loaded"]):
            news = state.news[one, number & mask]
            news["seq"], news["begun"] = seq, -1
            seq += state.tails["flits"][one, number & mask]
