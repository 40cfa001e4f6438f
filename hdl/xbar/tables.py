"""Table writes, and the clearing of the entries after reset (docs/crossbar.md, Tables)."""

from amaranth import Module, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from .roundrobin import onehot_when

KIND_BITS = 3


class Op(enum.Enum, shape=3):
    """What a write changes."""

    ROUTE = 0
    DEFAULT = 1
    PERMIT = 2
    SLOT = 3
    STRICT = 4


class Kind(enum.Enum, shape=KIND_BITS):
    """Where an entry sends a packet."""

    NONE = 0
    ONE = 1
    ALL = 2
    SOURCE = 3
    DENIED = 4


class Entry(data.StructLayout):
    """Of a destination, or the default."""

    def __init__(self, shape):
        super().__init__({"kind": Kind, "ports": shape.outputs})


class TableWrite(data.StructLayout):
    """One write."""

    def __init__(self, shape):
        slots = (shape.slots - 1).bit_length()
        super().__init__({
            "op": 3, "inputs": shape.inputs, "index": max(shape.cfg.derived.id_bits, slots),
            "value": KIND_BITS, "ports": shape.outputs,
        })


class Tables(wiring.Component):
    """Takes writes, one a cycle once all entries are cleared.

    Attributes
    ----------
    i : In, stream of TableWrite
    clearing : Out(1)
        Entries count as NONE.
    entry_en : Out(I)
        The inputs whose entry `index` becomes `entry` at the end of this cycle.
    default_en, permit_en : Out(I)
        The inputs whose default becomes `entry`, whose permitted outputs become `ports`.
    slot_en, strict_en : Out(O)
        The outputs whose slot `index` becomes `vc`, for which `vc` is strict if `index` is odd.
    vc : Out(V)
        One-hot.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__({
            "i": In(stream.Signature(TableWrite(shape))), "clearing": Out(1),
            "index": Out(TableWrite(shape).members["index"]),
            "entry": Out(Entry(shape)), "ports": Out(shape.outputs), "vc": Out(shape.vcs),
            "entry_en": Out(shape.inputs), "default_en": Out(shape.inputs),
            "permit_en": Out(shape.inputs),
            "slot_en": Out(shape.outputs), "strict_en": Out(shape.outputs),
        })

    def elaborate(self, platform):
        m = Module()
        shape, xbar = self._shape, self._shape.cfg.xbar
        write, take = self.i.payload, Signal()
        # Counts the entries that are cleared; its highest bit says that all are.
        cleared = Signal(shape.cfg.derived.id_bits + 1)
        m.d.comb += [
            self.clearing.eq(~cleared[-1]), self.i.ready.eq(cleared[-1]),
            take.eq(self.i.valid & self.i.ready),
            self.ports.eq(write.ports), self.index.eq(write.index),
            self.vc.eq(onehot_when(1, write.value, shape.vcs)),
        ]
        kinds = [Kind.ONE, Kind.DENIED, *[Kind.ALL] * xbar.multicast,
                 *[Kind.SOURCE] * xbar.source_routing]
        with m.If(self.clearing):
            m.d.sync += cleared.eq(cleared + 1)
            m.d.comb += [self.index.eq(cleared[:-1]), self.entry_en.eq(-1)]
        with m.Else():
            with m.Switch(write.value):
                with m.Case(*kinds):
                    m.d.comb += [self.entry.kind.eq(Kind(write.value)),
                                 self.entry.ports.eq(write.ports)]
        with m.If(take):
            with m.Switch(write.op):
                with m.Case(Op.ROUTE):
                    beyond = write.index[shape.cfg.derived.id_bits:].any()
                    m.d.comb += self.entry_en.eq(write.inputs
                                                 & (~beyond).replicate(shape.inputs))
                with m.Case(Op.DEFAULT):
                    m.d.comb += self.default_en.eq(write.inputs)
                with m.Case(Op.PERMIT):
                    m.d.comb += self.permit_en.eq(write.inputs)
                with m.Case(Op.SLOT):
                    m.d.comb += self.slot_en.eq(write.ports)
                with m.Case(Op.STRICT):
                    m.d.comb += self.strict_en.eq(write.ports)
        return m
