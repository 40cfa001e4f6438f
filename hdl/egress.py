"""Host egress: flits become AXI4-Stream packets (docs/chiplet.md, Host egress)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .component import Component
from .interfaces import AxiStream, End, FlitLayout, FlitPort
from .xbar.roundrobin import RoundRobin, onehot_mux, onehot_when


class HostEgress(Component):
    """A FIFO for each VC; whole packets of one VC after another, round robin."""

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({"i": In(FlitPort(cfg)), "o": Out(AxiStream(cfg))})

    def elaborate(self, platform):
        m = Module()
        cfg, d = self._cfg, self._cfg.derived
        vcs, layout = cfg.chiplet.vcs, FlitLayout(cfg)
        m.submodules.choice = choice = RoundRobin(vcs)
        incoming = onehot_when(self.i.valid, self.i.flit.vc, vcs)
        free = Signal()
        holder = Signal(vcs)     # one-hot: the VC whose packet is being sent
        waiting, take = Signal(vcs), Signal(vcs)
        heads = []
        for v in range(vcs):
            m.submodules[f"fifo_{v}"] = fifo = SyncFIFO(
                width=layout.size, depth=cfg.xbar.egress_depth)
            heads.append(fifo.r_data)
            m.d.comb += [
                fifo.w_data.eq(self.i.flit), fifo.w_en.eq(incoming[v]),
                waiting[v].eq(fifo.r_rdy), fifo.r_en.eq(take[v]),
            ]
        flit = Signal(layout)
        m.d.comb += [
            free.eq(~self.o.tvalid | self.o.tready),
            choice.requests.eq(waiting),
            choice.advance.eq(free & ~holder.any() & waiting.any()),
            flit.eq(layout(onehot_mux(take, heads))),
        ]
        with m.If(free):
            m.d.comb += take.eq(Mux(holder.any(), holder & waiting, choice.grant))
        m.d.sync += self.i.credit.eq(take)

        size = flit.payload[-8:]
        lanes = d.flit_bits // 8
        keep = Cat(size > k for k in range(lanes - 1))
        with m.If(free):
            m.d.sync += self.o.tvalid.eq(take.any())
        with m.If(take.any()):
            m.d.sync += [
                holder.eq(Mux(flit.end == End.NONE, take, 0)),
                self.o.tdata.eq(flit.payload), self.o.tkeep.eq((1 << lanes) - 1),
                self.o.tlast.eq(flit.end != End.NONE),
                self.o.tuser.eq(Cat(flit.vc, flit.end == End.ABORT)),
            ]
            with m.If(flit.end == End.PARTIAL):
                m.d.sync += [self.o.tkeep.eq(keep), self.o.tdata[-8:].eq(0)]
            with m.If(flit.first):
                m.d.sync += [self.o.tid.eq(flit.src), self.o.tdest.eq(flit.dst)]
        return m
