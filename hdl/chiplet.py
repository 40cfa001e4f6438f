"""The chiplet: crossbar, host ports, and a link and a SerDes adapter for each optical port."""

from amaranth import Cat, Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .egress import HostEgress
from .ingress import HostIngress, IngressCounters
from .interfaces import AxiStream
from .link.layer import Link, LinkControl, LinkStatus
from .serdes.port import Adapter, AdapterControl, AdapterStatus
from .xbar.input import InputCounters
from .xbar.layer import Crossbar
from .xbar.routing import RouteWrite


class PortControl(data.StructLayout):
    """All zero is normal operation."""

    def __init__(self, cfg):
        super().__init__({"link": LinkControl, "serdes": AdapterControl(cfg)})


class PortStatus(data.StructLayout):
    """What software sees of an optical port."""

    def __init__(self, cfg):
        super().__init__({
            "link": LinkStatus(cfg), "aligned": 1, "serdes": AdapterStatus(cfg),
            "xbar": InputCounters,
        })


class HostStatus(data.Struct):
    """What software sees of a host port."""

    ingress: IngressCounters
    xbar: InputCounters


class PortClocks(wiring.Signature):
    """Clocks of an optical port: of the words that it sends, and of those of each received lane."""

    def __init__(self, cfg):
        super().__init__({"tx_clk": Out(1), "rx_clk": Out(1).array(cfg.serdes.lanes)})


class Chiplet(wiring.Component):
    """Everything digital on one optical I/O chiplet (docs/chiplet.md).

    Parameters
    ----------
    cfg : lightloom.config.Config
    """

    def __init__(self, cfg):
        self._cfg = cfg
        hosts, opticals = cfg.chiplet.host_ports, cfg.chiplet.optical_ports
        lanes, word = cfg.serdes.lanes, cfg.serdes.word_bits
        super().__init__({
            "host_in": In(AxiStream(cfg)).array(hosts),
            "host_out": Out(AxiStream(cfg)).array(hosts),
            "tx_words": Out(word).array(opticals, lanes),
            "rx_words": In(word).array(opticals, lanes),
            "clocks": In(PortClocks(cfg)).array(opticals),
            "rx_signal": In(lanes).array(opticals), "rx_slip": Out(lanes).array(opticals),
            "control": In(PortControl(cfg)).array(opticals),
            "route": In(stream.Signature(RouteWrite(cfg))),
            "ports": Out(PortStatus(cfg)).array(opticals),
            "hosts": Out(HostStatus).array(hosts),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        hosts, lanes = cfg.chiplet.host_ports, range(cfg.serdes.lanes)
        m.submodules.crossbar = crossbar = Crossbar(cfg)
        wiring.connect(m, wiring.flipped(self.route), crossbar.route)
        for h in range(hosts):
            m.submodules[f"ingress_{h}"] = ingress = HostIngress(cfg)
            m.submodules[f"egress_{h}"] = egress = HostEgress(cfg)
            wiring.connect(m, wiring.flipped(self.host_in[h]), ingress.i)
            wiring.connect(m, ingress.o, crossbar.inputs[h])
            wiring.connect(m, crossbar.outputs[h], egress.i)
            wiring.connect(m, egress.o, wiring.flipped(self.host_out[h]))
            m.d.comb += [
                self.hosts[h].ingress.eq(ingress.counters),
                self.hosts[h].xbar.eq(crossbar.counters[h]),
            ]
        for p in range(cfg.chiplet.optical_ports):
            m.submodules[f"link_{p}"] = link = Link(cfg)
            m.submodules[f"adapter_{p}"] = adapter = Adapter(cfg)
            wiring.connect(m, link.o, crossbar.inputs[hosts + p])
            wiring.connect(m, crossbar.outputs[hosts + p], link.i)
            wiring.connect(m, link.tx, adapter.tx)
            m.d.comb += [
                link.rx.valid.eq(adapter.rx.valid), link.rx.beat.eq(adapter.rx.beat),
                link.aligned.eq(adapter.aligned), link.wires.eq(adapter.wires),
                link.control.eq(self.control[p].link),
                adapter.tx_clk.eq(self.clocks[p].tx_clk),
                adapter.rx_words.eq(Cat(self.rx_words[p][lane] for lane in lanes)),
                adapter.rx_signal.eq(self.rx_signal[p]), self.rx_slip[p].eq(adapter.rx_slip),
                adapter.control.eq(self.control[p].serdes),
                adapter.control.tx.lanes_off.eq(
                    self.control[p].serdes.tx.lanes_off | link.lanes_off),
                self.ports[p].link.eq(link.status), self.ports[p].aligned.eq(adapter.aligned),
                self.ports[p].serdes.eq(adapter.status),
                self.ports[p].xbar.eq(crossbar.counters[hosts + p]),
            ]
            for lane in lanes:
                m.d.comb += [self.tx_words[p][lane].eq(adapter.tx_words[lane]),
                             adapter.rx_clk[lane].eq(self.clocks[p].rx_clk[lane])]
        return m
