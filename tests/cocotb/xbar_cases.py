"""Random configurations of a crossbar, and random scenarios that use all that they have."""

import numpy as np

from lightloom import config
from lightloom.sim.xbar import (
    ALL,
    DEFAULT,
    DENIED,
    NO_ENTRY,
    ONE,
    PERMIT,
    ROUTE,
    SLOT,
    SOURCE,
    STRICT,
)
from lightloom.tb import traffic
from lightloom.tb.routes import TableWrite
from lightloom.tb.xbar_scenario import Scenario, crossbar_config


def random_config(rng, *, most=5):
    """(cfg, inputs, outputs): every feature is on in about half of them."""
    coin = lambda: bool(rng.integers(2))
    inputs, outputs = (int(n) for n in rng.integers(2, most + 1, size=2))
    depth = int(rng.choice([4, 5, 8, 16, 32]))
    stages, queues = int(rng.integers(1, 3)), str(rng.choice(["voq", "voq", "voq", "fifo"]))
    cfg = crossbar_config(
        max(inputs, outputs), vcs=int(rng.choice([1, 2, 3, 4])),
        endpoints=int(rng.choice([8, 16])), flit_bytes=int(rng.choice([8, 8, 16])),
        vc_depth=depth, max_packet_flits=min(depth, int(rng.choice([2, 4, 9]))),
        egress_depth=int(rng.integers(8, 12)), stages=stages,
        iterations=1 if stages == 2 else int(rng.integers(1, 4)), queues=queues,
        ecmp=str(rng.choice(["hash", "lowest", "occupancy" if queues == "voq" else "hash"])),
        multicast=coin(), source_routing=coin(),
        voq_limit=int(rng.choice([0, 1, 3])) if queues == "voq" else 0,
        hold_cycles=int(rng.choice([1, 2, 7, 40])), statistics=coin())
    return cfg, inputs, outputs


def random_set(rng, outputs, *, few=False):
    """A word of outputs; now and then none or all."""
    if rng.random() < 0.05:
        return int(rng.choice([0, (1 << outputs) - 1]))
    share = 0.3 if few else rng.random()
    return sum(1 << j for j in range(outputs) if rng.random() < share)


def random_entry(rng, outputs):
    """(kind, set); mostly one that carries packets."""
    kind = int(rng.choice([NO_ENTRY, ONE, ALL, SOURCE, DENIED, 5, 7],
                          p=[0.06, 0.5, 0.25, 0.1, 0.05, 0.02, 0.02]))
    few = random_set(rng, outputs, few=True)
    return kind, few or 1 << int(rng.integers(outputs)) if rng.random() < 0.97 else 0


def random_write(rng, cfg, inputs, outputs, cycle):
    """Any write, also those that do nothing."""
    vcs, op = cfg.chiplet.vcs, int(rng.integers(7))
    index_bits = max(cfg.derived.id_bits, (4 * vcs - 1).bit_length())
    who = int(rng.integers(1, 1 << inputs))
    if op in (ROUTE, DEFAULT):
        return TableWrite(cycle, op, who, int(rng.integers(2**cfg.derived.id_bits)),
                          *random_entry(rng, outputs))
    ports = random_set(rng, outputs)
    if op == PERMIT and rng.random() < 0.6:
        ports = (1 << outputs) - 1
    index = int(rng.integers(2)) if op == STRICT else int(rng.integers(2**index_bits))
    return TableWrite(cycle, op, who, index, int(rng.integers(min(8, vcs + 1))), ports)


def first_writes(rng, cfg, inputs, outputs, *, partitions=True):
    """Tables in full: entries, of which some are an input's own, defaults, sets, schedules."""
    cycle = destinations = 2**cfg.derived.id_bits
    everyone, writes = (1 << inputs) - 1, []
    for dst in range(destinations):
        writes.append((ROUTE, everyone, dst, *random_entry(rng, outputs)))
        if rng.random() < 0.3:
            writes.append((ROUTE, int(rng.integers(1, 1 << inputs)), dst,
                           *random_entry(rng, outputs)))
    writes.append((DEFAULT, int(rng.integers(1 << inputs)), 0, *random_entry(rng, outputs)))
    if partitions:
        for i in range(inputs):
            if rng.random() < 0.3:
                writes.append((PERMIT, 1 << i, 0, 0, random_set(rng, outputs)))
    if rng.random() < 0.5:
        for slot in range(4 * cfg.chiplet.vcs):
            writes.append((SLOT, 0, slot, int(rng.integers(cfg.chiplet.vcs)),
                           random_set(rng, outputs)))
    if rng.random() < 0.3:
        writes.append((STRICT, 0, 1, int(rng.integers(cfg.chiplet.vcs)), random_set(rng, outputs)))
    return [TableWrite(cycle + k, *write) for k, write in enumerate(writes)]


def random_rates(rng, inputs, destinations):
    """One of the patterns, over the numbers of destinations."""
    kind = rng.integers(4)
    if kind == 0:
        return np.full((inputs, destinations), 1 / destinations)
    rates = rng.random((inputs, destinations))
    if kind == 1:                           # few flows
        rates *= rng.random((inputs, destinations)) < 3 / destinations
    if kind == 2:                           # one hot destination
        rates[:, rng.integers(destinations)] += destinations
    rates += 1e-3 / destinations
    return rates / rates.sum(axis=1, keepdims=True)


def random_traffic(rng, cfg, inputs, outputs, *, start, cycles, broken=0.0, mixed=0.0):
    """An array for each input: any lengths and sources, `broken` of the flits.

    With probability `mixed` an input's packets of different VCs interleave. As its source waits
    with all VCs for a credit of one, packets that are begun may then wait for each other for ever.
    """
    longest, bits = cfg.xbar.max_packet_flits, cfg.derived.id_bits
    lengths = [n for n in (1, 1, 2, 4, 9) if n <= longest]
    rates = random_rates(rng, inputs, 2**bits)
    load = float(rng.choice([0.3, 0.7, 1.0]))
    illegal = cfg.chiplet.vcs if cfg.chiplet.vcs < 2**cfg.derived.vc_bits else None
    stimulus = []
    for rows in traffic.bernoulli(rng, rates, cycles=cycles, load=load, start=start,
                                  vcs=cfg.chiplet.vcs, lengths=lengths):
        heads = rows[:, 2] == 1
        rows[heads, 4] = rng.integers(2**bits, size=heads.sum())
        named = rng.integers(outputs + (rng.random(len(rows)) < 0.1), size=len(rows))
        rows[:, 6] = rows[:, 6] & ~0xFF | named
        if rng.random() < mixed:
            rows = traffic.interleave(rng, rows)
        stimulus.append(traffic.break_rows(rng, rows, broken, illegal_vc=illegal))
    return stimulus


def random_intervals(rng, ports, start, cycles, *, count, longest):
    """(port, begin, end), at random."""
    return [(int(rng.integers(ports)), begin, begin + int(rng.integers(1, longest)))
            for begin in (int(rng.integers(start, cycles)) for _ in range(count))]


def settled_scenario(rng, *, cycles=3000, flits=300, most=5, **changes):
    """Whole packets in tables that do not change, and time for all of them; sinks hold at times.

    At most `flits` flits from an input; `changes` are fields of the configuration.
    """
    cfg, inputs, outputs = random_config(rng, most=most)
    cfg = config.override(cfg, **{f"xbar__{name}": value for name, value in changes.items()})
    writes = first_writes(rng, cfg, inputs, outputs)
    start = writes[-1].cycle + 2
    stimulus = random_traffic(rng, cfg, inputs, outputs, start=start, cycles=cycles // 2)
    for i, rows in enumerate(stimulus):
        # Cut where all VCs are between packets.
        busy, begin = set(), 0
        for k, (vc, end) in enumerate(rows[:flits, [1, 3]].tolist()):
            busy = busy - {vc} if end else busy | {vc}
            begin = begin if busy else k + 1
        stimulus[i] = rows[:begin]
    holds = random_intervals(rng, outputs, start, cycles // 2, count=10, longest=60)
    return Scenario(cfg, stimulus, cycles, inputs, outputs, writes, holds=holds)


def random_scenario(rng, *, cycles=1500, most=5, flits=0.7, changes=1):
    """A scenario in which all changes: traffic in the first `flits` of the cycles.

    There are `changes` times as many changes of each kind as 1,500 cycles have.
    """
    cfg, inputs, outputs = random_config(rng, most=most)
    writes = first_writes(rng, cfg, inputs, outputs)
    start = writes[-1].cycle + 2 if rng.random() < 0.8 else 1
    for _ in range(changes * int(rng.integers(40))):
        writes.append(random_write(rng, cfg, inputs, outputs, int(rng.integers(start, cycles))))
    writes.sort(key=lambda write: write.cycle)
    up = [(cycle, j, value) for j, begin, end in
          (random_intervals(rng, outputs, 0, cycles, count=6 * changes, longest=150)
           if rng.random() < 0.5 else [])
          for cycle, value in ((begin, 0), (end, 1))]
    holds = (random_intervals(rng, outputs, 0, cycles, count=40 * changes, longest=60)
             if rng.random() < 0.6 else [])
    overflow = rng.random() < 0.2
    return Scenario(
        cfg, random_traffic(rng, cfg, inputs, outputs, start=start, cycles=int(flits * cycles),
                            broken=float(rng.choice([0, 0, 0.05])), mixed=0.3),
        cycles, inputs, outputs, writes, sorted(up),
        sorted(int(c) for c in rng.integers(cycles, size=rng.integers(3))), holds,
        cfg.xbar.vc_depth + 3 if overflow else None)
