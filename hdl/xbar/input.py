"""One crossbar input: checks each flit, routes each packet, queues it, returns credits."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..counters import count
from ..interfaces import End, FlitLayout, FlitPort
from .queues import VoqMemory
from .roundrobin import onehot_mux, onehot_when
from .routing import RouteTable, RouteWrite


class InputCounters(data.Struct):
    """What an input dropped, saturating."""

    route_drops: 16
    protocol_errors: 16
    overflows: 16


class InputPort(wiring.Component):
    """Implements the rule table of docs/crossbar.md; pops as :class:`VoqMemory`."""

    def __init__(self, cfg):
        self._cfg = cfg
        vcs, ports = cfg.chiplet.vcs, cfg.derived.ports
        super().__init__({
            "i": In(FlitPort(cfg)),
            "write": In(RouteWrite(cfg)), "write_en": In(1), "known": In(2**cfg.derived.id_bits),
            "pop_output": In(ports), "pop_vc": In(vcs), "pop_more": Out(1),
            "popped": Out(FlitLayout(cfg)), "waiting": Out(ports).array(vcs),
            "counters": Out(InputCounters),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        vcs, ports = cfg.chiplet.vcs, cfg.derived.ports
        m.submodules.queues = queues = VoqMemory(cfg)
        m.submodules.route = route = RouteTable(cfg)

        valid, flit = Signal(), Signal(FlitLayout(cfg))
        m.d.sync += [valid.eq(self.i.valid), flit.eq(self.i.flit)]
        m.d.comb += [
            route.write.eq(self.write), route.write_en.eq(self.write_en),
            route.known.eq(self.known), route.dst.eq(self.i.flit.dst), route.src.eq(flit.src),
            queues.pop_output.eq(self.pop_output), queues.pop_vc.eq(self.pop_vc),
            self.pop_more.eq(queues.pop_more), self.popped.eq(queues.popped),
        ]
        m.d.comb += [self.waiting[v].eq(queues.waiting[v]) for v in range(vcs)]

        # State of the flit's VC; a VC beyond the last selects none of them.
        select = Signal(vcs)
        is_open, bad, dropping = Signal(vcs), Signal(vcs), Signal(vcs)
        outputs = [Signal(ports, name=f"output_{v}") for v in range(vcs)]
        here_open, here_bad, here_dropping, here_full = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            select.eq(onehot_when(valid, flit.vc, vcs)),
            here_open.eq((is_open & select).any()), here_bad.eq((bad & select).any()),
            here_dropping.eq((dropping & select).any()), here_full.eq((queues.full & select).any()),
        ]
        more = flit.end == End.NONE
        next_open, next_bad, next_dropping = Signal(), Signal(), Signal()
        push, abort, credit_drop = Signal(), Signal(), Signal()
        route_drop, protocol_error, overflow = Signal(), Signal(), Signal()
        m.d.comb += [next_open.eq(here_open), next_bad.eq(here_bad),
                     next_dropping.eq(here_dropping)]
        with m.If(valid):
            with m.If(flit.vc >= vcs):
                m.d.comb += protocol_error.eq(1)
            with m.Elif(here_full):
                m.d.comb += overflow.eq(1)
                with m.If(here_open):
                    m.d.comb += next_bad.eq(1)
                with m.Elif(flit.first):
                    m.d.comb += next_dropping.eq(more)
                with m.Elif(~more):
                    m.d.comb += next_dropping.eq(0)
            with m.Elif(here_open & (flit.first | here_bad)):
                m.d.comb += [push.eq(1), abort.eq(1), protocol_error.eq(flit.first),
                             next_open.eq(0), next_bad.eq(0), next_dropping.eq(more)]
            with m.Elif(here_open):
                m.d.comb += [push.eq(1), next_open.eq(more)]
            with m.Elif(flit.first & ~route.routed):
                m.d.comb += [credit_drop.eq(1), route_drop.eq(1), next_dropping.eq(more)]
            with m.Elif(flit.first):
                m.d.comb += [push.eq(1), next_open.eq(more), next_bad.eq(0), next_dropping.eq(0)]
            with m.Else():
                m.d.comb += [credit_drop.eq(1), protocol_error.eq(~here_dropping),
                             next_dropping.eq(more)]

        routed = Signal(ports)
        m.d.comb += [
            routed.eq(1 << route.output),
            queues.push.eq(push),
            queues.push_output.eq(Mux(here_open, onehot_mux(select, outputs), routed)),
            queues.push_flit.eq(flit),
        ]
        with m.If(abort):
            m.d.comb += [queues.push_flit.first.eq(0), queues.push_flit.end.eq(End.ABORT),
                         queues.push_flit.src.eq(0), queues.push_flit.dst.eq(0)]
        for v in range(vcs):
            with m.If(select[v]):
                m.d.sync += [is_open[v].eq(next_open), bad[v].eq(next_bad),
                             dropping[v].eq(next_dropping)]
                with m.If(push & flit.first & ~here_open):
                    m.d.sync += outputs[v].eq(routed)
            self._return_credits(
                m, v, self.pop_vc[v] & self.pop_output.any(), credit_drop & select[v])
        m.d.sync += [
            count(self.counters.route_drops, route_drop),
            count(self.counters.protocol_errors, protocol_error),
            count(self.counters.overflows, overflow),
        ]
        return m

    def _return_credits(self, m, v, popped, dropped):
        """One pulse a cycle, though a pop and a drop may meet: the rest is owed."""
        owed = Signal(range(self._cfg.xbar.vc_depth + 1), name=f"owed_{v}")
        total = Signal(len(owed) + 1, name=f"total_{v}")
        m.d.comb += total.eq(owed + Cat(popped).as_unsigned() + Cat(dropped).as_unsigned())
        m.d.sync += [self.i.credit[v].eq(total.any()),
                     owed.eq(Mux(total.any(), total - 1, 0))]
