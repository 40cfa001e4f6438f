"""Where the flits of a run are: nothing vanishes without a count (docs/faults.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightloom.sim.flits import NO_FLIT


@dataclass(frozen=True)
class Ledger:
    """Flits: sent + `aborts` = delivered + `discarded` + `inside`.

    `stranded`, a part of `inside`: in links whose direction is down, and in dead nodes.
    `discarded_by` int64[nodes]: at the outputs of each.
    """

    discarded: int
    aborts: int
    inside: int
    stranded: int
    discarded_by: np.ndarray


def ledger(fabric) -> Ledger:
    """Of a fabric as it is between two cycles."""
    ends, down = fabric.links.ends, fabric.down
    in_links = (fabric.links.channels["fill"].sum(axis=1) + ends["wr"]
                - ends["delivered"][ends["peer"]])
    inside = int(in_links.sum()) + np.count_nonzero(fabric.wires.flit != NO_FLIT)
    inside += int(fabric.egress.fill.sum()) + np.count_nonzero(fabric.egress.shown != NO_FLIT)
    stranded = in_links[(ends["lossy"] == 1) & (fabric.links.replay["up"] == 0)].sum()
    dead = down.dead.astype(bool)
    for state, own in ((fabric.endpoints, dead[:fabric.endpoints.nodes]),
                       (fabric.switches, dead[fabric.endpoints.nodes:])):
        held = state.inlet["used"].reshape(state.nodes, -1).sum(axis=1, dtype=np.int64)
        if state.stages == 2:
            held += np.bitwise_count(state.whole_more["routed"])
        inside += int(held.sum())
        # What has arrived is on its wire until it is routed.
        stranded += held[own].sum() + np.bitwise_count(state.whole["arrived"][own]).sum()
    return Ledger(int(down.discards.sum()), int(down.aborts.sum()), int(inside), int(stranded),
                  down.discards.copy())
