"""Table writes, and the clearing of the entries after reset (docs/crossbar.md, Tables)."""

from amaranth import Module, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..component import Component
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
        super().__init__({
            "op": 3, "inputs": shape.inputs, "index": shape.index_bits,
            "value": KIND_BITS, "ports": shape.outputs,
        })


class InputTables(wiring.Signature):
    """What an input's tables are told; `Out` is the writer's view.

    `clearing`: entries count as NONE. At the end of this cycle: with `entry_en`, entry `index`
    becomes `entry`; with `default_en` the default does; with `permit_en`, the outputs that are
    permitted become `ports`.
    """

    def __init__(self, shape):
        super().__init__({
            "clearing": Out(1), "index": Out(shape.index_bits), "entry": Out(Entry(shape)),
            "ports": Out(shape.outputs),
            "entry_en": Out(1), "default_en": Out(1), "permit_en": Out(1),
        })


class Tables(Component):
    """Takes writes, one a cycle once all entries are cleared.

    Attributes
    ----------
    i : In, stream of TableWrite
    inputs : Out, [I]
    index : Out
    slot_en, strict_en : Out(O)
        The outputs whose slot `index` becomes `vc`, for which `vc` is strict if `index` is odd.
    vc : Out(V)
        One-hot.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__({
            "i": In(stream.Signature(TableWrite(shape))),
            "inputs": Out(InputTables(shape)).array(shape.inputs),
            "index": Out(shape.index_bits), "vc": Out(shape.vcs),
            "slot_en": Out(shape.outputs), "strict_en": Out(shape.outputs),
        })

    def elaborate(self, platform):
        m = Module()
        shape, xbar = self._shape, self._shape.cfg.xbar
        write, take = self.i.payload, Signal()
        clearing, entry = Signal(), Signal(Entry(shape))
        entry_en, default_en, permit_en = (Signal(shape.inputs), Signal(shape.inputs),
                                           Signal(shape.inputs))
        # Counts the entries that are cleared; its highest bit says that all are.
        cleared = Signal(shape.cfg.derived.id_bits + 1)
        m.d.comb += [
            clearing.eq(~cleared[-1]), self.i.ready.eq(cleared[-1]),
            take.eq(self.i.valid & self.i.ready),
            self.index.eq(write.index),
            self.vc.eq(onehot_when(1, write.value, shape.vcs)),
        ]
        kinds = [Kind.ONE, Kind.DENIED, *[Kind.ALL] * xbar.multicast,
                 *[Kind.SOURCE] * xbar.source_routing]
        with m.If(clearing):
            m.d.sync += cleared.eq(cleared + 1)
            m.d.comb += [self.index.eq(cleared[:-1]), entry_en.eq(-1)]
        with m.Else():
            with m.Switch(write.value):
                with m.Case(*kinds):
                    m.d.comb += [entry.kind.eq(Kind(write.value)),
                                 entry.ports.eq(write.ports)]
        with m.If(take):
            with m.Switch(write.op):
                with m.Case(Op.ROUTE):
                    beyond = write.index[shape.cfg.derived.id_bits:].any()
                    m.d.comb += entry_en.eq(write.inputs & (~beyond).replicate(shape.inputs))
                with m.Case(Op.DEFAULT):
                    m.d.comb += default_en.eq(write.inputs)
                with m.Case(Op.PERMIT):
                    m.d.comb += permit_en.eq(write.inputs)
                with m.Case(Op.SLOT):
                    m.d.comb += self.slot_en.eq(write.ports)
                with m.Case(Op.STRICT):
                    m.d.comb += self.strict_en.eq(write.ports)
        for i, told in enumerate(self.inputs):
            m.d.comb += [
                told.clearing.eq(clearing), told.index.eq(self.index), told.entry.eq(entry),
                told.ports.eq(write.ports), told.entry_en.eq(entry_en[i]),
                told.default_en.eq(default_en[i]), told.permit_en.eq(permit_en[i]),
            ]
        return m
