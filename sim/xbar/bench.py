"""The compiled loop of a crossbar between flit sources and sinks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import EVERYTHING, NOTHING, bit
from lightloom.sim.compiled import loop, step_function
from lightloom.sim.flits import NO_FLIT, vc_of
from lightloom.sim.wires import put_credit, put_flit, take_credit, take_flit

from .down import watch
from .places import at_pair, input_at, output_at
from .step import clear_statistics, xbar_step
from .tables import ROUTE, write_table

WRITES, ROUTES, UPS, CLEARS, HOLDS = range(5)
"""Places in `Bench.at`: what is done of each part of the script."""


class Bench(NamedTuple):
    """Sources and sinks of one crossbar, and what happens when. n flits, those of input 0 first."""

    earliest: np.ndarray    # int64[n]: cycle of `valid`, or later
    words: np.ndarray       # int64[n]
    begin: np.ndarray       # int64[I + 1]: first flit of each input
    sent: np.ndarray        # int64[I]: next flit
    credits: np.ndarray     # int64[I, 8]: that a source holds
    debt: np.ndarray        # int64[O, V]: flits that a sink has and whose credit it holds
    holding: np.ndarray     # int64[O]: holds in force
    up: np.ndarray          # uint64[2]: outputs, in this cycle and in the one before
    at: np.ndarray          # int64[5]
    writes: np.ndarray      # int64[writes, 4]: cycle of the transfer, op, index, value
    sets: np.ndarray        # uint64[writes, 2]: inputs, ports
    ups: np.ndarray         # int64[changes, 3]: cycle, output, value
    clears: np.ndarray      # int64[pulses]: cycles
    holds: np.ndarray       # int64[changes, 3]: cycle, output, one more hold or one less
    stop: np.ndarray        # uint64[I, V]: as logged last


class Log(NamedTuple):
    """`flits` int64[3, room]: cycle, output, word; `stops` int64[3, room]: cycle, input, VC;
    `stopped` uint64[room]: outputs; `count` int64[2]: of flits and of stops."""

    flits: np.ndarray
    stops: np.ndarray
    stopped: np.ndarray
    count: np.ndarray


@loop
def run_cycles(state, wires, bench, log, voq_limit, begin, end):
    """Run cycles `begin` up to `end`; the cycle to go on from.

    That is less than `end` when a log could overflow.
    """
    # Not a literal, of which all functions would be compiled for once more.
    at, own = bench.at, np.int64(0)
    for cycle in range(begin, end):
        if (log.count[0] + bench.debt.shape[0] > log.flits.shape[1]
                or log.count[1] + bench.stop.size > log.stopped.size):
            return cycle
        while at[UPS] < len(bench.ups) and bench.ups[at[UPS], 0] <= cycle:
            change = bit(bench.ups[at[UPS], 1])
            bench.up[0] = bench.up[0] & ~change | (change if bench.ups[at[UPS], 2] else NOTHING)
            at[UPS] += 1
        while at[CLEARS] < bench.clears.size and bench.clears[at[CLEARS]] <= cycle:
            if state.statistics:
                clear_statistics(state, own)
            at[CLEARS] += 1
        if voq_limit:
            _note_stops(state, bench, log, voq_limit, cycle)
        xbar_step(state, wires, own, cycle)
        # An entry is read in the cycle of `valid`, so its write shows one cycle later.
        _write(state, bench, WRITES, cycle)
        _write(state, bench, ROUTES, cycle - 1)
        if bench.up[0] & bench.up[1] != EVERYTHING:
            watch(state, own, bench.up[0])
        bench.up[1] = bench.up[0]
        for i in range(bench.sent.size):
            _source(state, wires, bench, i, cycle)
        while at[HOLDS] < len(bench.holds) and bench.holds[at[HOLDS], 0] <= cycle + 1:
            bench.holding[bench.holds[at[HOLDS], 1]] += bench.holds[at[HOLDS], 2]
            at[HOLDS] += 1
        for j in range(bench.debt.shape[0]):
            _sink(state, wires, bench, log, j, cycle)
    return end


@step_function
def _write(state, bench, which, cycle):
    """Table writes that were transferred up to a cycle: entries (ROUTES), or all others."""
    while bench.at[which] < len(bench.writes) and bench.writes[bench.at[which], 0] <= cycle:
        k = bench.at[which]
        op = bench.writes[k, 1]
        if (op == ROUTE) == (which == ROUTES):
            write_table(state, 0, op, bench.sets[k, 0], bench.writes[k, 2], bench.writes[k, 3],
                        bench.sets[k, 1])
        bench.at[which] += 1


@step_function
def _source(state, wires, bench, i, cycle):
    wire, vcs = input_at(state, 0, i).wire, state.vcs
    pulses = take_credit(wires, wire, cycle)
    if pulses:
        for v in range(vcs):
            bench.credits[i, v] += pulses >> v & 1
    k = bench.sent[i]
    if k < bench.begin[i + 1] and bench.earliest[k] <= cycle + 1:
        v = vc_of(bench.words[k])
        if v >= vcs or bench.credits[i, v] > 0:
            put_flit(wires, wire, cycle + 1, bench.words[k])
            bench.credits[i, v] -= 1
            bench.sent[i] += 1


@step_function
def _sink(state, wires, bench, log, j, cycle):
    wire = output_at(state, 0, j).wire
    flit = take_flit(wires, wire, cycle)
    if flit != NO_FLIT:
        bench.debt[j, vc_of(flit)] += 1
        place = log.count[0]
        log.flits[0, place], log.flits[1, place], log.flits[2, place] = cycle, j, flit
        log.count[0] += 1
    if bench.holding[j] == 0:
        for v in range(bench.debt.shape[1]):
            if bench.debt[j, v]:
                bench.debt[j, v] -= 1
                put_credit(wires, wire, cycle + 1, v)


@step_function
def _note_stops(state, bench, log, voq_limit, cycle):
    for i in range(bench.stop.shape[0]):
        for v in range(bench.stop.shape[1]):
            stop = NOTHING
            for j in range(bench.debt.shape[0]):
                if state.held[at_pair(state, 0, i, v, j)] >= voq_limit:
                    stop |= bit(j)
            if stop != bench.stop[i, v]:
                place = log.count[1]
                log.stops[0, place], log.stops[1, place], log.stops[2, place] = cycle, i, v
                log.stopped[place] = bench.stop[i, v] = stop
                log.count[1] += 1
