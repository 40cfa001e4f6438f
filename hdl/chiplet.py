"""The chiplet: crossbar, host ports, and a link and a SerDes adapter for each optical port."""

from amaranth import Cat, Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .component import Component
from .egress import HostEgress
from .ingress import HostIngress, IngressCounters
from .interfaces import AxiStream
from .link.format import UP
from .link.layer import Link, LinkControl, LinkStatus
from .serdes.port import Adapter, AdapterControl, AdapterStatus
from .xbar.layer import Crossbar
from .xbar.shape import Shape
from .xbar.status import InputStatus, OutputStatus
from .xbar.tables import TableWrite


class XbarStatus(data.StructLayout):
    """A port's side of the crossbar. `stop`: of each VC, a bit an output (with `voq_limit`)."""

    def __init__(self, cfg):
        stop = data.ArrayLayout(cfg.derived.ports, cfg.chiplet.vcs)
        super().__init__({
            "input": InputStatus(cfg), "output": OutputStatus(cfg),
            **({"stop": stop} if cfg.xbar.voq_limit else {}),
        })


class PortControl(data.StructLayout):
    """All zero is normal operation."""

    def __init__(self, cfg):
        super().__init__({"link": LinkControl, "serdes": AdapterControl(cfg)})


class PortStatus(data.StructLayout):
    """What software sees of an optical port."""

    def __init__(self, cfg):
        super().__init__({
            "link": LinkStatus(cfg), "aligned": 1, "serdes": AdapterStatus(cfg),
            "xbar": XbarStatus(cfg),
        })


class HostStatus(data.StructLayout):
    """What software sees of a host port."""

    def __init__(self, cfg):
        super().__init__({"ingress": IngressCounters, "xbar": XbarStatus(cfg)})


class PortClocks(wiring.Signature):
    """Clocks of an optical port: of the words that it sends, and of those of each received lane."""

    def __init__(self, cfg):
        super().__init__({"tx_clk": Out(1), "rx_clk": Out(1).array(cfg.serdes.lanes)})


class Chiplet(Component):
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
            "tables": In(stream.Signature(TableWrite(Shape.of(cfg)))), "clear": In(1),
            "ports": Out(PortStatus(cfg)).array(opticals),
            "hosts": Out(HostStatus(cfg)).array(hosts),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        hosts, lanes = cfg.chiplet.host_ports, range(cfg.serdes.lanes)
        m.submodules.crossbar = crossbar = Crossbar(cfg)
        wiring.connect(m, wiring.flipped(self.tables), crossbar.tables)
        m.d.comb += crossbar.clear.eq(self.clear)
        for h in range(hosts):
            m.submodules[f"ingress_{h}"] = ingress = HostIngress(cfg)
            m.submodules[f"egress_{h}"] = egress = HostEgress(cfg)
            wiring.connect(m, wiring.flipped(self.host_in[h]), ingress.i)
            wiring.connect(m, ingress.o, crossbar.inputs[h])
            wiring.connect(m, crossbar.outputs[h], egress.i)
            wiring.connect(m, egress.o, wiring.flipped(self.host_out[h]))
            m.d.comb += [
                self.hosts[h].ingress.eq(ingress.counters),
                # A host holds its flits by AXI4-Stream alone: it is never down.
                crossbar.up[h].eq(1),
            ]
            _show(m, crossbar, h, self.hosts[h].xbar)
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
                crossbar.up[hosts + p].eq(_is_up(link.status.state)),
            ]
            _show(m, crossbar, hosts + p, self.ports[p].xbar)
            for lane in lanes:
                m.d.comb += [self.tx_words[p][lane].eq(adapter.tx_words[lane]),
                             adapter.rx_clk[lane].eq(self.clocks[p].rx_clk[lane])]
        return m


def _is_up(state):
    return Cat(state == up for up in UP).any()


def _show(m, crossbar, port, status):
    """Connect what is seen of a port's side of the crossbar."""
    m.d.comb += [status.input.eq(crossbar.input_status[port]),
                 status.output.eq(crossbar.output_status[port])]
    if "stop" in status.shape().members:
        m.d.comb += [status.stop[v].eq(stop) for v, stop in enumerate(crossbar.stop[port])]
