"""Types that cross a layer's edge: flit, flit port, beat, AXI4-Stream (docs/units.md)."""

from amaranth.lib import data, enum
from amaranth.lib.wiring import In, Out, Signature


class End(enum.Enum, shape=2):
    """How a flit ends its packet."""

    NONE = 0
    FULL = 1
    PARTIAL = 2
    ABORT = 3


class BlockType(enum.Enum, shape=8):
    """Bits 7:0 of a control block."""

    IDLE = 0x1E
    TRAIN = 0x55
    TAIL = 0x78
    PAD = 0x87
    MARKER = 0xFF


class FlitLayout(data.StructLayout):
    """One flit: payload and sideband.

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        d = cfg.derived
        super().__init__({
            "payload": d.flit_bits, "vc": d.vc_bits, "first": 1, "end": End,
            "src": d.id_bits, "dst": d.id_bits,
        })


class FlitPort(Signature):
    """A credit-based flit hop; `Out` is the producer's view."""

    def __init__(self, cfg):
        super().__init__({
            "valid": Out(1), "flit": Out(FlitLayout(cfg)), "credit": In(cfg.chiplet.vcs),
        })


class Block(data.Struct):
    """64 bits of one lane and their sync bit; `ctrl` 0 is data."""

    data: 64
    ctrl: 1


class RxBlock(data.Struct):
    """A received block; `error` marks a bad header or an unknown control type."""

    data: 64
    ctrl: 1
    error: 1


class RxBeats(Signature):
    """Received beats, which cannot be held; `Out` is the adapter's view."""

    def __init__(self, cfg):
        super().__init__({
            "valid": Out(1), "beat": Out(data.ArrayLayout(RxBlock, cfg.derived.blocks)),
        })


def beat_layout(cfg):
    """W blocks: one flit or one link control unit."""
    return data.ArrayLayout(Block, cfg.derived.blocks)


class AxiStream(Signature):
    """AXI4-Stream of one flit a beat (Arm IHI 0051); `Out` is the source's view."""

    def __init__(self, cfg):
        d = cfg.derived
        super().__init__({
            "tdata": Out(d.flit_bits), "tkeep": Out(d.flit_bits // 8), "tvalid": Out(1),
            "tready": In(1), "tlast": Out(1), "tdest": Out(d.id_bits), "tid": Out(d.id_bits),
            "tuser": Out(d.vc_bits + 1),
        })
