"""State of a group of crossbars of the same shape."""

from __future__ import annotations

from math import lcm
from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import EVERYTHING

from . import records
from .shape import ECMP, OCCUPANCY, Shape

UNKNOWN, BREACHES, PROTOCOL_ERRORS, OVERFLOWS = range(4)
"""Places in `input_counters`."""

DISCARDS, ABORTS = range(2)
"""Places in `output_counters`."""

SCHEDULED, DOWN = range(2)
"""Places in `ever`: a schedule or a strict set written, an output down."""

CLOSED, TO_SET = -1, -2
"""Ways that are no output: none, and the set queue."""


class XbarState(NamedTuple):
    """N crossbars of I inputs, O outputs, V VCs and D slots for each (input, VC).

    i is an input, j an output, B the queues of an (input, VC): one for each output, then the set
    queue. A queue is a list linked through the slots of (i, v), so that the queues share them.
    What is "as visible in the next cycle to be stepped" is one value for each register. Registers
    of the same place are fields of one record (:mod:`.records`). Arrays whose shape is given are
    flat where :mod:`.places` has the places in them; those of a feature that is off have one
    element.
    """

    # Shape.
    stages: int             # S
    rounds: int             # R
    ecmp: int
    fifo: bool
    sets: bool
    multicast: bool
    source_routing: bool
    counting: bool          # whether `held` is kept
    statistics: bool
    fails: bool             # whether outputs may be down
    set_requester: int      # requester of input 0's set queue: I with "voq"
    set_candidate: int      # candidate of VC 0's set queue: O with "voq"
    requesters: int         # Q
    candidates: int         # C
    hold_cycles: int
    nodes: int              # N
    ins: int                # I
    outs: int               # O
    vcs: int                # V
    depth: int              # D
    queue_count: int        # B
    turns: int              # lcm(V, S)
    # Registers.
    ever: np.ndarray        # uint8[2]: whether any crossbar was ever SCHEDULED, or had one DOWN
    whole: np.ndarray       # WHOLE[N]
    whole_more: np.ndarray
    input: np.ndarray       # INPUT[N, I]
    input_more: np.ndarray
    output: np.ndarray      # OUTPUT[N, O]
    output_more: np.ndarray
    inlet: np.ndarray       # INLET[N, I, V]
    inlet_more: np.ndarray
    outlet: np.ndarray      # OUTLET[N, O, V]
    outlet_more: np.ndarray
    vc: np.ndarray          # VC[N, V]
    vc_more: np.ndarray
    accept_from: np.ndarray  # int16[N, I, lcm(V, S)]: a
    input_counters: np.ndarray   # int32[N, I, 4]: saturating at 65535
    output_counters: np.ndarray  # int32[N, O, 2]: the same
    # Tables.
    kind: np.ndarray        # uint8[tables, destinations]
    ports: np.ndarray       # uint64[tables, destinations]
    default: np.ndarray     # DEFAULT[tables]
    schedule: np.ndarray    # uint8[N, O, 4V]
    # Queues.
    slots: np.ndarray       # SLOT[N, I, V, D]
    queues: np.ndarray      # QUEUE[N, I, V, B]
    held: np.ndarray        # int16[N, I, V, O]: flits in queue (i, v, j)
    members: np.ndarray     # uint64[N, I, V, D]: of a flit in a set queue, the set without `sent`
    payload: np.ndarray     # uint64[flits]: bits 63:0 of each, by `tag`; for source routing


def make_xbars(shape: Shape, inputs, outputs, entries, table=None, payload=(0,), *, back=None,
               ahead=None) -> XbarState:
    """Crossbars after reset, their tables filled from cycle 0 on.

    Parameters
    ----------
    inputs : int[nodes, I]
        Wires of flits that come, and of the credits for them.
    outputs : int[nodes, O]
        Wires of flits that go, and of the credits for them.
    entries : .tables.Entries
        Kept, not copied.
    table : int[nodes, I], optional
        Table of each input; by default all inputs of a crossbar share that of its number.
    payload : uint64[flits], optional
        For source routing. Kept, not copied.
    back, ahead : (int[nodes, I or O], int[nodes, I or O]), optional
        Wires of an ideal link's far side that take the credits of inputs, and the flits of outputs,
        and cycles that they are on their way; by default it is in the wires of the port itself.
    """
    inputs, outputs = (np.ascontiguousarray(wires, np.int64) for wires in (inputs, outputs))
    n, i, o, v, d = len(inputs), shape.inputs, shape.outputs, shape.vcs, shape.depth
    s, b, tables = shape.stages, shape.queue_count, len(entries.kind)
    counting = ECMP[shape.ecmp] == OCCUPANCY or shape.voq_limit > 0
    # Untouched zeros take no memory.
    places = {"whole": (n,), "whole_more": (n,), "input": (n, i), "input_more": (n, i),
              "output": (n, o), "output_more": (n, o), "inlet": (n, i, v), "inlet_more": (n, i, v),
              "outlet": (n, o, v), "outlet_more": (n, o, v), "vc": (n, v), "vc_more": (n, v)}
    made = {name: np.zeros(size, getattr(records, name.upper())) for name, size in places.items()}
    made["input"]["permit"] = EVERYTHING
    made["input"]["table"] = np.arange(n)[:, None] if table is None else table
    made["input"]["wire"], made["output"]["wire"] = inputs, outputs
    made["input"]["back"], made["input"]["flight"] = (inputs, 0) if back is None else back
    made["output"]["ahead"], made["output"]["flight"] = (outputs, 0) if ahead is None else ahead
    made["inlet"]["open"] = CLOSED
    made["outlet"]["credits"] = shape.credits
    made["outlet"]["lock"] = EVERYTHING
    if shape.sets:
        made["outlet_more"]["set_lock"] = EVERYTHING
    return XbarState(
        stages=s, rounds=shape.rounds, ecmp=ECMP[shape.ecmp], fifo=shape.fifo, sets=shape.sets,
        multicast=shape.multicast, source_routing=shape.source_routing, counting=counting,
        statistics=shape.statistics, fails=True,
        set_requester=0 if shape.fifo else i,
        set_candidate=0 if shape.fifo else o, requesters=shape.requesters,
        candidates=shape.candidates, hold_cycles=shape.hold_cycles, nodes=n, ins=i, outs=o,
        vcs=v, depth=d, queue_count=b, turns=lcm(v, s), ever=np.zeros(2, np.uint8),
        **{name: array.reshape(-1) for name, array in made.items()},
        accept_from=np.zeros(n * i * lcm(v, s), np.int16),
        input_counters=np.zeros((n, i, 4), np.int32),
        output_counters=np.zeros((n, o, 2), np.int32),
        kind=np.ascontiguousarray(entries.kind, np.uint8),
        ports=np.ascontiguousarray(entries.ports, np.uint64),
        default=np.zeros(tables, records.DEFAULT),
        schedule=np.tile(np.arange(4 * v, dtype=np.uint8) % v, n * o),
        slots=np.zeros(n * i * v * d, records.SLOT),
        queues=np.zeros(n * i * v * b, records.QUEUE),
        held=np.zeros(n * i * v * o if counting else 1, np.int16),
        members=np.zeros(n * i * v * d if shape.sets else 1, np.uint64),
        payload=np.ascontiguousarray(payload, np.uint64))
