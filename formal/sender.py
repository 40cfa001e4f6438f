"""The sender: replay ring and framer send frames that a receiver of the protocol can judge."""

from amaranth import Cat, Mux, Signal
from amaranth.hdl import Value

from ..hdl.interfaces import FlitLayout
from ..hdl.link.framer import Framer
from ..hdl.link.replay import ReplayRing
from .abstract import open_link
from .bench import Bench, implies
from .configs import END as CFG
from .delivery import sideband_of

RING, FRAME = CFG.link.replay_flits, CFG.link.frame_flits


def build(ring=ReplayRing, framer=Framer) -> Bench:
    """For each frame that is loaded: its numbers are right, and its flits are those written.

    Numbers that the RTL counts modulo 2R are here counted modulo 16R (`whole` numbers), so that
    order means something; they begin anew with each session. The RTL is the whole of a
    link end; flits, received beats, the adapter's ready and its alignment are free, so sessions
    start, frames are cut and replays are asked for at any time. Assumed of the other end:
    acknowledges come in order, and of flits that were sent in this session.
    """
    bench = Bench()
    m = bench.m
    bits = CFG.derived.seq_bits + 3
    end = open_link(bench, CFG, "end", ReplayRing=ring, Framer=framer)
    dut_ring, dut = end.part("ring"), end.part("framer")
    r, f = dut_ring.port, dut.port
    renew = end.part("training").port.renew

    admission = end.part("admission").port
    bench.check((r.write == admission.valid) & (r.flit.as_value() == admission.flit.as_value()))

    # Whole numbers: of the next flit written and sent, the highest sent, the acknowledged, the
    # first of the open frame.
    wr, tx, most, acked, begin = (
        Signal(bits, name=name) for name in ("wr", "tx", "most", "acked", "begin"))
    ack = bench.free(bits, "ack")
    count = dut["count"]
    bench.assume(implies(r.ack_valid, (r.ack == ack[:len(r.ack)]) & _upto(acked, ack, most)))
    opens = dut["load_flit"] & (count == 0)
    m.d.sync += wr.eq(wr + r.write)
    with m.If(r.ack_valid):
        m.d.sync += acked.eq(ack)
    with m.If(f.seek):
        m.d.sync += tx.eq(Mux(f.up, acked, begin))
    with m.Elif(f.take):
        m.d.sync += tx.eq(tx + 1)
        with m.If(tx == most):
            m.d.sync += most.eq(most + 1)
    with m.If(opens):
        m.d.sync += begin.eq(tx)
    with m.If(renew):
        m.d.sync += [wr.eq(0), tx.eq(0), most.eq(0), acked.eq(0)]

    # The ring's pointers are those numbers; nothing waits behind its end.
    low = len(r.tx)
    bench.invariant((r.tx == tx[:low]) & (r.acked == acked[:low]) & (dut_ring["wr"] == wr[:low]))
    bench.invariant(_upto(acked, most, wr) & ((wr - acked)[:bits] <= RING))
    bench.invariant((most - tx)[:bits] <= RING)
    bench.invariant(implies(r.have, tx != wr))
    bench.invariant(implies(r.have & ((tx - acked)[bits - 1] == 0), (wr - tx)[:bits] <= RING))
    open_ = count != 0
    bench.invariant(count <= FRAME)
    bench.invariant(implies(open_, ((begin + count)[:bits] == tx) & (dut["begin"] == begin[:low])))
    bench.invariant(implies(open_, ((most - begin)[:bits] <= RING)))

    # What a frame promises to `formal/receiver.py`, when its first flit is loaded and its tail.
    bench.check(implies(opens, ((most - tx)[:bits] <= RING)))
    bench.check(implies(opens, ((tx - acked)[bits - 1] == 1) | ((tx - acked)[:bits] < RING)))
    tail = dut["tail"]
    closes = dut["load_tail"] & open_
    loaded = Signal.like(count)
    with m.If(dut["load_tail"] | dut["load_train"] | renew):
        m.d.sync += loaded.eq(0)
    with m.Elif(dut["load_flit"]):
        m.d.sync += loaded.eq(loaded + 1)
    bench.invariant(loaded == count)
    bench.check(implies(dut["load_tail"], tail.count == loaded))
    bench.check(implies(closes, tail.seq == begin[:low]))
    bench.check(implies(closes, _upto(begin, begin + count, most)))

    # The watched flit: written under any one number.
    number = bench.constant(bits, "number")
    flit, known = Signal(FlitLayout(CFG)), Signal()
    with m.If(r.write & (wr == number)):
        m.d.sync += [flit.eq(r.flit), known.eq(1)]
    in_ring = ((number - acked)[:bits] < (wr - acked)[:bits])
    row = bench.look(dut_ring.part("ring"), number[:low - 1])
    bench.invariant(implies(in_ring, known & (Value.cast(row) == Value.cast(flit))))
    bench.invariant(implies(in_ring & r.have & (tx == number),
                        Value.cast(r.head) == Value.cast(flit)))
    at = (number - begin)[:bits]
    inside = in_ring & open_ & (at < count)
    meta, head = dut["meta"], dut["head"]
    place = 0
    for k in range(FRAME):
        here = inside & (at == k)
        bench.invariant(implies(here, (meta[k].vc == flit.vc) & (meta[k].first == flit.first)
                            & (meta[k].end == flit.end)))
        for h in range(CFG.derived.frame_heads):
            bench.invariant(implies(here & flit.first & (place == h),
                                Value.cast(head[h]) == Cat(flit.src, flit.dst)))
        place = place + ((count > k) & meta[k].first)
    bench.invariant(dut["heads"] == place)
    bench.invariant(tail.info.as_value() == Cat(Value.cast(meta), Value.cast(head)))
    bench.check(implies(in_ring & dut["load_flit"] & (tx == number),
                        f.flit.payload == flit.payload))
    sideband = Cat(flit.vc, flit.first, flit.end, Mux(flit.first, Cat(flit.src, flit.dst), 0))
    bench.check(implies(inside & closes, sideband_of(tail.info, at) == sideband))

    _stages(bench, dut, end.port.tx)
    return bench


def _stages(bench, dut, stream):
    """Each beat that is loaded is offered, in order, with nothing but a CRC added."""
    m = bench.m
    loads = dut["free"] & (dut["load_flit"] | dut["load_tail"] | dut["load_train"])
    mark = bench.free(1, "mark_beat")
    in_a, in_b, control = Signal(), Signal(), Signal()
    bits = Signal(len(dut["a_bits"]))
    wanted = Mux(dut["load_train"], Value.cast(dut["train"]), Mux(
        dut["load_tail"], Value.cast(dut["tail"]), dut.port.flit.payload))
    with m.If(~in_a & ~in_b & mark & loads):
        m.d.sync += [in_a.eq(1), control.eq(~dut["load_flit"]), bits.eq(wanted)]
    with m.If(in_a & dut["b_load"]):
        m.d.sync += [in_a.eq(0), in_b.eq(1)]
    with m.If(in_b & stream.ready):
        m.d.sync += in_b.eq(0)
    bench.invariant(~(in_a & in_b))
    bench.invariant(implies(in_a, dut["a_valid"] & (dut["a_bits"] == bits)
                        & (dut["a_control"] == control)))
    beat = Cat(block.data for block in stream.payload)
    bench.check(implies(in_b, stream.valid & (stream.payload[0].ctrl == control)
                        & (beat[:-32] == bits[:-32]) & (control | (beat == bits))))
    bench.check(Cat(block.ctrl for block in stream.payload)[1:] == 0)


def _upto(low, middle, high):
    """`low` <= `middle` <= `high`, of whole numbers that are close to each other."""
    return ((middle - low)[:len(low)] <= (high - low)[:len(low)])
