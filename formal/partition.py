"""A crossbar's partitions: what an input may not reach, it does not reach."""

from amaranth import Signal

from ..hdl.xbar.layer import Crossbar
from .bench import Bench, implies
from .configs import small

CFG = small(chiplet__flit_bytes=16, chiplet__vcs=2, chiplet__endpoints=2, chiplet__host_ports=1,
            chiplet__optical_ports=1, xbar__vc_depth=4, xbar__egress_depth=2,
            xbar__source_routing=True, xbar__hold_cycles=2, xbar__statistics=False)
FROM, TO = 0, 1


def build(crossbar=Crossbar) -> Bench:
    """Once output 1 is no longer in `permit` of input 0, and nothing that it queued before is left,
    no flit of input 0 leaves at output 1 until it is permitted again.

    Free: all traffic of both inputs, broken packets too, all writes of the tables, credits, `up`.
    Assumed: what `voq` proves: sets leave a set queue as they were queued, in order.
    """
    bench = Bench()
    m = bench.m
    dut = bench.open(crossbar(CFG))
    port, source = dut.port, dut.part(f"input_{FROM}")
    drive = {"up": port.up, "clear": port.clear, "write": port.tables.valid,
             "payload": port.tables.payload}
    for i, flits in enumerate(port.inputs):
        drive |= {f"valid_{i}": flits.valid, f"flit_{i}": flits.flit}
    for j, flits in enumerate(port.outputs):
        drive[f"credit_{j}"] = flits.credit
    for name, signal in drive.items():
        m.d.comb += signal.eq(bench.free(signal.shape(), name))

    queues, permitted = source.part("queues"), source.part("router")["permit"][TO]
    shut, clean = Signal(), Signal()
    traces = []
    for v in range(CFG.chiplet.vcs):
        single = queues.part(f"queue_{v}_{TO}")
        heads, pops = queues.port.heads[v], queues.port.pop & queues.port.read_vc[v]
        pushes = queues.port.push & (queues.port.push_flit.vc == v)
        # Packets in the set queue that go to the output, flit by flit.
        waiting = Signal(range(CFG.xbar.vc_depth + 1), name=f"waiting_{v}")
        m.d.sync += waiting.eq(
            waiting + (pushes & queues.port.push_queue[-1] & queues.port.push_set[TO])
            - (pops & queues.port.read_queue[-1] & heads.set[TO]))
        bench.assume(implies(queues.port.waiting[v][-1] & heads.set[TO], waiting != 0))
        begun = source["is_open"][v] & source[f"way_{v}"][TO]
        traces += [single.port.waiting, waiting != 0, begun]
        bench.invariant(implies(shut, ~single.port.waiting & (waiting == 0) & ~begun))
        bench.check(implies(shut, ~(pushes & queues.port.push_set[TO])))
    m.d.comb += clean.eq(~permitted & ~sum(traces).any())
    # A packet that is being routed in this cycle was permitted in it: so one cycle later.
    m.d.sync += shut.eq((shut | clean) & ~source.port.tables.permit_en & ~permitted)
    bench.invariant(implies(shut, ~permitted))
    bench.check(implies(shut, ~dut.part(f"crosspoint_{TO}").port.source[FROM]))
    return bench
