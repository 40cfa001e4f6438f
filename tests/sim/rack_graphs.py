"""Task graphs by hand, and a small rack."""

import numpy as np

from lightloom import config
from lightloom.sim.rack import DELAY, MESSAGE, TaskGraph


def small(radix=8, endpoints=16, **changes):
    """A clos2 whose endpoints have one plane, so that all of a message is on it."""
    return config.override(config.load("sim"), chiplet__optical_ports=1, rack__radix=radix,
                           rack__endpoints=endpoints, **changes)


def graph(tasks, edges=()):
    """`tasks`: (src, dst, nbytes, vc) of a message or (endpoint, ns) of a delay; `edges`: pairs
    (before, after)."""
    kind = np.array([MESSAGE if len(task) == 4 else DELAY for task in tasks], np.uint8)
    full = np.array([task if len(task) == 4 else (task[0], task[0], 0, 0) for task in tasks],
                    np.int64).reshape(-1, 4)
    count, edges = len(tasks), np.array(sorted(edges), np.int64).reshape(-1, 2)
    return TaskGraph(
        kind=kind, src=full[:, 0].astype(np.int32), dst=full[:, 1].astype(np.int32),
        nbytes=full[:, 2], delay_ns=np.array([task[1] if len(task) == 2 else 0 for task in tasks]),
        vc=full[:, 3].astype(np.uint8), collective=np.full(count, -1, np.int32),
        succ_ptr=np.searchsorted(edges[:, 0], np.arange(count + 1)),
        succ=edges[:, 1].astype(np.int32), names=())


def head_latency(cfg, flits, switches):
    """Closed form of docs/rack.md: first beat accepted to first beat delivered, unloaded."""
    link = 21 + flits + cfg.derived.fibre_cycles
    return 1 + 4 * (switches + 2) + (switches + 1) * link + 2


def head_cycle(cfg, accepted, flits, switches):
    """The same with the waits for slots of rows, for a packet of one frame; a row is a beat."""
    bits, period = cfg.serdes.word_bits, cfg.serdes.marker_period + 1
    at = accepted + 1
    for _ in range(switches + 1):
        # A beat offered in each cycle, readable 3 cycles later, each in a slot of its own.
        offered, row = at + 4 + 5, -1
        for k in range(flits + 1):
            row = next(row for row in range(max(row + 1, (offered + k) * bits // 66), 2**40)
                       if row % period and 2 + row * 66 // bits >= offered + k + 3)
        at = 4 + (66 * row + 65) // bits + cfg.derived.fibre_cycles + 6 + 4
    return at + 4 + 2
