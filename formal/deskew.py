"""The deskew FIFO keeps what it is given, in order (docs/serdes.md, Alignment)."""

from ..hdl.serdes.deskew import DeskewFifo
from .bench import Bench, implies
from .configs import with_deskew_depth
from .queue import Watched


def build(fifo=DeskewFifo) -> Bench:
    """No overflow that is not reported, and any block leaves when all before it have left.

    Assumed, as the alignment does it: it reads what there is, and clears this FIFO in the cycle of
    an overflow after the hunt.
    """
    bench = Bench()
    depth = 9
    dut = bench.open(fifo(with_deskew_depth(depth)), free=(
        "valid", "block", "spoil", "hunt", "read", "skip", "clear"))
    port, held = dut.port, dut["held"]
    bench.assume(implies(port.read, port.ready))
    bench.assume(implies(port.skip, port.read & port.two))
    bench.assume(implies(port.overflow & ~port.hunt, port.clear))
    watched = Watched(
        bench, name="block", depth=depth, memory=dut.part("memory"), head=dut["head"],
        tail=dut["tail"], held=held, enter=dut["keep"], entry=port.block,
        leave=port.read + (port.read & port.skip), emptied=port.clear | port.emptied,
        begins=dut["begin"])
    watched.is_given(bench, port.o)
    bench.invariant(dut["some"] == (held != 0))
    bench.invariant(dut["more"] == (held >= 2))
    bench.invariant(implies(held != 0, dut["started"]))
    return bench
