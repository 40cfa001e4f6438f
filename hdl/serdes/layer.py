"""The SerDes adapter of one port (docs/serdes.md)."""

from amaranth import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..counters import count
from ..interfaces import RxBeats, beat_layout
from .align import Aligner
from .deskew import DeskewFifo
from .lane_rx import LaneRx
from .lane_tx import LaneTx
from .packing import RowPacker
from .schedule import Schedule
from .unpacking import RowUnpacker


def word_layout(cfg):
    """One word of each lane; lane 0 in the low bits."""
    return data.ArrayLayout(cfg.serdes.word_bits, cfg.serdes.lanes)


class AdapterTx(wiring.Component):
    """Beats to the words of each lane's transmitter.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    i : In(stream of `beat_layout`)
        `ready` follows the schedule and does not wait for `valid`. Where there is no beat, the
        row, or the rest of it, is idle.
    words : Out(`word_layout`)
        A row pulled at c begins at c+3. Zero before row 0, which begins at cycle 3.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "i": In(stream.Signature(beat_layout(cfg))), "words": Out(word_layout(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        m.submodules.schedule = schedule = Schedule(cfg)
        m.submodules.packer = packer = RowPacker(cfg)
        wiring.connect(m, wiring.flipped(self.i), packer.i)
        en, offset = Signal(), Signal.like(schedule.offset)
        m.d.comb += [packer.pull.eq(schedule.pull), packer.marker.eq(schedule.marker),
                     packer.first.eq(schedule.first)]
        m.d.sync += [en.eq(schedule.pull), offset.eq(schedule.offset)]
        for number in range(cfg.serdes.lanes):
            m.submodules[f"lane_{number}"] = lane = LaneTx(cfg, number)
            m.d.comb += [lane.en.eq(en), lane.offset.eq(offset),
                         lane.block.eq(packer.row[number]), self.words[number].eq(lane.word)]
        return m


class AdapterCounters(data.StructLayout):
    """What software sees of a receive adapter; counters saturate.

    `header_errors` counts, for each lane, headers 00 and 11 under block lock; `realigns` counts
    the times that alignment was lost.
    """

    def __init__(self, cfg):
        super().__init__({
            "header_errors": data.ArrayLayout(16, cfg.serdes.lanes), "realigns": 16,
        })


class AdapterRx(wiring.Component):
    """The words of each lane's receiver, at any phase and skew, to beats.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    words : In(`word_layout`)
    valid, beat : Out
        As :class:`RxBeats`. The first beat of a row whose last bits came at y is out at y+5.
    aligned : Out(1)
    lane_lock : Out(lanes)
    counters : Out(`AdapterCounters`)
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "words": In(word_layout(cfg)), **RxBeats(cfg).members,
            "aligned": Out(1), "lane_lock": Out(cfg.serdes.lanes),
            "counters": Out(AdapterCounters(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        m.submodules.aligner = aligner = Aligner(cfg)
        m.submodules.unpacker = unpacker = RowUnpacker(cfg)
        for number in range(cfg.serdes.lanes):
            m.submodules[f"lane_{number}"] = lane = LaneRx(cfg, number)
            m.submodules[f"deskew_{number}"] = fifo = DeskewFifo(cfg)
            m.d.comb += [
                lane.word.eq(self.words[number]),
                fifo.valid.eq(lane.valid), fifo.i.eq(lane.o),
                fifo.read.eq(aligner.read), fifo.clear.eq(aligner.clear),
                aligner.ready[number].eq(fifo.ready), aligner.own[number].eq(fifo.o.own),
                aligner.overflow[number].eq(fifo.overflow),
                aligner.locked[number].eq(lane.locked),
                unpacker.row[number].eq(fifo.o.block), unpacker.idle[number].eq(fifo.o.idle),
                self.lane_lock[number].eq(lane.locked),
            ]
            m.d.sync += count(self.counters.header_errors[number], lane.bad_header)
        m.d.comb += [
            unpacker.give.eq(aligner.give), unpacker.last.eq(aligner.last),
            Cat(self.valid, self.beat).eq(Cat(unpacker.o.valid, unpacker.o.beat)),
            self.aligned.eq(aligner.aligned),
        ]
        m.d.sync += count(self.counters.realigns, aligner.lost)
        return m
