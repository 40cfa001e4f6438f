"""The two allocators of a router: separable, input first, round robin, one iteration.

Dally, Towles, *Principles and Practices of Interconnection Networks*, 2004, chapters 16 to 19.
A pointer moves to the place after a grant, and only then.
"""

from __future__ import annotations

from lightloom.sim.bits import NOTHING, bit, first_from, lowest, without_lowest
from lightloom.sim.compiled import step_function

from .state import IDLE


@step_function
def match_switch(state, router):
    """Switch allocation: the set of outputs that are granted.

    A VC asks when it has an output VC, a flit and a credit. An input picks an output from its
    pointer on, and of several VCs for it the first from another pointer on; then an output picks
    an input. Winners are left in `asked` (one input for each output) and `picked`.
    """
    ports, vcs = state.wiring.ports, state.vcs
    base, outputs = router * ports, NOTHING
    inputs = state.ready_in[router]
    while inputs:
        i = lowest(inputs)
        inputs = without_lowest(inputs)
        wanted, lanes = NOTHING, state.ready[base + i]
        while lanes:
            v = lowest(lanes)
            lanes = without_lowest(lanes)
            lane = (base + i) * vcs + v
            out = state.goes[lane]
            if state.credits[(base + out) * vcs + state.out_vc[lane]] > 0:
                wanted |= bit(out)
        if not wanted:
            continue
        out = first_from(wanted, state.pick[base + i])
        lanes, same = state.ready[base + i], NOTHING
        while lanes:
            v = lowest(lanes)
            lanes = without_lowest(lanes)
            lane = (base + i) * vcs + v
            if (state.goes[lane] == out
                    and state.credits[(base + out) * vcs + state.out_vc[lane]] > 0):
                same |= bit(v)
        state.picked[i] = first_from(same, state.pick_vc[base + i])
        state.asked[out] |= bit(i)
        outputs |= bit(out)
    left = outputs
    while left:
        out = lowest(left)
        left = without_lowest(left)
        state.asked[out] = bit(first_from(state.asked[out], state.grant[base + out]))
    return outputs


@step_function
def allocate_vcs(state, router):
    """VC allocation: packets at the head of an input VC are given output VCs that are free.

    An input VC picks one of the free VCs of its output, from its pointer over all output VCs of
    the router on; then an output VC picks an input VC.
    """
    ports, vcs = state.wiring.ports, state.vcs
    base, own, touched = router * ports, ports * vcs, 0
    inputs = state.asking_in[router]
    while inputs:
        i = lowest(inputs)
        inputs = without_lowest(inputs)
        lanes = state.asking[base + i]
        while lanes:
            v = lowest(lanes)
            lanes = without_lowest(lanes)
            lane = i * vcs + v
            out = state.goes[base * vcs + lane]
            free = state.free[base + out]
            if not free:
                continue
            start = state.vc_pick[base * vcs + lane] - out * vcs
            place = out * vcs + first_from(free, start if 0 <= start < vcs else 0)
            if state.best[place] == IDLE:
                state.touched[touched] = place
                touched += 1
                state.best[place] = lane
            else:
                pointer = state.vc_grant[base * vcs + place]
                # Both cyclic distances have the same wrap.
                mine, other = lane - pointer, state.best[place] - pointer
                if (mine + own if mine < 0 else mine) < (other + own if other < 0 else other):
                    state.best[place] = lane
    for k in range(touched):
        place = state.touched[k]
        lane = state.best[place]
        state.best[place] = IDLE
        _hold(state, router, lane, place)


@step_function
def _hold(state, router, lane, place):
    """Input lane `lane` of the router is given its output lane `place`."""
    ports, vcs = state.wiring.ports, state.vcs
    base, own = router * ports, ports * vcs
    i, out = lane // vcs, place // vcs
    state.vc_pick[base * vcs + lane] = place + 1 if place + 1 < own else 0
    state.vc_grant[base * vcs + place] = lane + 1 if lane + 1 < own else 0
    state.free[base + out] &= ~bit(place - out * vcs)
    state.out_vc[base * vcs + lane] = place - out * vcs
    of_input = bit(lane - i * vcs)
    state.asking[base + i] &= ~of_input
    if not state.asking[base + i]:
        state.asking_in[router] &= ~bit(i)
    state.ready[base + i] |= of_input
    state.ready_in[router] |= bit(i)
