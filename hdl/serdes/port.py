"""Both directions of a port's adapter, with its loopbacks (docs/serdes.md, Loopbacks)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, fifo, stream
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..counters import count
from ..interfaces import RxBeats, beat_layout
from .crossing import ControlCrossing, Crossing, between, lane_clock
from .layer import AdapterRx, AdapterTx, word_layout
from .types import Loopback, RxControl, RxStatus, TxControl, TxStatus, WireHealth

LOOP_BEATS = 16
"""Beats that wait on their way back in the far-end loopback."""


class AdapterControl(data.StructLayout):
    """All zero is normal operation."""

    def __init__(self, cfg):
        super().__init__({"loopback": Loopback, "tx": TxControl(cfg), "rx": RxControl(cfg)})


class AdapterStatus(data.StructLayout):
    """`loop_drops`: beats that the far-end loopback did not send back; saturates."""

    def __init__(self, cfg):
        super().__init__({"tx": TxStatus, "rx": RxStatus(cfg), "loop_drops": 16})


class Adapter(Component):
    """The SerDes adapter of a port.

    Parameters
    ----------
    cfg : lightloom.config.Config

    Attributes
    ----------
    tx, rx : In(stream of `beat_layout`), Out(`RxBeats`)
        To and from the link; both are silent in far-end loopback.
    aligned : Out(1)
    wires : Out(array of `WireHealth`)
    tx_clk, rx_clk, tx_words, rx_words, rx_signal, rx_slip
        As of :class:`AdapterTx` and :class:`AdapterRx`.
    control, status : In(`AdapterControl`), Out(`AdapterStatus`)
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "tx_clk": In(1), "rx_clk": In(1).array(lanes),
            "tx": In(stream.Signature(beat_layout(cfg))), "rx": Out(RxBeats(cfg)),
            "aligned": Out(1), "wires": Out(data.ArrayLayout(WireHealth, lanes)),
            "tx_words": Out(word_layout(cfg)), "rx_words": In(word_layout(cfg)),
            "rx_signal": In(lanes), "rx_slip": Out(lanes),
            "control": In(AdapterControl(cfg)), "status": Out(AdapterStatus(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.transmitter = tx = AdapterTx(self._cfg)
        m.submodules.receiver = rx = AdapterRx(self._cfg)
        m.d.comb += [
            tx.tx_clk.eq(self.tx_clk), tx.control.eq(self.control.tx), self.tx_words.eq(tx.words),
            rx.control.eq(self.control.rx), self.rx_slip.eq(rx.rx_slip),
            self.aligned.eq(rx.aligned), self.wires.eq(rx.wires), self.status.tx.eq(tx.status),
            self.status.rx.eq(rx.status),
        ]
        m.d.comb += [rx.rx_clk[lane].eq(self.rx_clk[lane])
                     for lane in range(self._cfg.serdes.lanes)]
        self._far(m, tx, rx)
        if self._cfg.serdes.diagnostics:
            self._near(m, tx, rx)
        else:
            m.d.comb += [rx.words.eq(self.rx_words), rx.rx_signal.eq(self.rx_signal)]
        return m

    def _far(self, m, tx, rx):
        """Received beats are sent back; what has an error or finds no room is dropped."""
        far, whole = Signal(), Signal()
        blocks = self._cfg.derived.blocks
        beat = [rx.beat[b] for b in range(blocks)]
        m.submodules.loop = loop = fifo.SyncFIFO(width=65 * blocks, depth=LOOP_BEATS)
        m.d.comb += [
            far.eq(self.control.loopback == Loopback.FAR),
            whole.eq(far & rx.valid & ~Cat(block.error for block in beat).any()),
            loop.w_data.eq(Cat(Cat(block.data, block.ctrl) for block in beat)),
            loop.w_en.eq(whole), loop.r_en.eq(~far | tx.i.ready),
            tx.i.valid.eq(Mux(far, loop.r_rdy, self.tx.valid)),
            Value.cast(tx.i.payload).eq(Mux(far, loop.r_data, Value.cast(self.tx.payload))),
            self.tx.ready.eq(tx.i.ready & ~far),
            self.rx.valid.eq(rx.valid & ~far), self.rx.beat.eq(rx.beat),
        ]
        m.d.sync += count(self.status.loop_drops, far & rx.valid & ~(whole & loop.w_rdy),
                          clear=self.control.rx.clear)

    def _near(self, m, tx, rx):
        """The words sent are received; the receive clocks must then run at the words' rate."""
        lane_clock(m, "loop_tx", self.tx_clk)
        near = self.control.loopback == Loopback.NEAR
        m.submodules.near_sends = sends = between("sync", "loop_tx")(ControlCrossing(1))
        m.d.comb += sends.i.eq(near)
        for lane in range(self._cfg.serdes.lanes):
            domain = f"loop_rx_{lane}"
            lane_clock(m, domain, self.rx_clk[lane])
            m.submodules[f"near_{lane}"] = words = between("loop_tx", domain)(
                Crossing(self._cfg.serdes.word_bits))
            m.submodules[f"near_control_{lane}"] = control = between("sync", domain)(
                ControlCrossing(1))
            m.d.comb += [
                control.i.eq(near),
                words.i.valid.eq(sends.o), words.i.p.eq(Mux(sends.o, tx.words[lane], 0)),
                words.o.ready.eq(1),
                rx.words[lane].eq(Mux(control.o, words.o.p, self.rx_words[lane])),
                rx.rx_signal[lane].eq(self.rx_signal[lane] | control.o),
            ]
