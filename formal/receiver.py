"""The receiver accepts each flit once and in order, whatever the channel loses or delays."""

from amaranth import Array, Cat, Mux, Signal

from ..hdl.interfaces import FlitLayout
from ..hdl.link.format import State, Tail
from ..hdl.link.receiver import Receiver
from .abstract import open_link
from .bench import Bench, implies
from .configs import END as CFG
from .delivery import Arrival, pick, sideband_of

RING, FRAME = CFG.link.replay_flits, CFG.link.frame_flits


def build(receiver=Receiver) -> Bench:
    """The flits accepted are those written at the sender: from the next number on, unchanged.

    The channel holds any number of frames; it keeps their order, and loses, damages and delays
    them at will. One of them is watched, any one. What is proven of it in each cycle, `sane`, is
    what is assumed of the frame that arrives in that cycle, which could be the watched one.

    The RTL is the whole of a link end; received beats and the alignment are free, so sessions start
    at any time, with numbers from 0 on.

    Assumed of the sender: what :mod:`lightloom.formal.sender` proves. Assumed of the CRC: a good
    one means that the tail was sent, in this session, and that the flits, if as many came as it
    says, are those of its frame.
    """
    bench = Bench()
    m = bench.m
    bits = CFG.derived.seq_bits + 3
    end = open_link(bench, CFG, "end", Receiver=receiver)
    dut = end.part("receiver")
    port = dut.port
    renewed = Signal()
    m.d.sync += renewed.eq(port.renew)
    bench.invariant(implies(renewed, end.part("training").port.state == State.RESET))

    def whole(name, free=False):
        return bench.free(bits, name) if free else Signal(bits, name=name)

    def least(a, b):
        """`a` <= `b`, of whole numbers closer to each other than half their range."""
        return ~(b - a)[bits - 1]

    # The sender: the highest number sent, the acknowledged. The receiver: the next to accept.
    most, acked, expected = whole("most"), whole("acked"), whole("expected")
    sends, acknowledges = whole("sends", free=True), whole("acknowledges", free=True)
    bench.assume(least(most, sends) & ((sends - acknowledges)[:bits] <= RING))
    bench.assume(least(acked, acknowledges) & least(acknowledges, expected))
    m.d.sync += [most.eq(sends), acked.eq(acknowledges)]
    bench.invariant(((most - acked)[:bits] <= RING) & least(acked, expected)
                & least(expected, most))

    def sane(begin, before):
        """A frame from `begin` on; `before`: the highest number sent when it was begun."""
        return (least(expected, before) & least(before, most)
                & ((before - begin)[:bits] <= RING) & least(begin + 1, expected + RING))

    # The watched frame.
    flies, begin, before = Signal(), whole("begin"), whole("before")
    launch, lost, start = bench.free(1, "launch"), bench.free(1, "lost"), whole("start", free=True)
    starts = (((most - start)[:bits] <= RING)
              & ((start - acked)[bits - 1] | ((start - acked)[:bits] < RING)))
    with m.If(~flies & launch):
        bench.assume(starts)
        m.d.sync += [flies.eq(1), begin.eq(start), before.eq(most)]
    with m.If(flies & lost):
        m.d.sync += flies.eq(0)
    bench.invariant(implies(flies, sane(begin, before)))

    # The frame that arrives: another one, which was sent before the watched one.
    tail = Tail(CFG)(dut["held"])
    first, earlier = whole("first", free=True), whole("earlier", free=True)
    last = (first + tail.count)[:bits]
    arrives = port.tail & (tail.count != 0)
    bench.assume(implies(arrives, sane(first, earlier) & (tail.seq == first[:len(tail.seq)])
                         & (tail.count <= FRAME) & least(last, most)))
    bench.assume(implies(arrives & flies, least(last, before)))

    # What is accepted continues what was.
    with m.If(port.accept):
        m.d.sync += expected.eq(expected + port.frame.count)
    with m.If(port.renew):
        m.d.sync += [most.eq(0), acked.eq(0), expected.eq(0), flies.eq(0)]
    bench.invariant(port.expected == expected[:len(port.expected)])
    bench.check(implies(port.accept, (first == expected) & dut["crc_good"]))
    bench.check(implies(port.accept, (port.frame.count == tail.count)
                        & (tail.count == dut["counted"])))

    # The flit of one number, any one: that it came as flit k of this frame, and where it is kept.
    number, flit = bench.constant(bits, "number"), bench.constant(FlitLayout(CFG), "flit")
    rows = 2 ** len(port.write_addr)
    came, came_judged, kept = Signal(FRAME), Signal(FRAME), Signal(rows)
    seen, pointer = dut["seen"], dut["pointer"]
    for k in range(FRAME):
        with m.If(dut["is_flit"] & (seen == k)):
            m.d.sync += came[k].eq(dut["bits"] == flit.payload)
    m.d.sync += came_judged.eq(came)
    for row in range(rows):
        with m.If(port.write & (port.write_addr == row)):
            m.d.sync += kept[row].eq(port.write_data == flit.payload)
    k = (number - first)[:bits]
    carries = arrives & (first == expected) & (k < tail.count)
    sideband = Cat(flit.vc, flit.first, flit.end, Mux(flit.first, Cat(flit.src, flit.dst), 0))
    bench.assume(implies(carries & (tail.count == dut["counted"]),
                         pick(came_judged, k) & (sideband_of(tail.info, k) == sideband)))
    row = (port.frame.start + k)[:len(pointer)]
    bench.check(implies(port.accept & carries, Array(kept)[row]
                        & (sideband_of(port.frame.info, k) == sideband)))

    _buffer(bench, dut, end.part("delivery").port, end.port.o, came, came_judged, kept)
    return bench


def _buffer(bench, dut, delivery, given, came, came_judged, kept):
    """What the delivery may rely on, and the invariants of the two stages behind it."""
    port, seen, pointer = dut.port, dut["seen"], dut["pointer"]
    arrival = Arrival(bench.m, write=delivery.write, write_addr=delivery.write_addr,
                      accept=delivery.accept, frame=delivery.frame, most=FRAME)
    bench.check((given.valid == delivery.valid)
                & (given.flit.as_value() == delivery.flit.as_value()))
    bench.check((delivery.accept == port.accept) & (delivery.write_data == port.write_data))
    for rule in arrival.rules:
        bench.check(rule)
    bench.invariant(arrival.timely)
    stored = Mux(seen > FRAME, FRAME, seen)
    judged = Mux(dut["counted"] > FRAME, FRAME, dut["counted"])
    size = len(pointer)
    bench.invariant((pointer == arrival.pointer) & (pointer == (dut["start"] + stored)[:size]))
    bench.invariant(seen <= FRAME + 1)
    bench.invariant(arrival.written >= stored)
    bench.invariant(implies(dut["tail_seen"], (seen == 0) & ~arrival.wrote
                        & (arrival.written >= judged)
                        & (pointer == (dut["first"] + judged)[:size])))
    for k in range(FRAME):
        bench.invariant((stored <= k) | (came[k] == Array(kept)[(dut["start"] + k)[:size]]))
        bench.invariant(~dut["tail_seen"] | (judged <= k)
                    | (came_judged[k] == Array(kept)[(dut["first"] + k)[:size]]))
