"""The frame buffer, and the delivery of accepted frames as flits."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..interfaces import FlitLayout
from .format import FrameInfo
from .receiver import Frame, buffer_bits


class Delivery(wiring.Component):
    """Gives accepted frames' flits in order, one a cycle, without a gap while frames wait.

    Delivery is never slower than arrival, since a frame takes one beat more than it has flits, so
    at most F flits wait. Behind a frame of F, frames of one flit arrive every other cycle while it
    leaves: half as many frames as flits, and the queue of frames holds them.

    Attributes
    ----------
    write, write_addr, write_data : In
        Store a flit's payload.
    accept, frame : In
        Queue an accepted frame; its first flit is out two cycles later if none is before it.
    valid, flit : Out
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "write": In(1), "write_addr": In(buffer_bits(cfg)),
            "write_data": In(cfg.derived.flit_bits),
            "accept": In(1), "frame": In(Frame(cfg)),
            "valid": Out(1), "flit": Out(FlitLayout(cfg)),
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
        m.d.sync += [
            self.valid.eq(going | frames.r_rdy),
            rest.meta.eq(now.meta.as_value() >> now.meta[0].shape().size),
            sideband.vc.eq(meta.vc), sideband.first.eq(meta.first), sideband.end.eq(meta.end),
        ]
        with m.If(meta.first):
            m.d.sync += [sideband.src.eq(head.src), sideband.dst.eq(head.dst),
                         rest.head.eq(now.head.as_value() >> now.head[0].shape().size)]
        with m.Else():
            m.d.sync += [sideband.src.eq(0), sideband.dst.eq(0), rest.head.eq(now.head)]
        m.d.comb += [self.flit.eq(sideband), self.flit.payload.eq(read.data)]
        return m
