"""A cycle of a router."""

from __future__ import annotations

from lightloom.sim.bits import NOTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import step_function
from lightloom.sim.flits import NONE, dst_of, end_of, first_of, tag_of, vc_of
from lightloom.sim.wires import take_credit, take_flit

from .allocate import allocate_vcs, match_switch
from .draw import below
from .post import post_credit, post_flit, take_due
from .state import IDLE


@step_function
def router_step(state, router, cycle, window, tally):
    """Step a router; the number of flits that cross it.

    `tally.hops` is added the heads of packets that were created in `window`.
    """
    _receive(state, router, cycle)
    # Both allocators see the registers as they are; then the registers change.
    outputs = match_switch(state, router)
    if state.asking_in[router]:
        allocate_vcs(state, router)
    crossed = 0
    while outputs:
        out = lowest(outputs)
        outputs = without_lowest(outputs)
        i = lowest(state.asked[out])
        state.asked[out] = NOTHING
        flit = _cross(state, router, i, out, cycle)
        crossed += 1
        if first_of(flit) and window.begin <= tag_of(flit) < window.end:
            tally.hops[0] += 1
    return crossed


@step_function
def _receive(state, router, cycle):
    """Flits and credits that are there in this cycle."""
    wiring, vcs, wires = state.wiring, state.vcs, state.wires
    base = router * wiring.ports
    due = take_due(state.flits_due, wiring.routers, router, cycle)
    while due:
        p = base + lowest(due)
        due = without_lowest(due)
        flit = take_flit(wires, p, cycle)
        lane = p * vcs + vc_of(flit)
        at = state.head[lane] + state.count[lane]
        state.flits[lane * state.depth + (at - state.depth if at >= state.depth else at)] = flit
        state.count[lane] += 1
        if state.goes[lane] == IDLE:
            _ask(state, router, lane)
        elif state.count[lane] == 1:
            state.ready[p] |= bit(vc_of(flit))
            state.ready_in[router] |= bit(p - base)
    due = take_due(state.credits_due, wiring.routers, router, cycle)
    while due:
        p = base + lowest(due)
        due = without_lowest(due)
        pulses = take_credit(wires, wiring.out[p], cycle)
        for v in range(vcs):
            state.credits[p * vcs + v] += pulses >> v & 1


@step_function
def _ask(state, router, lane):
    """Route the packet that has come to the front of an input lane; it asks for an output VC."""
    wiring, p = state.wiring, lane // state.vcs
    flit = state.flits[lane * state.depth + state.head[lane]]
    out = wiring.route[router * wiring.endpoints + dst_of(flit)]
    if out == IDLE:
        out = wiring.up[router, 0] + below(state.streams, wiring.endpoints + router,
                                           wiring.up[router, 1])
    state.goes[lane] = out
    state.asking[p] |= bit(lane - p * state.vcs)
    state.asking_in[router] |= bit(p - router * wiring.ports)


@step_function
def _cross(state, router, i, out, cycle):
    """The flit that input i has picked goes to output `out`, its slot's credit goes back."""
    ports, vcs = state.wiring.ports, state.vcs
    into, onto, v = router * ports + i, router * ports + out, state.picked[i]
    lane = into * vcs + v
    flit = state.flits[lane * state.depth + state.head[lane]]
    state.head[lane] = state.head[lane] + 1 if state.head[lane] + 1 < state.depth else 0
    state.count[lane] -= 1
    state.pick[into] = out + 1 if out + 1 < ports else 0
    state.pick_vc[into] = v + 1 if v + 1 < vcs else 0
    state.grant[onto] = i + 1 if i + 1 < ports else 0
    next_vc = state.out_vc[lane]
    state.credits[onto * vcs + next_vc] -= 1
    post_flit(state, state.wiring.out[onto], cycle + state.traverse + state.channel,
              flit - vc_of(flit) + next_vc)
    post_credit(state, into, cycle + state.channel, v)
    ended = end_of(flit) != NONE
    if ended or state.count[lane] == 0:
        state.ready[into] &= ~bit(v)
        if not state.ready[into]:
            state.ready_in[router] &= ~bit(i)
    if ended:
        state.free[onto] |= bit(next_vc)
        state.goes[lane] = IDLE
        if state.count[lane]:
            _ask(state, router, lane)
    return flit
