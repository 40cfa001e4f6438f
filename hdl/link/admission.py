"""Takes flits from a flit port into the replay ring, one a cycle, as credits allow."""

from amaranth import Module, Signal
from amaranth.lib import data
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import End, FlitLayout, FlitPort
from ..xbar.roundrobin import RoundRobin, onehot_mux, onehot_when


class Admission(Component):
    """A FIFO for each VC, and a round robin over those that may send.

    When a session starts within a packet, the rest of that packet is dropped in place of being
    admitted: its first flits are lost with the session.

    Attributes
    ----------
    i : In, FlitPort
        K = `egress_depth` slots for each VC.
    limit : In
        Cumulative credit of each VC.
    space : In(1)
        The replay ring takes a flit in this cycle.
    renew : In(1)
        A session starts; nothing is admitted in this cycle.
    valid, flit : Out
        The flit that enters the ring at the end of this cycle.
    dropped : Out(1)
        A flit is dropped.
    empty : Out(1)
        No FIFO has a flit.
    stalled : Out(vcs)
        A VC has a flit, and the ring has room for it, but it has no credit.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        limits = data.ArrayLayout(cfg.derived.credit_bits, cfg.chiplet.vcs)
        super().__init__({
            "i": In(FlitPort(cfg)), "limit": In(limits), "space": In(1),
            "renew": In(1), "valid": Out(1), "flit": Out(FlitLayout(cfg)), "dropped": Out(1),
            "empty": Out(1), "stalled": Out(cfg.chiplet.vcs),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        vcs, layout = cfg.chiplet.vcs, FlitLayout(cfg)
        m.submodules.choice = choice = RoundRobin(vcs)
        incoming = onehot_when(self.i.valid, self.i.flit.vc, vcs)
        heads = []
        cuts, waiting = Signal(vcs), Signal(vcs)
        for v in range(vcs):
            m.submodules[f"fifo_{v}"] = fifo = SyncFIFO(
                width=layout.size, depth=cfg.xbar.egress_depth)
            sent = Signal(cfg.derived.credit_bits, name=f"sent_{v}")
            # The last flit admitted was not the end of its packet; the packet is cut.
            within, cut = Signal(name=f"within_{v}"), Signal(name=f"cut_{v}")
            credit = Signal(name=f"credit_{v}")
            heads.append(fifo.r_data)
            m.d.comb += [
                fifo.w_data.eq(self.i.flit), fifo.w_en.eq(incoming[v]),
                fifo.r_en.eq(choice.grant[v]),
                cuts[v].eq(cut), waiting[v].eq(fifo.r_rdy), credit.eq(sent != self.limit[v]),
                self.stalled[v].eq(self.space & fifo.r_rdy & ~cut & ~credit),
                choice.requests[v].eq(~self.renew & fifo.r_rdy & (cut | (self.space & credit))),
            ]
            with m.If(choice.grant[v]):
                m.d.sync += [
                    within.eq(~cut & (self.flit.end == End.NONE)),
                    cut.eq(cut & (self.flit.end == End.NONE)), sent.eq(sent + ~cut),
                ]
            with m.If(self.renew):
                m.d.sync += [sent.eq(0), within.eq(0), cut.eq(cut | within)]
        m.d.comb += [
            choice.advance.eq(choice.grant.any()),
            self.dropped.eq((choice.grant & cuts).any()),
            self.valid.eq(choice.grant.any() & ~self.dropped),
            self.flit.eq(layout(onehot_mux(choice.grant, heads))),
            self.empty.eq(~waiting.any()),
        ]
        m.d.sync += self.i.credit.eq(choice.grant)
        return m
