"""Route of a packet at one input (docs/crossbar.md, Route of a packet)."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..component import Component
from .roundrobin import first_from
from .tables import Entry, InputTables, Kind

HASH_BITS = 8
POLYNOMIAL = 0x07
"""CRC-8: x^8 + x^2 + x + 1."""
ID_BITS = 12
"""Bits of `src` and of `dst` that the hash takes in, zeros above the configured ones."""


def flow_hash(src, dst):
    """CRC-8 of a flow: exclusive-or of the remainders of the set bits of src * 2^12 + dst."""
    bits = [*dst, *[None] * (ID_BITS - len(dst)), *src]
    total, remainder = Const(0, HASH_BITS), POLYNOMIAL
    for bit in bits:
        if bit is not None:
            total = total ^ Mux(bit, Const(remainder, HASH_BITS), 0)
        remainder <<= 1
        if remainder >> HASH_BITS:
            remainder ^= 1 << HASH_BITS | POLYNOMIAL
    return total


def population(bits):
    """Number of set bits, by a tree."""
    bits = list(bits)
    if len(bits) == 1:
        return bits[0]
    half = len(bits) // 2
    return population(bits[:half]) + population(bits[half:])


class Choice(Component):
    """One member of a set of outputs, one-hot.

    Attributes
    ----------
    members : In(O)
        Not empty, else the answer is 0.
    hash : In(8)
        Of the flow.
    counts : In, [O]
        Flits queued for each output; with `xbar.ecmp` = "occupancy" only.
    chosen : Out(O)
    """

    def __init__(self, shape):
        self._shape = shape
        counts = {"counts": In(range(shape.depth + 1)).array(shape.outputs)}
        super().__init__({
            "members": In(shape.outputs), "hash": In(HASH_BITS), "chosen": Out(shape.outputs),
            **(counts if shape.cfg.xbar.ecmp == "occupancy" else {}),
        })

    def elaborate(self, platform):
        m = Module()
        members, ecmp, span = self.members, self._shape.cfg.xbar.ecmp, range(len(self.members))
        if ecmp == "lowest":
            m.d.comb += self.chosen.eq(first_from(members, Const(0, len(members))))
            return m
        number, hashed = Signal(range(len(members))), Signal(len(members))
        m.d.comb += [
            number.eq((self.hash * population(members)) >> HASH_BITS),
            hashed.eq(Cat(
                members[j] & ((population(members[:j]) if j else Const(0)) == number)
                for j in span)),
        ]
        if ecmp == "hash":
            m.d.comb += self.chosen.eq(hashed)
            return m
        least = self._least([(members[j], self.counts[j]) for j in span])
        among = Signal(len(members))
        m.d.comb += [
            among.eq(Cat(members[j] & (self.counts[j] == least) for j in span)),
            self.chosen.eq(first_from(among, ~(hashed - 1))),
        ]
        return m

    def _least(self, candidates):
        """The least count of those whose flag is set."""
        def lesser(a, b):
            take = a[0] & (~b[0] | (a[1] <= b[1]))
            return a[0] | b[0], Mux(take, a[1], b[1])

        while len(candidates) > 1:
            candidates = [lesser(*candidates[k:k + 2]) if k + 1 < len(candidates)
                          else candidates[k] for k in range(0, len(candidates), 2)]
        return candidates[0][1]


class Router(Component):
    """Looks up and resolves; registers hold what the next cycle needs.

    Attributes
    ----------
    tables : In, InputTables
    dst, src : In
        At t.
    named : In(8)
        Byte 0 of the payload, at t+1.
    draining : In(O)
    counts : In, [O]
        Of the packet's VC, at t+1; with `xbar.ecmp` = "occupancy" only.
    way : Out(O)
        Outputs of the packet, at t+1; none where it is refused.
    every : Out(1)
        To all of them, as a multicast.
    turned : Out(1)
        The way is from the payload.
    unknown, breach : Out(1)
    """

    def __init__(self, shape):
        self._shape = shape
        d, outputs = shape.cfg.derived, shape.outputs
        counts = {"counts": In(range(shape.depth + 1)).array(outputs)}
        super().__init__({
            "tables": In(InputTables(shape)),
            "dst": In(d.id_bits), "src": In(d.id_bits), "named": In(8), "draining": In(outputs),
            **(counts if shape.cfg.xbar.ecmp == "occupancy" else {}),
            "way": Out(outputs), "every": Out(1), "turned": Out(1),
            "unknown": Out(1), "breach": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        shape, d = self._shape, self._shape.cfg.derived
        outputs = shape.outputs
        m.submodules.table = table = Memory(shape=Entry(shape), depth=2**d.id_bits, init=[])
        m.submodules.choice = choice = Choice(shape)
        write, read = table.write_port(), table.read_port()
        default, permit = Signal(Entry(shape)), Signal(outputs, init=-1)
        clearing, hashed, told = Signal(init=1), Signal(HASH_BITS), self.tables
        m.d.comb += [
            write.addr.eq(told.index), write.data.eq(told.entry), write.en.eq(told.entry_en),
            read.addr.eq(self.dst), read.en.eq(1),
        ]
        m.d.sync += [clearing.eq(told.clearing), hashed.eq(flow_hash(self.src, self.dst))]
        with m.If(told.default_en):
            m.d.sync += default.eq(told.entry)
        with m.If(told.permit_en):
            m.d.sync += permit.eq(told.ports)

        entry, allowed, up = Signal(Entry(shape)), Signal(outputs), Signal(outputs)
        m.d.comb += entry.eq(default)
        with m.If(~clearing & (read.data.kind != Kind.NONE)):
            m.d.comb += entry.eq(read.data)
        m.d.comb += [
            allowed.eq(entry.ports & permit), up.eq(allowed & ~self.draining),
            choice.members.eq(Mux(up.any(), up, allowed)), choice.hash.eq(hashed),
        ]
        if shape.cfg.xbar.ecmp == "occupancy":
            m.d.comb += [choice.counts[j].eq(self.counts[j]) for j in range(outputs)]
        with m.Switch(entry.kind):
            with m.Case(Kind.ONE):
                m.d.comb += [
                    self.way.eq(choice.chosen), self.unknown.eq(~entry.ports.any()),
                    self.breach.eq(entry.ports.any() & ~allowed.any()),
                ]
            if shape.cfg.xbar.multicast:
                with m.Case(Kind.ALL):
                    m.d.comb += [
                        self.way.eq(allowed), self.every.eq(1),
                        self.unknown.eq(~entry.ports.any()),
                        self.breach.eq(allowed != entry.ports),
                    ]
            if shape.cfg.xbar.source_routing:
                with m.Case(Kind.SOURCE):
                    named = Cat(self.named == j for j in range(outputs))
                    m.d.comb += [
                        self.way.eq(named & permit), self.turned.eq(1),
                        self.unknown.eq(self.named >= outputs),
                        self.breach.eq((named & ~permit).any()),
                    ]
            with m.Case(Kind.DENIED):
                m.d.comb += self.breach.eq(1)
            with m.Default():
                m.d.comb += self.unknown.eq(1)
        return m
