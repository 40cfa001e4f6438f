"""The crossbar's queues, linked lists over one memory, keep each flit and their order."""

from amaranth import Signal
from amaranth.hdl import Value

from ..hdl.interfaces import End
from ..hdl.xbar.queues import VoqMemory
from ..hdl.xbar.shape import Shape
from .bench import Bench, implies
from .configs import small

CFG = small(chiplet__flit_bytes=16, chiplet__vcs=1, chiplet__endpoints=2, chiplet__host_ports=1,
            chiplet__optical_ports=1, xbar__vc_depth=4)
SHAPE = Shape.of(CFG)


def build(voq=VoqMemory) -> Bench:
    """Any flit that is pushed is popped when all before it in its queue have been, unchanged.

    `waiting`, `more`, `heads`, `counts`, `held` are the truth. Assumed: a VC that is full is not
    pushed to, and what is popped is the head of one queue that waits.
    """
    bench = Bench()
    m = bench.m
    depth = SHAPE.depth
    dut = bench.open(voq(SHAPE), free=("push", "push_flit", "push_queue", "push_set",
                                       "read_queue", "read_vc", "pop"))
    port = dut.port
    bench.assume(implies(port.push, port.push_flit.vc == 0))
    bench.assume((port.push_queue != 0) & ((port.push_queue & (port.push_queue - 1)) == 0))
    bench.assume((port.read_queue & (port.read_queue - 1)) == 0)
    bench.assume(implies(port.pop, port.read_vc & (port.read_queue != 0)))
    counts = [Signal(range(depth + 1), name=f"count_{k}") for k in range(SHAPE.queues)]
    bench.assume(implies(port.push, sum(counts) != depth))
    bench.invariant(sum(counts) <= depth)
    bench.check(port.held[0] == sum(counts))
    lists = []
    for k, count in enumerate(counts):
        is_set = k == SHAPE.outputs
        queue = dut.part(f"set_{0}" if is_set else f"queue_{0}_{k}")
        pushes, pops = port.push & port.push_queue[k], port.pop & port.read_queue[k]
        m.d.sync += count.eq(count + pushes - pops)
        bench.assume(implies(pops, count != 0))
        bench.check(port.waiting[0][k] == (count != 0))
        if not is_set:
            bench.check(port.counts[0][k] == count)
        entries = _entries(bench, dut, queue, depth)
        lists.append((count, [entry.slot for entry in entries]))
        _bookkeeping(bench, queue, count, lists[-1][1])
        _watch(bench, dut, k, count, entries, pushes, pops, is_set)
    bench.invariant(sum(queue["stale"] for queue in _queues(dut)) <= 1)
    _slots(bench, dut, lists)
    return bench


def _queues(dut):
    return [dut.part(f"queue_0_{k}") for k in range(SHAPE.outputs)] + [dut.part("set_0")]


def _entries(bench, dut, queue, depth):
    """The entries of a queue, the first one first."""
    layout = queue.port.head.shape()
    entries = [queue.port.head, layout(queue["following"].as_value())]
    while len(entries) < depth:
        row = bench.look(dut.part("links"), entries[-1].slot)
        entries.append(layout(Value.cast(row)[:layout.size]))
    return entries


def _bookkeeping(bench, queue, count, slots):
    """Flags and tail of a queue follow from its entries."""
    port = queue.port
    bench.invariant((port.count == count) & (port.waiting == (count != 0)))
    bench.invariant((queue["several"] == (count > 1)) & (queue["two"] == (count == 2)))
    bench.invariant(implies(queue["stale"], count > 1))
    for place, slot in enumerate(slots):
        bench.invariant(implies(count == place + 1, port.tail == slot))


def _slots(bench, dut, lists):
    """Each slot is in one queue, was given back, or was never used."""
    free = dut.part("free")
    head, tail, fresh = free["head"], free["tail"], free["fresh"]
    slots = SHAPE.vcs * SHAPE.depth
    back = Signal(range(slots + 1))
    bench.m.d.comb += back.eq(fresh - sum(count for count, _ in lists))
    rows = [bench.look(free.part("ring"), (head + k)[:len(head)]) for k in range(slots)]
    bench.invariant((fresh <= slots) & (back <= fresh) & ((head + back)[:len(tail)] == tail))
    bench.invariant((head == 0) | (fresh == slots))
    for slot in range(slots):
        places = [fresh <= slot, *((back > k) & (row == slot) for k, row in enumerate(rows))]
        for count, taken in lists:
            places += [(count > place) & (at == slot) for place, at in enumerate(taken)]
        bench.invariant(sum(places) == 1)


def _watch(bench, dut, name, count, entries, pushes, pops, is_set):
    """One flit of one queue, any one."""
    m, port = bench.m, dut.port
    mark = bench.free(1, f"mark_{name}")
    here, due = Signal(name=f"here_{name}"), Signal(name=f"due_{name}")
    place = Signal.like(count, name=f"place_{name}")
    flit = Signal(port.push_flit.shape(), name=f"flit_{name}")
    outputs = Signal.like(port.push_set, name=f"set_{name}")
    turn = here & pops & (place == 0)
    m.d.sync += due.eq(turn)
    with m.If(~here & ~due & mark & pushes):
        m.d.sync += [here.eq(1), place.eq(count - pops), flit.eq(port.push_flit),
                     outputs.eq(port.push_set)]
    with m.Elif(here & pops):
        m.d.sync += [place.eq(place - 1), here.eq(place != 0)]
    bench.invariant(implies(here, place < count))
    more = flit.end == End.NONE
    for at, entry in enumerate(entries):
        mine = here & (place == at)
        row = bench.look(dut.part("flits"), entry.slot)
        bench.invariant(implies(mine, Value.cast(row) == Value.cast(flit)))
        bench.invariant(implies(mine, entry.more == more))
        if is_set:
            bench.invariant(implies(mine, (entry.first == flit.first) & (entry.set == outputs)))
    first = here & (place == 0)
    bench.check(implies(first, port.more[0][name] == more))
    if is_set:
        head = port.heads[0]
        bench.check(implies(first, (head.first == flit.first) & (head.set == outputs)))
    bench.check(implies(due, Value.cast(port.popped) == Value.cast(flit)))
