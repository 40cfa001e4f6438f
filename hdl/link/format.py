"""Bit layouts of the link's control beats and of what passes between its parts (docs/link.md)."""

from amaranth.lib import data, enum

from ..interfaces import End
from .crc import CRC_BITS


class State(enum.Enum, shape=4):
    """Training state of one end."""

    RESET = 0
    LIGHT = 1
    LOCK = 2
    ALIGNED = 3
    EXCHANGED = 4
    ACTIVE = 5
    DEGRADED = 6
    SLEEP = 7
    RETRAIN = 8
    FAULT = 9


UP = (State.ACTIVE, State.DEGRADED, State.SLEEP)
"""States in which frames are sent."""


class Session(data.Struct):
    """Numbers of our session and of the partner's, which is 0 while it is not known."""

    ours: 8
    theirs: 8


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
            "ack": d.seq_bits, "nak": 1, "nak_epoch": 2, "off": cfg.serdes.lanes,
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


PARAMETERS = {"version": 4, "flit": 2, "vcs": 3, "ids": 4, "lanes": 4, "frame": 6, "replay": 4,
              "depth": 14}
"""What two link partners must share, and its bits in a train beat."""


class Train(data.StructLayout):
    """A train beat as payload bits."""

    def __init__(self, cfg):
        fields = {"type": 8, "hears": 1, "fresh": 1, "zero": 6, "session": 8, "echo": 8,
                  "off": 16, **PARAMETERS}
        spare = cfg.derived.flit_bits - CRC_BITS - sum(fields.values())
        super().__init__({**fields, "spare": spare, "crc": CRC_BITS})


def parameters(cfg) -> dict[str, int]:
    """Our :data:`PARAMETERS`."""
    link = cfg.link
    return {"version": 1, "flit": (cfg.chiplet.flit_bytes // 16).bit_length() - 1,
            "vcs": cfg.chiplet.vcs - 1, "ids": cfg.derived.id_bits, "lanes": cfg.serdes.lanes - 1,
            "frame": link.frame_flits - 1, "replay": link.replay_flits.bit_length() - 1,
            "depth": cfg.xbar.vc_depth}
