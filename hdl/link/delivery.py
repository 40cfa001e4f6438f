"""The frame buffer, and the delivery of accepted frames as flits."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import End, FlitLayout
from ..xbar.roundrobin import onehot_mux
from .consumer import Consumer
from .format import FrameInfo
from .receiver import Frame, buffer_bits


class Delivery(Component):
    """Gives accepted frames' flits in order, one a cycle, without a gap while frames wait.

    Ends the packets that a session left open, each with a flit that says ABORT.

    Delivery is never slower than arrival, since a frame takes one beat more than it has flits, so
    at most F flits wait. Behind a frame of F, frames of one flit arrive every other cycle while it
    leaves: half as many frames as flits, and the queue of frames holds them.

    Attributes
    ----------
    write, write_addr, write_data : In
        Store a flit's payload.
    accept, frame : In
        Queue an accepted frame; its first flit is out two cycles later if none is before it.
    closing : In(1)
        Open packets are to be ended, as soon as the consumer has a slot.
    credit : In(vcs)
        Slots that the consumer gives back.
    valid, flit : Out
    settled : Out(1)
        No frame waits or leaves, and no packet is open.
    aborted : Out(1)
    free : Out
        Of each VC, the consumer's slots that are free at the end of this cycle.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "write": In(1), "write_addr": In(buffer_bits(cfg)),
            "write_data": In(cfg.derived.flit_bits),
            "accept": In(1), "frame": In(Frame(cfg)),
            "closing": In(1), "credit": In(cfg.chiplet.vcs),
            "valid": Out(1), "flit": Out(FlitLayout(cfg)), "settled": Out(1), "aborted": Out(1),
            "free": Out(data.ArrayLayout(cfg.derived.credit_bits, cfg.chiplet.vcs)),
        })

    def elaborate(self, platform):
        m = Module()
        cfg, d = self._cfg, self._cfg.derived
        m.submodules.buffer = buffer = Memory(
            shape=d.flit_bits, depth=2 ** buffer_bits(cfg), init=[])
        m.submodules.frames = frames = SyncFIFO(
            width=Frame(cfg).size, depth=cfg.link.frame_flits // 2 + 2)
        write, read = buffer.write_port(), buffer.read_port()
        waiting = Frame(cfg)(frames.r_data)
        now, rest = Signal(FrameInfo(cfg)), Signal(FrameInfo(cfg))
        left, address = Signal(d.count_bits), Signal(buffer_bits(cfg))
        sideband = Signal(FlitLayout(cfg))
        going = Signal()
        m.d.comb += [
            write.addr.eq(self.write_addr), write.data.eq(self.write_data), write.en.eq(self.write),
            frames.w_data.eq(self.frame), frames.w_en.eq(self.accept),
            going.eq(left != 0), read.en.eq(1),
        ]
        with m.If(going):
            m.d.comb += [now.eq(rest), read.addr.eq(address)]
            m.d.sync += [left.eq(left - 1), address.eq(address + 1)]
        with m.Elif(frames.r_rdy):
            m.d.comb += [now.eq(waiting.info), read.addr.eq(waiting.start), frames.r_en.eq(1)]
            m.d.sync += [left.eq(waiting.count - 1), address.eq(waiting.start + 1)]
        meta, head = now.meta[0], now.head[0]
        m.submodules.consumer = consumer = Consumer(cfg)
        payload_valid = Signal()
        m.d.comb += [
            consumer.given.eq(going | frames.r_rdy), consumer.vc.eq(meta.vc),
            consumer.end.eq(meta.end), consumer.credit.eq(self.credit),
            consumer.closing.eq(self.closing), self.settled.eq(consumer.settled),
            self.aborted.eq(consumer.aborting.any()), self.free.eq(consumer.free),
        ]
        m.d.sync += [
            self.valid.eq(consumer.given | self.aborted), payload_valid.eq(consumer.given),
            rest.meta.eq(now.meta.as_value() >> now.meta[0].shape().size),
            sideband.vc.eq(meta.vc), sideband.first.eq(meta.first), sideband.end.eq(meta.end),
        ]
        with m.If(meta.first):
            m.d.sync += [sideband.src.eq(head.src), sideband.dst.eq(head.dst),
                         rest.head.eq(now.head.as_value() >> now.head[0].shape().size)]
        with m.Else():
            m.d.sync += [sideband.src.eq(0), sideband.dst.eq(0), rest.head.eq(now.head)]
        with m.If(self.aborted):
            m.d.sync += [
                sideband.eq(0), sideband.end.eq(End.ABORT),
                sideband.vc.eq(onehot_mux(consumer.aborting, [
                    Const(v, d.vc_bits) for v in range(cfg.chiplet.vcs)])),
            ]
        m.d.comb += [
            self.flit.eq(sideband),
            self.flit.payload.eq(Mux(payload_valid, read.data, 0)),
        ]
        return m
