"""State of a group of crossbars of the same shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightloom.sim.bits import EVERYTHING

MAX_PORTS = 64
"""Ports of a crossbar: the bits of a request word."""

ROUTE_DROPS, PROTOCOL_ERRORS, OVERFLOWS = range(3)
"""Places in `counters`."""

CLOSED = -1


class XbarState(NamedTuple):
    """N crossbars of P ports, V VCs and D slots for each (input, VC); i is an input, j an output.

    A queue (i, v, j) is a list linked through the slots of (i, v), so that the queues share them.
    What is "as visible in the next cycle to be stepped" is one value for each register.
    """

    inputs: np.ndarray      # int64[N, P]: wires
    outputs: np.ndarray     # int64[N, P]: wires
    table: np.ndarray       # int64[N]: which route table is the crossbar's
    routes: np.ndarray      # int16[tables, endpoints, 3]: valid, port, spread
    # Write stage.
    arrived: np.ndarray     # uint64[N]: inputs whose register holds a flit, to be classified
    register: np.ndarray    # int64[N, P]: that flit
    open: np.ndarray        # int16[N, P, V]: output of the packet being written, or CLOSED
    bad: np.ndarray         # bool[N, P, V]
    dropping: np.ndarray    # bool[N, P, V]
    # Queues: the VOQ of (i, v, j), all of one input and VC in the same slots.
    slots: np.ndarray       # int64[N, P, V, D]: flits
    following: np.ndarray   # int16[N, P, V, D]: slot of the next flit of the same queue
    free: np.ndarray        # int16[N, P, V, D]: stack of free slots, D - used of them
    used: np.ndarray        # int16[N, P, V]: slots in use
    head: np.ndarray        # int16[N, P, V, P]: slot of a queue's first flit
    tail: np.ndarray        # int16[N, P, V, P]: and of its last
    # Matching; an output's VCs lie together.
    waiting: np.ndarray     # uint64[N]: outputs with a flit in any queue
    queued: np.ndarray      # uint64[N, P(j), V]: inputs with a flit in queue (i, v, j)
    lock: np.ndarray        # uint64[N, P(j), V]: inputs that may send: one, or all when free
    credits: np.ndarray     # int16[N, P(j), V]
    grant_from: np.ndarray  # int16[N, P(j), V]: g
    accept_from: np.ndarray  # int16[N, P(i), V]: a
    grants: np.ndarray      # uint64[N, P(i)]: outputs that grant; empty between steps
    granted_vc: np.ndarray  # int16[N, P(j)]: VC of the grant, within a step
    # Credits back.
    owed: np.ndarray        # int16[N, P, V]
    owing: np.ndarray       # uint64[N, V]: inputs with owed > 0
    matched: np.ndarray     # uint64[N, V]: inputs with a flit matched in this step
    dropped: np.ndarray     # uint64[N, V]: inputs with a flit dropped with credit in this step
    counters: np.ndarray    # int32[N, P, 3]: saturating at 65535


def make_xbars(nodes: int, ports: int, vcs: int, depth: int, credits: int, inputs, outputs,
               routes, table=None) -> XbarState:
    """`nodes` crossbars after reset.

    Parameters
    ----------
    ports, vcs : int
        At most 64 and 8.
    depth : int
        D, slots of an input for each VC.
    credits : int
        K, slots behind an output for each VC.
    inputs, outputs : int[nodes, ports]
        Wires.
    routes : int[tables, endpoints, 3]
        (valid, port, spread) of each destination; held from cycle 0 on.
    table : int[nodes], optional
        Table of each crossbar; default: table 0 for all when there is one, else its own.
    """
    if ports > MAX_PORTS:
        raise ValueError(f"ports = {ports}: a crossbar of the model has at most {MAX_PORTS}")
    routes = np.ascontiguousarray(routes, np.int16)
    if table is None:
        table = np.arange(nodes) if len(routes) > 1 else np.zeros(nodes)
    shape, queue = (nodes, ports, vcs), (nodes, ports, vcs, depth)
    return XbarState(
        inputs=np.ascontiguousarray(inputs, np.int64),
        outputs=np.ascontiguousarray(outputs, np.int64),
        table=np.ascontiguousarray(table, np.int64), routes=routes,
        arrived=np.zeros(nodes, np.uint64), register=np.zeros((nodes, ports), np.int64),
        open=np.full(shape, CLOSED, np.int16), bad=np.zeros(shape, bool),
        dropping=np.zeros(shape, bool),
        slots=np.zeros(queue, np.int64), following=np.zeros(queue, np.int16),
        # The lowest slot is taken first, and a freed one is taken next: few are touched.
        free=np.broadcast_to(np.arange(depth - 1, -1, -1, dtype=np.int16), queue).copy(),
        used=np.zeros(shape, np.int16), head=np.zeros((*shape, ports), np.int16),
        tail=np.zeros((*shape, ports), np.int16),
        waiting=np.zeros(nodes, np.uint64), queued=np.zeros(shape, np.uint64),
        lock=np.full(shape, EVERYTHING), credits=np.full(shape, credits, np.int16),
        grant_from=np.zeros(shape, np.int16),
        accept_from=np.zeros(shape, np.int16), grants=np.zeros((nodes, ports), np.uint64),
        granted_vc=np.zeros((nodes, ports), np.int16),
        owed=np.zeros(shape, np.int16), owing=np.zeros((nodes, vcs), np.uint64),
        matched=np.zeros((nodes, vcs), np.uint64), dropped=np.zeros((nodes, vcs), np.uint64),
        counters=np.zeros((nodes, ports, 3), np.int32))
