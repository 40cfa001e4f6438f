"""Registers of :class:`.state.XbarState` by the place that they belong to.

A set is a uint64: of inputs, outputs or VCs as said.
"""

from __future__ import annotations

import numpy as np


def _record(*fields):
    return np.dtype(list(fields), align=True)


WHOLE = _record(
    ("arrived", np.uint64),      # inputs whose register holds a flit, to be routed
    ("routed", np.uint64),       # S = 2: inputs whose latch holds one, to be classified
    ("waiting", np.uint64),      # outputs that any queue has a flit for
    ("granted", np.uint64),      # S = 2: outputs whose grant waits to be accepted
    ("disturbed", np.uint64),    # outputs that drain, or have `rest` or `owe`
    ("draining", np.uint64),     # outputs
    ("foreseen", np.uint64),     # S = 2, within a step: outputs whose waiting grant holds
    ("scheduled", np.uint8),     # whether a schedule or a strict set was ever written
)
"""A crossbar."""

INPUT = _record(
    ("table", np.int64),         # which table of entries is the input's
    ("permit", np.uint64),       # outputs
    ("register", np.int64),      # flit that arrived
    ("latch", np.int64),         # S = 2: flit that was routed; of a first one also
    ("latch_members", np.uint64),    # outputs,
    ("latch_way", np.int16),     # way,
    ("latch_verdict", np.uint8),     # and verdict
    ("left_for", np.int16),      # queue that a flit left in this step: an output, or TO_SET
    ("grants", np.uint64),       # within a step: outputs that grant queues to one output
    ("set_vcs", np.uint64),      # within a step: VCs of which `set_grants` is not empty
    ("refused", np.uint8),       # `valid` of the report, and its other fields
    ("breach", np.uint8),
    ("refused_vc", np.uint8),
    ("refused_src", np.int16),
    ("refused_dst", np.int16),
)
"""An input."""

OUTPUT = _record(
    ("strict", np.uint64),       # VCs
    ("rest", np.uint64),         # VCs
    ("owe", np.uint64),          # VCs
    ("down", np.int32),          # cycles that `up` has been 0, up to `hold_cycles`
    ("granted_vc", np.int16),    # S = 2: VC of the grant that waits,
    ("granted_by", np.int16),    # and requester;
    ("next_lock", np.uint64),    # within a step: the locks when it is accepted
    ("next_set_lock", np.uint64),
    ("offered_vc", np.int16),    # within a step: VC of the grant that may be accepted
)
"""An output."""

INLET = _record(
    ("open_members", np.uint64),     # outputs of the packet being written, where it is TO_SET
    ("set_grants", np.uint64),   # within a step: outputs that grant the set queue
    ("open", np.int16),          # way of the packet being written, or CLOSED
    ("used", np.int16),          # slots in use
    ("owed", np.int16),          # credits
    ("bad", np.uint8),
    ("dropping", np.uint8),
    ("peak", np.int16),
    ("flits", np.int64),         # cut to 32 bits when read
)
"""A VC of an input."""

OUTLET = _record(
    ("queued", np.uint64),       # inputs with a flit in queue (i, v, j)
    ("lock", np.uint64),         # inputs whose queue may send: one, none, or all when free
    ("credits", np.int16),
    ("want", np.uint64),         # inputs whose set queue wants the output
    ("set_lock", np.uint64),     # inputs whose set queue may send
    ("flits", np.int64),         # cut to 32 bits when read
    ("stalls", np.int64),
)
"""A VC of an output."""

VC = _record(
    ("matched", np.uint64),      # inputs of which a flit left in this step
    ("dropped", np.uint64),      # inputs of which one was dropped with credit in this step
    ("owing", np.uint64),        # inputs with owed > 0
    ("lingering", np.uint64),    # S = 2: `matched` of the cycle before
    ("set_queued", np.uint64),   # inputs with a flit in their set queue
)
"""A VC of a crossbar."""

DEFAULT = _record(("ports", np.uint64), ("kind", np.uint8))
"""The default entry of a table."""
