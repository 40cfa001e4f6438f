"""Types inside the SerDes adapter, and its control and status (docs/serdes.md)."""

from amaranth.lib import data, enum

from lightloom.config import FEC_BLOCKS


class MarkerFields(data.Struct):
    """Payload of a `MARKER`; `not_` fields are complements."""

    type: 8
    lane: 8
    not_lane: 8
    live: 16
    phase: 8
    bip: 8
    not_bip: 8


class Kind(enum.Enum, shape=4):
    """What a lane's receiver passes to the core clock."""

    DATA = 0
    CONTROL = 1
    IDLE = 2
    PAD = 3
    MARKER = 4
    BAD_TYPE = 5
    BAD_HEADER = 6
    UNCORRECTED = 7
    UNLOCKED = 8
    PATTERN = 9


class Pattern(enum.Enum, shape=2):
    """What a lane sends, or expects, in place of blocks (IEEE 802.3 cl. 49.2.8, 94.3.10.8)."""

    NONE = 0
    PRBS31 = 1
    PRBS13 = 2
    SQUARE = 3    # eight ones, eight zeros


class Loopback(enum.Enum, shape=2):
    """`NEAR`: the words sent are received; `FAR`: the beats received are sent."""

    NONE = 0
    NEAR = 1
    FAR = 2


class LaneEntry(data.StructLayout):
    """One entry of a receive lane's crossing.

    `bip_error`, with a `MARKER`: the parity of the blocks since the last one was wrong.
    `corrected`, with FEC: symbols corrected in the codeword that this block ends.
    """

    def __init__(self, cfg):
        super().__init__({
            "data": 64, "kind": Kind, "bip_error": 1,
            "corrected": 4 if FEC_BLOCKS[cfg.serdes.fec][1] else 0,
            "uncorrected": 1 if FEC_BLOCKS[cfg.serdes.fec][1] else 0,
        })


class LaneTxControl(data.Struct):
    """`invert`: polarity; `pattern` takes the place of the blocks."""

    invert: 1
    pattern: Pattern


class LaneRxControl(data.Struct):
    """`invert`: polarity; `pattern`: what the checker expects."""

    invert: 1
    pattern: Pattern


class TxControl(data.StructLayout):
    """All zero is normal operation. `lanes_off`: the lanes that carry no data."""

    def __init__(self, cfg):
        lanes = cfg.serdes.lanes
        super().__init__({
            "lanes_off": lanes, "lanes": data.ArrayLayout(LaneTxControl, lanes),
        })


class RxControl(data.StructLayout):
    """All zero is normal operation. `clear`: counters restart; an event of that cycle counts."""

    def __init__(self, cfg):
        super().__init__({
            "clear": 1, "lanes": data.ArrayLayout(LaneRxControl, cfg.serdes.lanes),
        })


class LaneStatus(data.StructLayout):
    """Health of one received wire; counters saturate.

    `clock`: entries come; `signal`: the transceiver sees light; `locked`: block lock (and FEC
    lock); `high_ber`: IEEE 802.3 cl. 49.2.13.2.2; `marker_lock`: markers come when they should;
    `lane`: the number in them; `live`: it carries data.
    """

    def __init__(self):
        super().__init__({
            "clock": 1, "signal": 1, "locked": 1, "high_ber": 1, "marker_lock": 1, "lane": 4,
            "live": 1,
            "bad_headers": 16, "bad_types": 16, "bip_errors": 16, "lock_losses": 16,
            "fec_corrected": 16, "fec_uncorrected": 16,
            "pattern_errors": 32, "pattern_words": 32,
        })


class WireHealth(data.Struct):
    """What the link must know of one received wire, in every cycle.

    `signal`, `locked`, `marker_lock`, `lane`: as in `LaneStatus`; `error`: a pulse in the first
    cycle in which the counters of `LaneStatus` show a bad header, a bad type, a wrong parity, an
    uncorrected codeword or a loss of lock.
    """

    signal: 1
    locked: 1
    marker_lock: 1
    lane: 4
    error: 1


class RxStatus(data.StructLayout):
    """What software sees of a receive adapter.

    `live`: lane numbers at the partner that carry data; `realigns`: times that `aligned` fell;
    `broken_beats`: beats not given because their begin was lost.
    """

    def __init__(self, cfg):
        super().__init__({
            "aligned": 1, "live": cfg.serdes.lanes,
            "realigns": 16, "broken_beats": 16,
            "lanes": data.ArrayLayout(LaneStatus(), cfg.serdes.lanes),
        })


class TxStatus(data.Struct):
    """What software sees of a transmit adapter."""

    bad_beats: 16
