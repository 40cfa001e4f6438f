"""Registers of :class:`.state.XbarState` by the place that they belong to.

A set is a uint64: of inputs, outputs or VCs as said. What a plain crossbar does not touch is in a
record of its own, MORE, so that what it does lies together.
"""

from __future__ import annotations

import numpy as np


def _record(*fields):
    return np.dtype(list(fields), align=True)


WHOLE = _record(
    ("arrived", np.uint64),      # inputs to which a wire brought a flit in the cycle before
    ("waiting", np.uint64),      # outputs that any queue has a flit for
    ("restless", np.uint64),     # not empty: a step has more to do than these two and wires say
    ("phase", np.int16),         # cycle mod V; kept, as a division takes longer than most of a step
    ("turn", np.int16),          # cycle mod lcm(V, S)
    ("slot", np.int16),          # cycle mod L
)
"""A crossbar."""

WHOLE_MORE = _record(
    ("routed", np.uint64),       # S = 2: inputs whose latch holds a flit, to be classified
    ("granted", np.uint64),      # S = 2: outputs whose grant waits to be accepted
    ("foreseen", np.uint64),     # S = 2, within a step: those whose waiting grant holds
    ("disturbed", np.uint64),    # outputs that drain, or have `rest` or `owe`
    ("draining", np.uint64),     # outputs
)

INPUT = _record(
    ("grants", np.uint64),       # within a step: outputs that grant queues to one output
    ("permit", np.uint64),       # outputs
    ("table", np.int32),         # which table of entries is the input's
    ("wire", np.int32),          # wire that brings its flits
    ("back", np.int32),          # wire that takes its credits,
    ("flight", np.int32),        # and cycles that they are on their way
)
"""An input."""

INPUT_MORE = _record(
    ("latch", np.int64),         # S = 2: flit that was routed; of a first one also
    ("latch_members", np.uint64),    # outputs,
    ("latch_way", np.int16),     # way,
    ("latch_verdict", np.uint8),     # and verdict
    ("left_for", np.int16),      # queue that a flit left in this step: an output, or TO_SET
    ("set_vcs", np.uint64),      # within a step: VCs of which `set_grants` is not empty
    ("refused", np.uint8),       # `valid` of the report, and its other fields
    ("breach", np.uint8),
    ("refused_vc", np.uint8),
    ("refused_src", np.int16),
    ("refused_dst", np.int16),
)

OUTPUT = _record(
    ("wire", np.int32),          # wire that brings its credits
    ("ahead", np.int32),         # wire that takes its flits,
    ("flight", np.int32),        # and cycles that they are on their way
    ("offered_vc", np.int16),    # within a step: VC of the grant that may be accepted
)
"""An output."""

OUTPUT_MORE = _record(
    ("strict", np.uint64),       # VCs
    ("rest", np.uint64),         # VCs
    ("owe", np.uint64),          # VCs
    ("down", np.int32),          # cycles that `up` has been 0, up to `hold_cycles`
    ("granted_vc", np.int16),    # S = 2: VC of the grant that waits,
    ("granted_by", np.int16),    # and requester;
    ("next_lock", np.uint64),    # within a step: the locks when it is accepted
    ("next_set_lock", np.uint64),
)

INLET = _record(
    ("open", np.int16),          # way of the packet being written, or CLOSED
    ("used", np.int16),          # slots in use
    ("spare", np.int16),         # first free slot
    ("owed", np.int16),          # credits
    ("bad", np.uint8),
    ("dropping", np.uint8),
)
"""A VC of an input."""

INLET_MORE = _record(
    ("open_members", np.uint64),     # outputs of the packet being written, where it is TO_SET
    ("set_grants", np.uint64),   # within a step: outputs that grant the set queue
    ("flits", np.int64),         # cut to 32 bits when read
    ("peak", np.int16),
)

OUTLET = _record(
    ("queued", np.uint64),       # inputs with a flit in queue (i, v, j)
    ("lock", np.uint64),         # inputs whose queue may send: one, none, or all when free
    ("credits", np.int16),
    ("grant_from", np.int16),    # g, of s = 0
    ("grant_from_odd", np.int16),    # and of s = 1
)
"""A VC of an output."""

OUTLET_MORE = _record(
    ("want", np.uint64),         # inputs whose set queue wants the output
    ("set_lock", np.uint64),     # inputs whose set queue may send
    ("flits", np.int64),         # cut to 32 bits when read
    ("stalls", np.int64),
)

VC = _record(
    ("matched", np.uint64),      # inputs of which a flit left in this step
    ("dropped", np.uint64),      # inputs of which one was dropped with credit in this step
    ("owing", np.uint64),        # inputs with owed > 0
)
"""A VC of a crossbar."""

VC_MORE = _record(
    ("lingering", np.uint64),    # S = 2: `matched` of the cycle before
    ("set_queued", np.uint64),   # inputs with a flit in their set queue
)

SLOT = _record(
    ("flit", np.int64),
    ("following", np.int16),     # slot of the next flit of the same queue; of a free slot, the next
                                 # free one less the one behind it: 0 after reset
)
"""A slot of an (input, VC)."""

QUEUE = _record(
    ("head", np.int16),          # slot of the first flit
    ("tail", np.int16),          # and of the last
)
"""A queue."""

DEFAULT = _record(("ports", np.uint64), ("kind", np.uint8))
"""The default entry of a table."""
