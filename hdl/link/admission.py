"""Takes flits from a flit port into the replay ring, one a cycle, as credits allow."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..interfaces import FlitLayout, FlitPort
from ..xbar.roundrobin import RoundRobin, onehot_mux, onehot_when


class Admission(wiring.Component):
    """A FIFO for each VC, and a round robin over those that may send.

    Attributes
    ----------
    i : In, FlitPort
        K = `egress_depth` slots for each VC.
    limit : In
        Cumulative credit of each VC.
    space : In(1)
        The replay ring takes a flit in this cycle.
    valid, flit : Out
        The flit that enters the ring at the end of this cycle.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        limits = data.ArrayLayout(cfg.derived.credit_bits, cfg.chiplet.vcs)
        super().__init__({
            "i": In(FlitPort(cfg)), "limit": In(limits), "space": In(1),
            "valid": Out(1), "flit": Out(FlitLayout(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        vcs, layout = cfg.chiplet.vcs, FlitLayout(cfg)
        m.submodules.choice = choice = RoundRobin(vcs)
        incoming = onehot_when(self.i.valid, self.i.flit.vc, vcs)
        heads = []
        for v in range(vcs):
            m.submodules[f"fifo_{v}"] = fifo = SyncFIFO(
                width=layout.size, depth=cfg.xbar.egress_depth)
            sent = Signal(cfg.derived.credit_bits, name=f"sent_{v}")
            heads.append(fifo.r_data)
            m.d.comb += [
                fifo.w_data.eq(self.i.flit), fifo.w_en.eq(incoming[v]),
                fifo.r_en.eq(choice.grant[v]),
                choice.requests[v].eq(self.space & fifo.r_rdy & (sent != self.limit[v])),
            ]
            m.d.sync += sent.eq(sent + choice.grant[v])
        m.d.comb += [
            choice.advance.eq(self.valid),
            self.valid.eq(choice.requests.any()),
            self.flit.eq(layout(onehot_mux(choice.grant, heads))),
        ]
        m.d.sync += self.i.credit.eq(choice.grant)
        return m
