"""Route entries, and the writes of all tables (docs/crossbar.md, Tables)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import EVERYTHING, bit, lowest, without_lowest
from lightloom.sim.compiled import step_function

from .places import at_time, input_at, output_more_at
from .state import SCHEDULED

NO_ENTRY, ONE, ALL, SOURCE, DENIED = range(5)
"""Kinds of entries."""

ROUTE, DEFAULT, PERMIT, SLOT, STRICT = range(5)
"""Values of `op`."""


class Entries(NamedTuple):
    """`kind` uint8[tables, destinations] and `ports` uint64[tables, destinations], the set."""

    kind: np.ndarray
    ports: np.ndarray


def make_entries(tables) -> Entries:
    """Tables, each a sequence of (kind, set of ports); a shorter one has no entry for the rest."""
    count = max(map(len, tables), default=0)
    entries = Entries(np.zeros((len(tables), count), np.uint8),
                      np.zeros((len(tables), count), np.uint64))
    for place, table in enumerate(tables):
        if len(table):
            kind, ports = zip(*table, strict=True)
            entries.kind[place, :len(kind)] = kind
            entries.ports[place, :len(ports)] = np.array(ports, np.uint64)
    return entries


@step_function
def write_table(state, node, op, inputs, index, value, ports):
    """Carry out one write on crossbar `node`, whose inputs have a table each.

    `op`, `index`, `value` are int64, the sets uint64.
    """
    count, outputs = state.ins, state.outs
    vcs = state.vcs
    inputs &= EVERYTHING >> np.uint64(64 - count)
    ports &= EVERYTHING >> np.uint64(64 - outputs)
    if op in (ROUTE, DEFAULT, PERMIT):
        while inputs:
            i = lowest(inputs)
            inputs = without_lowest(inputs)
            table = input_at(state, node, i).table
            if op == PERMIT:
                input_at(state, node, i).permit = ports
            elif op == DEFAULT:
                state.default[table].kind = value
                state.default[table].ports = ports
            elif index < state.kind.shape[1]:
                state.kind[table, index], state.ports[table, index] = value, ports
    elif (op == SLOT and index < 4 * state.vcs or op == STRICT) and value < vcs:
        state.ever[SCHEDULED] = True
        while ports:
            j = lowest(ports)
            ports = without_lowest(ports)
            if op == SLOT:
                state.schedule[at_time(state, node, j, index)] = value
            elif index & 1:
                output_more_at(state, node, j).strict |= bit(value)
            else:
                output_more_at(state, node, j).strict &= ~bit(value)
