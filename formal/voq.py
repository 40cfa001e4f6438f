"""The crossbar's queues, linked lists over one memory, keep each flit and their order."""

from amaranth import Mux, Signal
from amaranth.hdl import Value

from ..hdl.interfaces import End
from ..hdl.xbar.queues import VoqMemory
from .bench import Bench, implies
from .configs import small

CFG = small(chiplet__flit_bytes=16, chiplet__vcs=2, chiplet__endpoints=2, chiplet__host_ports=1,
            chiplet__optical_ports=1, xbar__vc_depth=2)


def build(voq=VoqMemory) -> Bench:
    """Any flit that is pushed is popped when all before it in its queue have been, unchanged.

    `waiting` and `full` are the truth. Assumed: a VC that is full is not pushed to, and what is
    popped is the head of one queue that waits.
    """
    bench = Bench()
    m = bench.m
    vcs, ports, depth = CFG.chiplet.vcs, CFG.derived.ports, CFG.xbar.vc_depth
    dut = bench.open(voq(CFG), free=("push", "push_flit", "push_output", "pop_output", "pop_vc"))
    port, flit = dut.port, dut.port.push_flit
    for choice in (port.push_output, port.pop_vc):
        bench.assume((choice != 0) & ((choice & (choice - 1)) == 0))
    bench.assume((port.pop_output & (port.pop_output - 1)) == 0)
    queues = []
    for v in range(vcs):
        counts = [Signal(range(depth + 1), name=f"count_{v}_{j}") for j in range(ports)]
        bench.assume(implies(port.push & (flit.vc == v), sum(counts) != depth))
        bench.check(port.full[v] == (sum(counts) == depth))
        for j, count in enumerate(counts):
            pushes = port.push & (flit.vc == v) & port.push_output[j]
            pops = port.pop_output[j] & port.pop_vc[v]
            m.d.sync += count.eq(count + pushes - pops)
            bench.assume(implies(pops, count != 0))
            bench.check(port.waiting[v][j] == (count != 0))
            second = bench.look(dut.part("links"), dut[f"head_{v}_{j}"])
            queues.append((count, dut[f"head_{v}_{j}"], dut[f"tail_{v}_{j}"], second))
            _watch(bench, dut, f"{v}_{j}", queues[-1], pushes, pops)
        bench.invariant((dut[f"held_{v}"] == sum(counts)) & (sum(counts) <= depth))
    _slots(bench, dut, queues)
    return bench


def _slots(bench, dut, queues):
    """Each slot is in one queue, was given back, or was never used."""
    free = dut.part("free")
    head, tail, fresh = free["head"], free["tail"], free["fresh"]
    slots = CFG.chiplet.vcs * CFG.xbar.vc_depth
    back = Signal(range(slots + 1))
    bench.m.d.comb += back.eq(fresh - sum(count for count, *_ in queues))
    rows = [bench.look(free.part("ring"), (head + k)[:len(head)]) for k in range(slots)]
    bench.invariant((fresh <= slots) & (back <= fresh) & ((head + back)[:len(tail)] == tail))
    bench.invariant((head == 0) | (fresh == slots))
    for count, first, last, second in queues:
        bench.invariant(implies(count == 1, first == last))
        bench.invariant(implies(count == 2, second == last))
    for slot in range(slots):
        places = [fresh <= slot, *((back > k) & (row == slot) for k, row in enumerate(rows))]
        for count, first, _, second in queues:
            places += [(count > 0) & (first == slot), (count > 1) & (second == slot)]
        bench.invariant(sum(places) == 1)


def _watch(bench, dut, name, queue, pushes, pops):
    """One flit of one queue, any one."""
    m, port = bench.m, dut.port
    count, first, _, second = queue
    mark = bench.free(1, f"mark_{name}")
    here, due = Signal(name=f"here_{name}"), Signal(name=f"due_{name}")
    place = Signal.like(count, name=f"place_{name}")
    entry = Signal(port.push_flit.shape(), name=f"entry_{name}")
    turn = here & pops & (place == 0)
    m.d.sync += due.eq(turn)
    with m.If(~here & ~due & mark & pushes):
        m.d.sync += [here.eq(1), place.eq(count - pops), entry.eq(port.push_flit)]
    with m.Elif(here & pops):
        m.d.sync += [place.eq(place - 1), here.eq(place != 0)]
    slot = Mux(place == 0, first, second)
    bench.invariant(implies(here, place < count))
    bench.invariant(implies(here, Value.cast(bench.look(dut.part("flits"), slot))
                            == Value.cast(entry)))
    bench.invariant(implies(here, bench.look(dut.part("more"), slot) == (entry.end == End.NONE)))
    bench.check(implies(turn, port.pop_more == (entry.end == End.NONE)))
    bench.check(implies(due, Value.cast(port.popped) == Value.cast(entry)))
