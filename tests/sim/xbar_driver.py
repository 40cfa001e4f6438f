"""Runs of the crossbar model by hand: packets in, rows out."""

from lightloom.sim.xbar import ONE, ROUTE, CrossbarModel, Shape

NONE, FULL, PARTIAL, ABORT = range(4)
FIELDS = ("cycle", "output", "vc", "first", "end", "src", "dst", "tag")
PLAIN = {"inputs": 4, "outputs": 4, "vcs": 2, "depth": 8, "credits": 8, "destinations": 8}
START = 40
"""First cycle of packets: entries are cleared and written before."""


def crossbar(source_credits=None, **changes):
    return CrossbarModel(Shape(**(PLAIN | changes)), source_credits=source_credits)


def entries(*table, inputs=2**64 - 1):
    """Writes of (kind, set) of destinations 0, 1, ..."""
    return [(0, ROUTE, inputs, dst, *entry) for dst, entry in enumerate(table)]


def straight(ports):
    """Destination d is output d."""
    return entries(*((ONE, 1 << port) for port in range(ports)))


def packet(cycle, length, *, vc=0, src=3, dst=1, tag=0):
    """Flits one a cycle; tags count up."""
    return [(cycle + k, vc, int(k == 0), FULL if k == length - 1 else NONE,
             src if k == 0 else 0, dst if k == 0 else 0, tag + k) for k in range(length)]


def run(flits, *, cycles=200, at=0, writes=None, changes=None, **script):
    """Result of a run in which input `at` sends `flits`, or each input its list of a dict."""
    model = crossbar(**(changes or {}))
    stimulus = [[] for _ in range(model.shape.inputs)]
    for place, sent in (flits if isinstance(flits, dict) else {at: flits}).items():
        stimulus[place] = sent
    ports = straight(model.shape.outputs) if writes is None else writes
    return model.run(stimulus, cycles, writes=ports, **script)


def rows(result):
    """Deliveries as tuples of FIELDS."""
    return list(zip(*(result.delivered[name].tolist() for name in FIELDS), strict=True))


def seen(result, *names):
    """Deliveries as tuples of these fields."""
    return list(zip(*(result.delivered[name].tolist() for name in names), strict=True))


def count(result, name, port=0):
    """A counter of an input or an output."""
    return int((result.inputs | result.outputs)[name][port])
