"""FIFOs of a flit port: they never overflow while the producer keeps to its credits."""

from amaranth import Signal
from amaranth.hdl import Value

from ..hdl.egress import HostEgress
from ..hdl.link.admission import Admission
from .bench import Bench, implies
from .configs import small
from .queue import Watched

CFG = small(chiplet__flit_bytes=16, chiplet__vcs=2, chiplet__endpoints=2, xbar__egress_depth=5)


def admission(admission=Admission) -> Bench:
    """For each VC: no overflow, nothing leaves an empty FIFO, and any flit leaves in its turn.

    Assumed: the producer begins with K credits for each VC, and a flit costs one. Limits, room in
    the ring and the start of sessions are free.
    """
    bench = Bench()
    dut = bench.open(admission(CFG), free=("limit", "space", "renew"))
    port = dut.port
    grant = dut.part("choice").port.grant
    bench.invariant((grant & (grant - 1)) == 0)
    _fifos(bench, dut, port.flit, port.valid | port.dropped)
    return bench


def egress(egress=HostEgress) -> Bench:
    """The same of a host port's egress, whose consumer is ready when it likes."""
    bench = Bench()
    dut = bench.open(egress(CFG))
    bench.m.d.comb += dut.port.o.tready.eq(bench.free(1, "ready"))
    holder, take = dut["holder"], dut["take"]
    bench.invariant((holder & (holder - 1)) == 0)
    _fifos(bench, dut, dut["flit"], take.any())
    return bench


def _fifos(bench, dut, given, gives):
    """`given`: the flit that leaves in a cycle in which `gives`."""
    m, port, slots = bench.m, dut.port, CFG.xbar.egress_depth
    valid, flit = bench.free(1, "valid"), bench.free(port.i.flit.shape(), "flit")
    m.d.comb += [port.i.valid.eq(valid), port.i.flit.eq(flit)]
    for v in range(CFG.chiplet.vcs):
        fifo = dut.part(f"fifo_{v}")
        level = fifo.port.level
        enter, leave = valid & (flit.vc == v), fifo.port.r_en
        credits = Signal(range(slots + 1), init=slots, name=f"credits_{v}")
        m.d.sync += credits.eq(credits - enter + port.i.credit[v])
        bench.assume(implies(enter, credits != 0))
        # Each slot is the producer's, taken, or on its way back.
        bench.invariant(credits + level + port.i.credit[v] == slots)
        bench.check(implies(fifo.port.w_en, fifo.port.w_rdy))
        bench.check(implies(leave, fifo.port.r_rdy))
        bench.check(fifo.port.w_en == enter)
        watched = Watched(
            bench, name=f"flit_{v}", depth=slots, memory=fifo.part("storage"),
            head=fifo["consume"], tail=fifo["produce"], held=level, enter=enter, entry=flit,
            leave=leave)
        turn = watched.here & (watched.place == 0) & leave
        bench.check(implies(turn, (Value.cast(given) == watched.entry) & gives))
