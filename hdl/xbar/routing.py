"""Route table of one crossbar input: destination to output port (docs/crossbar.md)."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class RouteEntry(data.StructLayout):
    """Output = `port` + (source & `spread`), where `valid`."""

    def __init__(self, cfg):
        bits = cfg.derived.port_bits
        super().__init__({"valid": 1, "port": bits, "spread": bits})


class RouteWrite(data.StructLayout):
    """One write of the table."""

    def __init__(self, cfg):
        super().__init__({"dst": cfg.derived.id_bits, "entry": RouteEntry(cfg)})


class RouteTable(wiring.Component):
    """Looks up a packet's output.

    `dst` at t, `src` at t+1 give `output` and `routed` at t+1, combinationally from the
    memory's read port. `known` says which entries are valid: a memory outlives a reset.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        d = cfg.derived
        super().__init__({
            "write": In(RouteWrite(cfg)), "write_en": In(1),
            "known": In(2**d.id_bits), "dst": In(d.id_bits), "src": In(d.id_bits),
            "output": Out(d.port_bits), "routed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        d = self._cfg.derived
        m.submodules.table = table = Memory(
            shape=RouteEntry(self._cfg), depth=2**d.id_bits, init=[])
        write, read = table.write_port(), table.read_port()
        total, valid = Signal(d.port_bits + 1), Signal()
        m.d.sync += valid.eq((self.known >> self.dst)[0])
        m.d.comb += [
            write.addr.eq(self.write.dst), write.data.eq(self.write.entry),
            write.en.eq(self.write_en),
            read.addr.eq(self.dst), read.en.eq(1),
            total.eq(read.data.port + (self.src & read.data.spread)),
            self.output.eq(total),
            self.routed.eq(valid & (total < d.ports)),
        ]
        return m
