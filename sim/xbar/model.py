"""A crossbar alone, between flit sources and sinks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from lightloom.sim.flits import (
    MAX_VCS,
    NO_FLIT,
    dst_of,
    end_of,
    first_of,
    pack,
    src_of,
    tag_of,
    vc_of,
)
from lightloom.sim.wires import make_wires, put_credit, put_flit, take_credit, take_flit

from .state import OVERFLOWS, PROTOCOL_ERRORS, ROUTE_DROPS, make_xbars
from .step import xbar_step


@dataclass(frozen=True)
class Delivered:
    """What a run left.

    `delivered` holds int64[flits] by name: `cycle` of `valid` at `output`, then the fields of the
    flit, `vc`, `first`, `end`, `src`, `dst`, `tag`; in the order of cycles, then outputs.
    `counters` holds int64[P] by name: `route_drops`, `protocol_errors`, `overflows` of each input.
    """

    delivered: dict[str, np.ndarray]
    counters: dict[str, np.ndarray]


class CrossbarModel:
    """One crossbar (docs/crossbar.md), whose sinks return each credit a cycle later.

    Parameters
    ----------
    ports, vcs : int
        P and V.
    depth, credits : int
        D and K, slots for each VC.
    routes : int[endpoints, 3]
        (valid, port, spread) of each destination, held from cycle 0 on.
    source_credits : int, optional
        Credits that a source starts with for each VC; default D. More than D overflows an input.
    """

    def __init__(self, *, ports: int, vcs: int, depth: int, credits: int, routes,
                 source_credits: int | None = None):
        self.ports, self.vcs, self.depth, self.credits = ports, vcs, depth, credits
        self.source_credits = depth if source_credits is None else source_credits
        self.routes = np.asarray(routes)

    def run(self, stimulus, cycles: int) -> Delivered:
        """Run from reset.

        Parameters
        ----------
        stimulus : list of P lists of (cycle, vc, first, end, src, dst, tag)
            Flits that each input's source sends, in order: each no earlier than its cycle, one
            a cycle, and only with a credit of its VC (one of vc >= V without). Cycle 0 is the
            first after reset, in which a source sends nothing yet. `tag` is below 2**63.
        cycles : int
            Cycles to run.
        """
        rows = [flit for flits in stimulus for flit in flits]
        columns = np.array(rows, np.int64).reshape(-1, 7).T
        # A flit's tag may be longer than a word's: the word holds the flit's number.
        words = pack.py_func(*columns[1:6], np.arange(len(rows)))
        begin = np.cumsum([0, *map(len, stimulus)])
        wires = make_wires(2 * self.ports)
        wire = np.arange(2 * self.ports).reshape(2, 1, self.ports)
        state = make_xbars(1, self.ports, self.vcs, self.depth, self.credits, *wire,
                           self.routes[None])
        log = np.empty((3, len(rows)), np.int64)
        held = np.full((self.ports, MAX_VCS), self.source_credits)
        count = _run(state, wires, columns[0], words, begin, held, self.vcs, cycles, log)
        cycle, output, flit = log[:, :count]
        fields = {"vc": vc_of, "first": first_of, "end": end_of, "src": src_of, "dst": dst_of}
        return Delivered(
            {"cycle": cycle, "output": output,
             **{name: field.py_func(flit) for name, field in fields.items()},
             "tag": columns[6, tag_of.py_func(flit)]},
            {name: state.counters[0, :, which].astype(np.int64) for name, which in
             (("route_drops", ROUTE_DROPS), ("protocol_errors", PROTOCOL_ERRORS),
              ("overflows", OVERFLOWS))})


@njit(cache=True)
def _run(state, wires, earliest, words, begin, held, vcs, cycles, log):
    """Fill `log` with (cycle, output, flit) of what is delivered; how many."""
    ports, count = state.inputs.shape[1], 0
    sent = begin.copy()
    for cycle in range(cycles):
        xbar_step(state, wires, 0, cycle)
        for i in range(ports):
            wire = state.inputs[0, i]
            pulses = take_credit(wires, wire, cycle)
            for v in range(vcs):
                held[i, v] += pulses >> v & 1
            k = sent[i]
            if k < begin[i + 1] and earliest[k] <= cycle + 1:
                v = vc_of(words[k])
                if v >= vcs or held[i, v] > 0:
                    put_flit(wires, wire, cycle + 1, words[k])
                    held[i, v] -= 1
                    sent[i] += 1
        for j in range(ports):
            flit = take_flit(wires, state.outputs[0, j], cycle)
            if flit != NO_FLIT:
                put_credit(wires, state.outputs[0, j], cycle + 1, vc_of(flit))
                log[0, count], log[1, count], log[2, count] = cycle, j, flit
                count += 1
    return count
