"""The crossing between two clocks loses nothing and keeps the order (docs/serdes.md)."""

from amaranth import DomainRenamer, EnableInserter, Signal
from amaranth.hdl import Value

from ..config import CROSSING_DEPTH
from ..hdl.serdes.crossing import Crossing
from .bench import Bench, implies

DOMAINS = ("w", "r")


def build(crossing=Crossing) -> Bench:
    """Any entry that is written is read, in its turn, unchanged; nothing else is read.

    The two clocks are free: each has an edge whenever the solver likes, both at once too. A
    synchroniser's first register takes the value of before the edge; a metastable bit, which falls
    to the old or the new value, is an edge a little earlier or later, since one bit at the most
    changes at a time (which is proven too). Not looked at: the reset, whose synchroniser is taken
    out here.
    """
    bench = Bench()
    m, depth = bench.m, CROSSING_DEPTH
    ticks = {name: bench.free(1, f"tick_{name}") for name in DOMAINS}

    def clocked(module):
        return DomainRenamer(dict.fromkeys(DOMAINS, "sync"))(EnableInserter(ticks)(module))

    dut = bench.open(crossing(4, w_domain="w", r_domain="r"), wrap=clocked)
    fifo = dut.part("fifo")
    fifo.remove("rst_cdc")
    port = dut.port
    valid, ready = bench.free(1, "valid"), bench.free(1, "ready")
    m.d.comb += [port.i.valid.eq(valid), port.o.ready.eq(ready),
                 port.i.payload.eq(bench.free(4, "payload"))]

    written, read = fifo["produce_w_bin"], fifo["consume_r_bin"]
    bits = len(written)
    writes = ticks["w"] & valid & port.i.ready
    reads = ticks["r"] & ready & port.o.valid

    # What each side knows of the other is older the further it has come.
    forth, back = fifo.part("produce_cdc"), fifo.part("consume_cdc")
    order = [plain(back["stage1"]), plain(back["stage0"]), read, plain(forth["stage1"]),
             plain(forth["stage0"]), written]
    steps = [(newer - older)[:bits] for older, newer in zip(order, order[1:], strict=False)]
    bench.invariant(sum(steps) <= depth)
    for gray, binary in ((fifo["produce_w_gry"], written), (fifo["consume_r_gry"], read)):
        bench.invariant(gray == (binary ^ binary[1:]))
        before = Signal(bits)
        m.d.sync += before.eq(gray)
        changes = gray ^ before
        bench.check((changes & (changes - 1)[:bits]) == 0)

    # One entry is watched, any one.
    mark = bench.free(1, "mark")
    here, number, entry = Signal(), Signal(bits), Signal(4)
    with m.If(~here & mark & writes):
        m.d.sync += [here.eq(1), number.eq(written), entry.eq(port.i.payload)]
    with m.If(here & reads & (read == number)):
        m.d.sync += here.eq(0)
    place = (number - read)[:bits]
    row = bench.look(fifo.part("storage"), number[:-1])
    bench.invariant(implies(here, (place < (written - read)[:bits]) & (row == entry)))
    bench.check(implies(here & port.o.valid & (place == 0),
                        Value.cast(port.o.payload) == entry))
    held = Signal(range(2 * depth))
    m.d.sync += held.eq(held + writes - reads)
    bench.invariant(held == (written - read)[:bits])
    bench.check(held <= depth)
    bench.check(implies(reads, held != 0))
    bench.check(implies(here, place < held))
    return bench


def plain(gray):
    """The number whose Gray code is `gray`."""
    bits = [gray[k:].xor() for k in range(len(gray))]
    return sum(bit << k for k, bit in enumerate(bits))[:len(gray)]
