"""The crossbar layer (docs/crossbar.md)."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..interfaces import FlitLayout, FlitPort
from .input import InputCounters, InputPort
from .matching import Matcher
from .roundrobin import onehot_mux
from .routing import RouteWrite


class Crossbar(wiring.Component):
    """P x P crossbar with virtual output queues.

    Latency 4 cycles unloaded; each input and each output moves up to one flit a cycle.

    Parameters
    ----------
    cfg : lightloom.config.Config
        `derived.ports` ports, `chiplet.vcs` VCs, `xbar.vc_depth` slots and
        `xbar.egress_depth` credits.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        ports = cfg.derived.ports
        super().__init__({
            "inputs": In(FlitPort(cfg)).array(ports),
            "outputs": Out(FlitPort(cfg)).array(ports),
            "route": In(stream.Signature(RouteWrite(cfg))),
            "counters": Out(InputCounters).array(ports),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        span = range(cfg.derived.ports)
        m.submodules.matcher = matcher = Matcher(cfg)
        inputs = [InputPort(cfg) for _ in span]
        entry = self.route.payload
        known = Signal(2**cfg.derived.id_bits)    # destinations with a valid route
        m.d.comb += self.route.ready.eq(1)
        with m.If(self.route.valid):
            m.d.sync += known.bit_select(entry.dst, 1).eq(entry.entry.valid)
        for i, port in enumerate(inputs):
            m.submodules[f"input_{i}"] = port
            wiring.connect(m, wiring.flipped(self.inputs[i]), port.i)
            m.d.comb += [
                port.write.eq(entry), port.write_en.eq(self.route.valid), port.known.eq(known),
                port.pop_output.eq(matcher.pop_output[i]), port.pop_vc.eq(matcher.pop_vc[i]),
                matcher.more[i].eq(port.pop_more),
                self.counters[i].eq(port.counters),
            ]
            m.d.comb += [matcher.waiting[i][v].eq(port.waiting[v]) for v in range(cfg.chiplet.vcs)]
        for j in span:
            out = self.outputs[j]
            source = Signal(cfg.derived.ports, name=f"source_{j}")
            m.d.comb += matcher.credit[j].eq(out.credit)
            m.d.sync += [
                source.eq(matcher.source[j]),
                out.valid.eq(source.any()),
                out.flit.eq(FlitLayout(cfg)(
                    onehot_mux(source, [port.popped.as_value() for port in inputs]))),
            ]
        return m
