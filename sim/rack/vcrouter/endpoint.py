"""A cycle of an endpoint: open-loop traffic, and what arrives."""

from __future__ import annotations

from lightloom.sim.compiled import step_function
from lightloom.sim.flits import FULL, NO_FLIT, NONE, end_of, pack, tag_of, vc_of
from lightloom.sim.wires import take_credit, take_flit

from .draw import below, gap
from .post import post_credit, post_flit
from .state import IDLE


@step_function
def receive(state, end, cycle, window, tally):
    """Take the flit that has arrived, if any, and give its slot back.

    Latency is from the creation of a packet to its last flit, of packets created in `window`.
    """
    wire = state.wiring.routers * state.wiring.ports + end
    flit = take_flit(state.wires, wire, cycle)
    if flit == NO_FLIT:
        return
    tally.received[0] += 1
    post_credit(state, wire, cycle + state.channel, vc_of(flit))
    if window.begin <= cycle < window.end:
        tally.accepted[0] += 1
    created = tag_of(flit)
    if end_of(flit) != NONE and window.begin <= created < window.end:
        tally.packets[0] += 1
        tally.histogram[min(cycle - created, tally.histogram.size - 1)] += 1
        tally.latency[0] += cycle - created
        tally.latency[1] = max(tally.latency[1], cycle - created)


@step_function
def send(state, end, cycle, window, tally, traffic):
    """Send a flit of the packet under way, or of the next one.

    Packets wait for one another; one is created in each cycle with the chance of `traffic.gaps`. A
    packet takes the next VC, round robin, that has a credit.
    """
    vcs, wire = state.vcs, state.wiring.inject[end]
    pulses = take_credit(state.wires, wire, cycle)
    if pulses:
        for v in range(vcs):
            state.stock[end * vcs + v] += pulses >> v & 1
    if state.left[end] == 0 and state.next_at[end] <= cycle:
        created = state.next_at[end]
        state.next_at[end] += gap(state.streams, end, traffic.gaps)
        dst = traffic.targets[end] if traffic.targets.size else below(
            state.streams, end, state.wiring.endpoints)
        state.word[end] = pack(0, 0, NONE, end, dst, created)
        state.left[end] = traffic.packet_flits
        state.sends_on[end] = IDLE
        if window.begin <= created < window.end:
            tally.created[0] += 1
    if state.left[end] == 0:
        return
    starts = state.sends_on[end] == IDLE
    if starts:
        v = state.last_vc[end]
        for _ in range(vcs):
            v = v + 1 if v + 1 < vcs else 0
            if state.stock[end * vcs + v] > 0:
                state.sends_on[end] = state.last_vc[end] = v
                break
    v = state.sends_on[end]
    if v == IDLE or state.stock[end * vcs + v] == 0:
        return
    state.left[end] -= 1
    state.stock[end * vcs + v] -= 1
    tally.sent[0] += 1
    flit = state.word[end] + pack(v, 1 if starts else 0, FULL if state.left[end] == 0 else NONE,
                                  0, 0, 0)
    post_flit(state, wire, cycle + state.channel, flit)


@step_function
def first_arrivals(state, gaps):
    """Cycle of each endpoint's first packet."""
    for end in range(state.wiring.endpoints):
        state.next_at[end] = gap(state.streams, end, gaps) - 1
