"""Packets that a link that is lost has left without an end (docs/faults.md, Routes)."""

from __future__ import annotations

from lightloom.sim.flits import ABORT, pack
from lightloom.sim.wires import put_flit
from lightloom.sim.xbar.state import CLOSED


def cut_packets(fabric, end: int, cycle: int) -> None:
    """End them by an abort at the crossbar that link end `end` delivers to, from `cycle` on.

    It is what the end does when its port is reset (docs/link.md, Sessions): a VC that is open
    and has room gets one, the lowest first, one a cycle.
    """
    node, port = int(fabric.down.node[end]), int(fabric.down.port[end])
    state, own = fabric.endpoints, node
    if node >= fabric.endpoints.nodes:
        state, own = fabric.switches, node - fabric.endpoints.nodes
    late = cycle
    for vc in range(state.vcs):
        inlet = state.inlet[(own * state.ins + port) * state.vcs + vc]
        if inlet["open"] == CLOSED or inlet["used"] >= state.depth:
            continue
        put_flit.py_func(fabric.wires, state.inputs[own * state.ins + port], late,
                         pack.py_func(vc, 0, ABORT, 0, 0, 0))
        # The credit that comes back for it is nobody's.
        fabric.links.channels["granted"][end, vc] -= 1
        fabric.down.aborts[node] += 1
        late += 1
