"""Random crossbars and what happens to them, for the model against the contract restated."""

from lightloom.sim.xbar import DEFAULT, PERMIT, ROUTE, SLOT, STRICT, Shape

NONE, FULL = 0, 1
CYCLES = 400


def shape(rng) -> Shape:
    pick = lambda *values: values[rng.integers(len(values))]
    fifo, stages = rng.random() < 0.25, pick(1, 1, 2)
    return Shape(
        inputs=int(rng.integers(1, 6)), outputs=int(rng.integers(1, 6)),
        vcs=int(rng.integers(1, 5)), depth=pick(2, 4, 4, 7), credits=int(rng.integers(1, 5)),
        destinations=pick(2, 4, 8, 16), stages=stages,
        rounds=1 if stages == 2 else pick(1, 2, 3), queues="fifo" if fifo else "voq",
        ecmp=pick("hash", "lowest") if fifo else pick("hash", "occupancy", "lowest"),
        multicast=rng.random() < 0.7, source_routing=rng.random() < 0.5,
        voq_limit=0 if fifo else pick(0, 1, 3), hold_cycles=pick(1, 5, 20),
        statistics=rng.random() < 0.7)


def flits(rng, shape, i):
    """Packets of an input, some of whose flits are lost or spoiled."""
    made, at, tag = [], 0, i << 32
    while at < CYCLES:
        length, vc = int(rng.choice([1, 1, 2, 3, 5])), int(rng.integers(shape.vcs))
        src, dst = int(rng.integers(4096)), int(rng.integers(shape.destinations))
        for k in range(length):
            first, end = int(k == 0), NONE if k < length - 1 else int(rng.integers(1, 4))
            # Byte 0 names an output, or one too many.
            payload = int(rng.integers(2**56)) << 8 | int(rng.integers(shape.outputs + 1))
            spoiled = rng.integers(60)
            if spoiled == 1:
                first = 1 - first
            elif spoiled == 2:
                end = FULL if end == NONE else NONE
            elif spoiled == 3:
                vc = 5
            if spoiled:
                made.append((at, vc, first, end, first * src, first * dst, tag, payload))
            tag += 1
            at += int(rng.integers(1, 3))
        if rng.random() < 0.1:
            at += int(rng.integers(30))
    return made


def writes(rng, shape):
    """Tables filled, then written under traffic."""
    every = (1 << shape.inputs) - 1
    ports = lambda: int(rng.integers(1, 1 << shape.outputs) if rng.random() < 0.95
                        else rng.integers(2**63))
    kind = lambda: int(rng.choice([1, 1, 1, 1, 2, 2, 3, 3, 4, 0, 5, 7]))
    made = [(0, ROUTE, every, dst, kind(), ports()) for dst in range(shape.destinations)]
    made.append((0, DEFAULT, every, 0, int(rng.choice([0, 1, 2, 3, 4, 6])), ports()))
    cycle = 60
    while cycle < CYCLES:
        cycle += int(rng.integers(1, 25))
        op = int(rng.choice([ROUTE, ROUTE, DEFAULT, PERMIT, SLOT, SLOT, STRICT, STRICT, 5]))
        inputs = int(rng.integers(2**shape.inputs))
        if op < SLOT:
            index, value = int(rng.integers(shape.destinations + 2)), kind()
        else:
            index = int(rng.integers(4 * shape.vcs + 2))
            value = int(rng.integers(shape.vcs + 1))
        wide = op == PERMIT and rng.random() < 0.7
        made.append((cycle, op, inputs, index, value,
                     (1 << shape.outputs) - 1 if wide else ports()))
    return made


def levels(rng, shape):
    """Changes of `up`: short ones, and long enough to drain."""
    made = []
    for output in range(shape.outputs):
        cycle, up = 0, 1
        while cycle < CYCLES and (made or rng.random() < 0.6):
            cycle += int(rng.integers(1, 80))
            up = 1 - up
            made.append((cycle, output, up))
            if not up and rng.random() < 0.5:
                cycle += shape.hold_cycles
    return sorted(made)


def scenario(rng):
    """A shape, the credits that sources start with, and the arguments of a run."""
    made = shape(rng)
    holds = []
    for _ in range(rng.integers(4)):
        begin = int(rng.integers(CYCLES))
        holds.append((int(rng.integers(made.outputs)), begin, begin + int(rng.integers(60))))
    return made, made.depth + int(rng.choice([0, 0, 2])), {
        "stimulus": [flits(rng, made, i) for i in range(made.inputs)], "cycles": CYCLES,
        "writes": writes(rng, made), "up": levels(rng, made), "holds": holds,
        "clear": [int(cycle) for cycle in rng.integers(CYCLES, size=rng.integers(3))]}
