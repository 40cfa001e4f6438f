"""The SerDes adapter of one port (docs/serdes.md)."""

from amaranth import DomainRenamer, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..counters import count
from ..interfaces import BlockType, RxBeats, beat_layout
from .align import Aligner
from .crossing import ControlCrossing, Crossing, between, lane_clock
from .deskew import DeskewFifo
from .health import LaneHealth
from .lane_rx import LaneRx
from .lane_tx import LaneTx
from .packing import Row, RowFormer, own_block
from .schedule import Schedule
from .types import (
    Kind,
    LaneEntry,
    LaneRxControl,
    LaneTxControl,
    RxControl,
    RxStatus,
    TxControl,
    TxStatus,
    WireHealth,
)
from .unpacking import RowRegister, RowUnpacker


def word_layout(cfg):
    """One word of each lane; lane 0 in the low bits."""
    return data.ArrayLayout(cfg.serdes.word_bits, cfg.serdes.lanes)


class AdapterTx(Component):
    """Beats to the words of each lane's transmitter.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    tx_clk : In(1)
        Clock of the words.
    i : In(stream of `beat_layout`)
        `ready` does not wait for `valid`.
    words : Out(`word_layout`), on `tx_clk`
        A beat taken at t that fills its row is in them from t+5 on. Zero before the first row.
    control : In(`TxControl`)
    status : Out(`TxStatus`)
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "tx_clk": In(1), "i": In(stream.Signature(beat_layout(cfg))),
            "words": Out(word_layout(cfg)), "control": In(TxControl(cfg)), "status": Out(TxStatus),
        })

    def elaborate(self, platform):
        m = Module()
        cfg, lanes = self._cfg, self._cfg.serdes.lanes
        lane_clock(m, "tx", self.tx_clk)
        m.submodules.former = former = RowFormer(cfg)
        m.submodules.rows = rows = between("sync", "tx")(Crossing(Row(cfg)))
        controls = data.ArrayLayout(LaneTxControl, lanes)
        m.submodules.control_rows = control = between("sync", "tx")(ControlCrossing(controls))
        m.submodules.schedule = schedule = DomainRenamer("tx")(Schedule(cfg))
        wiring.connect(m, wiring.flipped(self.i), former.i)
        m.d.comb += [
            former.room.eq(rows.i.ready), former.level.eq(rows.level),
            former.lanes_off.eq(self.control.lanes_off), self.status.bad_beats.eq(former.bad_beats),
            rows.i.valid.eq(former.write), rows.i.p.eq(former.row),
            control.i.eq(self.control.lanes),
        ]

        head = rows.o.p
        live = Signal(lanes, init=2**lanes - 1)
        live_next = Signal(lanes)
        phase = Signal.like(head.after)
        use = Signal()
        m.d.comb += [
            use.eq(schedule.pull & ~schedule.parity & ~schedule.marker & rows.o.valid
                   & (head.live == live)),
            rows.o.ready.eq(use),
            live_next.eq(Mux(rows.o.valid, head.live, live)),
        ]
        with m.If(use):
            m.d.tx += phase.eq(head.after)
        with m.If(schedule.pull & schedule.marker):
            m.d.tx += live.eq(live_next)
        idle = Value.cast(own_block(BlockType.IDLE))
        for number in range(lanes):
            m.submodules[f"lane_{number}"] = lane = DomainRenamer("tx")(LaneTx(cfg, number))
            m.d.comb += [
                lane.en.eq(schedule.pull), lane.offset.eq(schedule.offset),
                lane.parity.eq(schedule.parity), lane.marker.eq(schedule.marker),
                lane.live.eq(live_next), lane.phase.eq(phase),
                Value.cast(lane.block).eq(Mux(use, Value.cast(head.blocks[number]), idle)),
                lane.control.eq(control.o[number]), self.words[number].eq(lane.word),
            ]
        return m


class AdapterRx(Component):
    """The words of each lane's receiver, at any phase and skew and in any order, to beats.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    rx_clk : In(1) of each lane
        Clock of its words.
    words : In(`word_layout`), each on its lane's clock
    rx_signal : In(lanes), each on its lane's clock
        The transceiver sees light.
    rx_slip : Out(lanes), each on its lane's clock
        A pulse asks the transceiver to drop a bit, with `slip` = ``"request"``.
    valid, beat : Out
        As :class:`RxBeats`. The first beat of a row whose last bits came at y is out at y+6.
    aligned : Out(1)
    wires : Out(array of `WireHealth`)
    control : In(`RxControl`)
    status : Out(`RxStatus`)
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "rx_clk": In(1).array(lanes), "words": In(word_layout(cfg)),
            "rx_signal": In(lanes), "rx_slip": Out(lanes), **RxBeats(cfg).members,
            "aligned": Out(1), "wires": Out(data.ArrayLayout(WireHealth, lanes)),
            "control": In(RxControl(cfg)), "status": Out(RxStatus(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        m.submodules.aligner = aligner = Aligner(cfg)
        m.submodules.row = row = RowRegister(cfg)
        m.submodules.unpacker = unpacker = RowUnpacker(cfg)
        emptied = Signal(cfg.serdes.lanes)
        for number in range(cfg.serdes.lanes):
            entry = self._wire(m, number)
            m.submodules[f"deskew_{number}"] = fifo = DeskewFifo(cfg)
            m.submodules[f"health_{number}"] = health = LaneHealth(cfg)
            spoil = Signal(name=f"spoil_{number}")
            kind = entry.p.kind
            lane = self.status.lanes[number]
            m.d.comb += [
                spoil.eq((kind == Kind.UNLOCKED) | (kind == Kind.PATTERN)),
                fifo.valid.eq(entry.valid & ~spoil), fifo.block.data.eq(entry.p.data),
                fifo.block.kind.eq(kind), aligner.entries[number].eq(fifo.block),
                fifo.block.own.eq(aligner.own[number]),
                fifo.block.other.eq(aligner.other[number]), fifo.spoil.eq(entry.valid & spoil),
                fifo.hunt.eq(aligner.hunt), fifo.read.eq(aligner.read[number]),
                fifo.clear.eq(aligner.clear[number]), emptied[number].eq(fifo.emptied),
                fifo.skip.eq(aligner.skip), aligner.two[number].eq(fifo.two),
                aligner.ready[number].eq(fifo.ready), aligner.heads[number].eq(fifo.o),
                aligner.overflow[number].eq(fifo.overflow),
                aligner.spoil[number].eq((entry.valid & spoil) | health.silent),
                health.valid.eq(entry.valid), health.entry.eq(entry.p),
                health.clear.eq(self.control.clear),
                health.live.eq(aligner.aligned & aligner.members[number]),
                lane.eq(health.status), self.wires[number].eq(health.health),
            ]
        m.d.comb += [
            aligner.emptied.eq(emptied.any()),
            aligner.room.eq(row.room),
            row.give.eq(aligner.give), row.mark.eq(aligner.mark), row.first.eq(aligner.first),
            row.chosen.eq(aligner.chosen), row.heads.eq(aligner.heads),
            row.take.eq(unpacker.take),
            unpacker.n.eq(aligner.n), unpacker.blocks.eq(row.blocks), unpacker.pad.eq(row.pad),
            unpacker.phase.eq(row.phase), unpacker.is_row.eq(row.is_row),
            unpacker.is_mark.eq(row.is_mark), unpacker.is_first.eq(row.is_first),
            unpacker.clear.eq(self.control.clear),
            self.valid.eq(unpacker.o.valid), self.beat.eq(unpacker.o.beat),
            self.aligned.eq(aligner.aligned), self.status.aligned.eq(aligner.aligned),
            self.status.live.eq(Mux(aligner.aligned, aligner.live, 0)),
            self.status.broken_beats.eq(unpacker.broken_beats),
        ]
        lost = Signal()
        m.d.sync += [lost.eq(aligner.lost),
                     count(self.status.realigns, lost, clear=self.control.clear)]
        return m

    def _wire(self, m, number):
        """The lane on wire `number`, on its own clock; returns the stream of its entries."""
        cfg, domain = self._cfg, f"rx_{number}"
        lane_clock(m, domain, self.rx_clk[number])
        m.submodules[f"lane_{number}"] = lane = DomainRenamer(domain)(LaneRx(cfg))
        m.submodules[f"crossing_{number}"] = crossing = between(domain, "sync")(
            Crossing(LaneEntry(cfg)))
        m.submodules[f"control_{number}"] = control = between("sync", domain)(
            ControlCrossing(LaneRxControl))
        m.d.comb += [
            lane.word.eq(self.words[number]), lane.signal.eq(self.rx_signal[number]),
            lane.control.eq(control.o), control.i.eq(self.control.lanes[number]),
            crossing.i.valid.eq(lane.valid), crossing.i.p.eq(lane.entry),
            crossing.o.ready.eq(1),
        ]
        if cfg.serdes.slip == "request":
            m.d.comb += self.rx_slip[number].eq(lane.slip)
        return crossing.o
