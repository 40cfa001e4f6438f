"""What goes onto the wires of a VC router network."""

from __future__ import annotations

from lightloom.sim.bits import bit
from lightloom.sim.compiled import step_function
from lightloom.sim.wires import SLOTS, put_credit, put_flit

from .state import NOWHERE


@step_function
def post_flit(state, wire, cycle, flit):
    """A flit that the far end of a wire receives in `cycle`."""
    wiring = state.wiring
    put_flit(state.wires, wire, cycle, flit)
    router = wire // wiring.ports
    if router < wiring.routers:
        state.flits_due[(cycle & SLOTS - 1) * wiring.routers + router] |= bit(
            wire - router * wiring.ports)


@step_function
def post_credit(state, wire, cycle, vc):
    """A credit for the near end of a wire, received in `cycle`; a router uses it later."""
    wiring, output = state.wiring, state.wiring.back[wire]
    if output == NOWHERE:
        put_credit(state.wires, wire, cycle, vc)
        return
    cycle += state.credit_delay
    put_credit(state.wires, wire, cycle, vc)
    router = output // wiring.ports
    state.credits_due[(cycle & SLOTS - 1) * wiring.routers + router] |= bit(
        output - router * wiring.ports)


@step_function
def take_due(due, routers, router, cycle):
    """The ports of a router that are due in `cycle`, which are forgotten."""
    place = (cycle & SLOTS - 1) * routers + router
    ports = due[place]
    due[place] = 0
    return ports
