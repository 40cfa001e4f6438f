"""Bit layouts of the link's control beats and of what passes between its parts (docs/link.md)."""

from amaranth.lib import data, enum

from ..interfaces import End
from .crc import CRC_BITS, compute


class State(enum.Enum, shape=2):
    """Bring-up state of one end."""

    DOWN = 0
    TRAIN = 1
    ACTIVE = 2
    FAULT = 3


class Meta(data.StructLayout):
    """Sideband of one flit in a tail."""

    def __init__(self, cfg):
        super().__init__({"vc": cfg.derived.vc_bits, "first": 1, "end": End})


class Head(data.StructLayout):
    """Source and destination of one packet in a tail."""

    def __init__(self, cfg):
        super().__init__({"src": cfg.derived.id_bits, "dst": cfg.derived.id_bits})


class FrameInfo(data.StructLayout):
    """Sideband of all flits of a frame."""

    def __init__(self, cfg):
        super().__init__({
            "meta": data.ArrayLayout(Meta(cfg), cfg.link.frame_flits),
            "head": data.ArrayLayout(Head(cfg), cfg.derived.frame_heads),
        })


class Feedback(data.StructLayout):
    """What a receiver tells the far transmitter, in every tail."""

    def __init__(self, cfg):
        d = cfg.derived
        super().__init__({
            "ack": d.seq_bits, "nak": 1, "nak_epoch": 2,
            "limit": data.ArrayLayout(d.credit_bits, cfg.chiplet.vcs),
        })


class Tail(data.StructLayout):
    """A tail beat as payload bits: control block 0x78 and the blocks behind it."""

    def __init__(self, cfg):
        d = cfg.derived
        fields = {
            "type": 8, "count": d.count_bits, "seq": d.seq_bits, "ack": d.seq_bits, "nak": 1,
            "nak_epoch": 2, "epoch": 2, "off": cfg.serdes.lanes,
            "limit": data.ArrayLayout(d.credit_bits, cfg.chiplet.vcs),
            "info": FrameInfo(cfg),
        }
        used = sum(getattr(shape, "size", shape) for shape in fields.values())
        spare = d.flit_bits - CRC_BITS - used
        super().__init__({**fields, **({"spare": spare} if spare else {}), "crc": CRC_BITS})


class Train(data.StructLayout):
    """A train beat as payload bits."""

    def __init__(self, cfg):
        spare = cfg.derived.flit_bits - 2 * CRC_BITS - 16
        super().__init__({"type": 8, "ready": 1, "fresh": 1, "zero": 6, "params": CRC_BITS,
                          "spare": spare, "crc": CRC_BITS})


def parameter_word(cfg) -> int:
    """CRC-32C of the fields that two link partners must share."""
    shared = (cfg.chiplet.flit_bytes, cfg.chiplet.vcs, cfg.derived.id_bits, cfg.serdes.lanes,
              cfg.link.frame_flits, cfg.link.replay_flits, cfg.xbar.vc_depth)
    return compute(",".join(map(str, shared)).encode())
