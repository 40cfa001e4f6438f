"""Delivery: nothing overflows, and accepted flits leave in order and unchanged."""

from amaranth import Cat, Mux, Signal
from amaranth.hdl import Value

from ..hdl.link.delivery import Delivery
from ..hdl.link.receiver import Frame
from .bench import Bench, implies
from .configs import LINK as CFG


class Arrival:
    """What the receiver promises: see :func:`lightloom.formal.receiver.build`, which proves it.

    Flits are written one behind the other. When a frame is accepted its n flits are the last ones
    written, since the last acceptance, and the cycle before was that of its tail.
    """

    def __init__(self, m, *, write, write_addr, accept, frame, most: int):
        self.pointer = Signal(len(write_addr), name="arrival_pointer")
        self.age = Signal(range(4 * most), name="arrival_age", init=1)
        self.written = Signal(range(most + 1), name="arrival_written")
        self.wrote = Signal(name="arrival_wrote")
        with m.If(~self.age.all()):
            m.d.sync += self.age.eq(self.age + 1)
        with m.If(write & (self.written != most)):
            m.d.sync += self.written.eq(self.written + 1)
        with m.If(accept):
            m.d.sync += [self.age.eq(1), self.written.eq(write)]
        m.d.sync += [self.pointer.eq(self.pointer + write), self.wrote.eq(write)]
        count = frame.count
        self.rules = [
            implies(write, write_addr == self.pointer),
            implies(accept, (count != 0) & (count <= self.written) & ~self.wrote),
            implies(accept, (frame.start + count)[:len(write_addr)] == self.pointer),
        ]
        self.timely = self.written + ~self.wrote <= self.age


def build(delivery=Delivery) -> Bench:
    """One flit of an accepted frame is watched, any one: it is given in its turn, unchanged.

    No flit in the frame buffer is overwritten before, and the queue of frames has room.
    """
    bench = Bench()
    m, most = bench.m, CFG.link.frame_flits
    dut = bench.open(delivery(CFG), free=(
        "write", "write_addr", "write_data", "accept", "frame", "closing", "credit"))
    port, fifo = dut.port, dut.part("frames")
    arrival = Arrival(m, write=port.write, write_addr=port.write_addr, accept=port.accept,
                      frame=port.frame, most=most)
    for rule in arrival.rules:
        bench.assume(rule)
    bench.invariant(arrival.timely)

    left, address, rest = dut["left"], dut["address"], dut["rest"]
    depth, level, consume = fifo.port.depth, fifo.port.level, fifo["consume"]
    given = (left != 0) | (level != 0)
    queue = [(level > k, Frame(CFG)(bench.look(fifo.part("storage"), _around(consume + k, depth))))
             for k in range(depth)]

    # Cycles until all that waits has left: a frame takes one more to arrive than to leave.
    load = left + sum(Mux(waits, frame.count + 1, 0) for waits, frame in queue)
    flits = left + sum(Mux(waits, frame.count, 0) for waits, frame in queue)
    bench.invariant(~given | (load + arrival.age <= most + 2))
    bench.check(~port.accept | fifo.port.w_rdy)
    bench.invariant((level <= depth) & (consume < depth) & (fifo["produce"] < depth))
    bench.invariant(_around(consume + level, depth) == fifo["produce"])
    before = left
    for waits, frame in queue:
        distance = (arrival.pointer - frame.start)[:len(address)]
        bench.invariant(~waits | ((frame.count != 0) & (frame.count <= most)))
        bench.invariant(~waits | ((distance >= frame.count) & (distance + before <= 2 * most + 2)))
        before = before + Mux(waits, frame.count, 0)
    distance = (arrival.pointer - address)[:len(address)]
    bench.invariant((left == 0) | ((distance >= left) & (distance <= 2 * most + 2) & (left < most)))

    # The watched flit: the k-th of its frame.
    mark, k = bench.free(1, "mark"), bench.free(range(most), "k")
    here, due = Signal(), Signal()
    place, row = Signal(range(4 * most)), Signal.like(address)
    payload, sideband = Signal(CFG.derived.flit_bits), Signal(len(sideband_of(rest, 0)))
    meets = mark & port.accept & (k < port.frame.count)
    buffer = dut.part("buffer")
    written = bench.look(buffer, (port.frame.start + k)[:len(address)])
    with m.If(~here & meets):
        m.d.sync += [
            here.eq(1), place.eq(flits - given + k), row.eq(port.frame.start + k),
            payload.eq(written), sideband.eq(sideband_of(port.frame.info, k)),
        ]
    with m.Elif(here & given):
        m.d.sync += [place.eq(place - 1), here.eq(place != 0)]
    m.d.sync += due.eq(here & given & (place == 0))
    bench.invariant(~here | (place < flits))
    bench.invariant(~here | (bench.look(buffer, row) == payload))
    at = place
    bench.invariant(~here | (at >= left) | (((address + at)[:len(row)] == row)
                                        & (sideband_of(rest, at) == sideband)))
    base = left
    for waits, frame in queue:
        at = (place - base)[:len(place)]
        inside = waits & (place >= base) & (place < base + frame.count)
        bench.invariant(~(here & inside) | (((frame.start + at)[:len(row)] == row)
                                        & (sideband_of(frame.info, at) == sideband)))
        base = base + Mux(waits, frame.count, 0)
    flit = port.flit
    head = Cat(flit.src, flit.dst)
    bench.check(~due | (port.valid & dut["payload_valid"] & (flit.payload == payload)
                        & (Cat(flit.vc, flit.first, flit.end, head) == sideband)))
    return bench


def _around(row, depth):
    return Mux(row >= depth, row - depth, row)


def sideband_of(info, k):
    """VC, first, end and, with `first`, source and destination of flit `k` of a frame."""
    meta = [Value.cast(info.meta[i]) for i in range(CFG.link.frame_flits)]
    chosen, number = pick(meta, k), 0
    for i in range(CFG.link.frame_flits - 1):
        number = number + (info.meta[i].first & (k > i))
    heads = [Value.cast(info.head[i]) for i in range(CFG.derived.frame_heads)]
    first = pick([info.meta[i].first for i in range(CFG.link.frame_flits)], k)
    return Cat(chosen, Mux(first, pick(heads, number), 0))


def pick(values, index):
    result = values[0]
    for i, value in enumerate(values[1:], 1):
        result = Mux(index == i, value, result)
    return result
