"""Host ingress: AXI4-Stream packets become flits (docs/chiplet.md, Host ingress)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from .component import Component
from .counters import count
from .interfaces import AxiStream, End, FlitLayout, FlitPort
from .xbar.roundrobin import onehot_when


class IngressCounters(data.Struct):
    """What the host did wrong, saturating."""

    bad_packets: 16


class HostIngress(Component):
    """Checks each beat, and passes it on as a flit one cycle later.

    Ready when every VC has a credit, so that it never depends on the beat that waits.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        super().__init__({
            "i": In(AxiStream(cfg)), "o": Out(FlitPort(cfg)), "counters": Out(IngressCounters),
        })

    def elaborate(self, platform):
        m = Module()
        cfg, d = self._cfg, self._cfg.derived
        vcs, longest = cfg.chiplet.vcs, cfg.xbar.max_packet_flits
        take, first, inside, discard = Signal(), Signal(), Signal(), Signal()
        vc, held_vc = Signal(d.vc_bits), Signal(d.vc_bits)
        beats = Signal(range(longest + 1))
        full, keep_good, bad, send = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            take.eq(self.i.tvalid & self.i.tready),
            first.eq(~inside & ~discard),
            vc.eq(Mux(first, self.i.tuser[:d.vc_bits], held_vc)),
            full.eq(self.i.tkeep.all()),
            # All ones below some bit, and at least one of them.
            keep_good.eq(full | (self.i.tlast & self.i.tkeep[0]
                                 & ~(self.i.tkeep & (self.i.tkeep + 1)).any())),
            bad.eq(~keep_good | (self.i.tlast & self.i.tuser[-1])
                   | (~self.i.tlast & (beats == longest - 1)) | (first & (vc >= vcs))),
            send.eq(take & ~discard & ~(first & bad)),
        ]
        m.d.sync += count(self.counters.bad_packets, take & bad & ~discard)
        with m.If(take):
            m.d.sync += [
                inside.eq(send & ~bad & ~self.i.tlast),
                discard.eq((discard | bad) & ~self.i.tlast),
                beats.eq(Mux(self.i.tlast | bad, 0, beats + 1)),
                held_vc.eq(vc),
            ]

        flit = Signal(FlitLayout(cfg))
        size = sum(self.i.tkeep[k] for k in range(len(self.i.tkeep)))
        masked = Cat(self.i.tdata.word_select(k, 8) & self.i.tkeep[k].replicate(8)
                     for k in range(len(self.i.tkeep) - 1))
        m.d.comb += [flit.payload.eq(self.i.tdata), flit.vc.eq(vc), flit.first.eq(first)]
        with m.If(first):
            m.d.comb += [flit.src.eq(self.i.tid), flit.dst.eq(self.i.tdest)]
        with m.If(bad):
            m.d.comb += flit.end.eq(End.ABORT)
        with m.Elif(self.i.tlast & full):
            m.d.comb += flit.end.eq(End.FULL)
        with m.Elif(self.i.tlast):
            m.d.comb += [flit.end.eq(End.PARTIAL), flit.payload.eq(Cat(masked, size[:8]))]
        m.d.sync += [self.o.valid.eq(send), self.o.flit.eq(flit)]

        spend = onehot_when(send, vc, vcs)
        ready, depth = [], cfg.xbar.vc_depth
        for v in range(vcs):
            credit = Signal(range(depth + 1), init=depth, name=f"credit_{v}")
            m.d.sync += credit.eq(credit + self.o.credit[v] - spend[v])
            ready.append(credit.any())
        m.d.comb += self.i.tready.eq(Cat(ready).all())
        return m
