"""One crossbar input: checks each flit, routes each packet, queues it, returns credits."""

from functools import partial

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..counters import count, later
from ..interfaces import End, FlitLayout, FlitPort
from .queues import VoqMemory
from .roundrobin import lowest_set, onehot_mux, onehot_when
from .routing import Router
from .status import InputStatus
from .tables import InputTables


class InputPort(Component):
    """Implements the rule table of docs/crossbar.md; is read as :class:`VoqMemory`.

    Attributes
    ----------
    i : In, FlitPort
    tables : In, InputTables
    draining : In(O)
    clear : In(1)
        Restart the statistics.
    read_queue, read_vc, taken : In
        One-hot queue and VC of this cycle's match, zero for none; outputs that take its flit.
    popped : Out
        That flit, S cycles later.
    wants : Out, [V]
        Queues with a flit for an output: by output for single ones, then by output for the set
        queue.
    more : Out, [V]
        Of each queue: the packet of its first flit goes on.
    stop : Out(O), [V]
    status : Out(InputStatus)
    """

    def __init__(self, shape):
        self._shape = shape
        cfg, vcs, outputs = shape.cfg, shape.vcs, shape.outputs
        super().__init__({
            "i": In(FlitPort(cfg)), "tables": In(InputTables(shape)),
            "draining": In(outputs), "clear": In(1),
            "read_queue": In(shape.queues), "read_vc": In(vcs), "taken": In(outputs),
            "popped": Out(FlitLayout(cfg)),
            "wants": Out(outputs * (shape.single + shape.sets)).array(vcs),
            "more": Out(shape.queues).array(vcs), "stop": Out(outputs).array(vcs),
            "status": Out(InputStatus(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        shape = self._shape
        m.submodules.queues = queues = VoqMemory(shape)
        valid, flit, route = self._route(m, queues)
        for _ in range(shape.stages - 1):
            valid, flit, route = self._later(m, valid, flit, route)
        dropped = self._classify(m, queues, valid, flit, route)
        popped = self._read(m, queues)
        for v in range(shape.vcs):
            self._return_credits(m, v, popped[v], dropped[v])
        return m

    def _route(self, m, queues):
        """The flit at t+1 and its route."""
        shape = self._shape
        m.submodules.router = router = Router(shape)
        valid, flit = Signal(), Signal(FlitLayout(shape.cfg))
        m.d.sync += [valid.eq(self.i.valid), flit.eq(self.i.flit)]
        wiring.connect(m, wiring.flipped(self.tables), router.tables)
        m.d.comb += [router.draining.eq(self.draining),
                     router.dst.eq(self.i.flit.dst), router.src.eq(self.i.flit.src),
                     router.named.eq(flit.payload[:8])]
        if shape.cfg.xbar.ecmp == "occupancy":
            here = onehot_when(valid, flit.vc, shape.vcs)
            m.d.comb += [
                router.counts[j].eq(onehot_mux(here, [counts[j] for counts in queues.counts]))
                for j in range(shape.outputs)]
        return valid, flit, {name: getattr(router, name) for name in (
            "way", "every", "turned", "unknown", "breach")}

    def _later(self, m, valid, flit, route):
        held = {name: Signal.like(value, name=f"held_{name}") for name, value in route.items()}
        held_valid, held_flit = Signal(), Signal.like(flit)
        m.d.sync += [held_valid.eq(valid), held_flit.eq(flit),
                     *(held[name].eq(value) for name, value in route.items())]
        return held_valid, held_flit, held

    def _classify(self, m, queues, valid, flit, route):
        """The rules; bits of the VCs whose flit was dropped with credit."""
        shape, vcs = self._shape, self._shape.vcs
        # State of the flit's VC; a VC beyond the last selects none of them.
        select, full = Signal(vcs), Signal(vcs)
        is_open, bad, dropping = Signal(vcs), Signal(vcs), Signal(vcs)
        here_open, here_bad, here_dropping, here_full = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            select.eq(onehot_when(valid, flit.vc, vcs)),
            full.eq(Cat(held == shape.depth for held in queues.held)),
            here_open.eq((is_open & select).any()), here_bad.eq((bad & select).any()),
            here_dropping.eq((dropping & select).any()), here_full.eq((full & select).any()),
        ]
        more, no_way = flit.end == End.NONE, ~route["way"].any()
        next_open, next_bad, next_dropping = Signal(), Signal(), Signal()
        push, abort, credit_drop = Signal(), Signal(), Signal()
        unknown, breach, protocol_error, overflow = Signal(), Signal(), Signal(), Signal()
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
            with m.Elif(flit.first):
                m.d.comb += [unknown.eq(route["unknown"]), breach.eq(route["breach"])]
                with m.If(no_way):
                    m.d.comb += [credit_drop.eq(1), next_dropping.eq(more)]
                with m.Else():
                    m.d.comb += [push.eq(1), next_open.eq(more), next_bad.eq(0),
                                 next_dropping.eq(0)]
            with m.Else():
                m.d.comb += [credit_drop.eq(1), protocol_error.eq(~here_dropping),
                             next_dropping.eq(more)]

        # A way: outputs, and whether the packet goes to all of them.
        way = Signal(shape.outputs + 1)
        ways = [Signal(shape.outputs + 1, name=f"way_{v}") for v in range(vcs)]
        m.d.comb += [
            way.eq(Mux(here_open, onehot_mux(select, ways), Cat(route["way"], route["every"]))),
            queues.push.eq(push), queues.push_flit.eq(flit), queues.push_set.eq(way[:-1]),
        ]
        if not shape.single:
            m.d.comb += queues.push_queue.eq(1)
        elif shape.sets:
            m.d.comb += queues.push_queue.eq(
                Cat(way[:-1] & (~way[-1]).replicate(shape.outputs), way[-1]))
        else:
            m.d.comb += queues.push_queue.eq(way[:-1])
        if shape.cfg.xbar.source_routing:
            with m.If(route["turned"] & ~here_open):
                m.d.comb += queues.push_flit.payload[:64].eq(flit.payload[:64].rotate_right(8))
        with m.If(abort):
            m.d.comb += [queues.push_flit.first.eq(0), queues.push_flit.end.eq(End.ABORT),
                         queues.push_flit.src.eq(0), queues.push_flit.dst.eq(0)]
        for v in range(vcs):
            with m.If(select[v]):
                m.d.sync += [is_open[v].eq(next_open), bad[v].eq(next_bad),
                             dropping[v].eq(next_dropping), ways[v].eq(way)]
        self._count(m, queues, select & push.replicate(vcs), {
            "unknown": unknown, "breaches": breach, "protocol_errors": protocol_error,
            "overflows": overflow})
        refused, seen = self.status.refused, later(m, unknown | breach)
        report = {"breach": later(m, breach),
                  **{name: later(m, flit[name]) for name in ("vc", "src", "dst")}}
        with m.If(seen):
            m.d.sync += [refused.valid.eq(1),
                         *(refused[name].eq(value) for name, value in report.items())]
        return select & credit_drop.replicate(vcs)

    def _count(self, m, queues, pushed, drops):
        m.d.sync += [count(self.status[name], later(m, event)) for name, event in drops.items()]
        if self._shape.cfg.xbar.statistics:
            clear = later(m, self.clear)
            for v, held in enumerate(map(partial(later, m), queues.held)):
                m.d.sync += count(self.status.flits[v], later(m, pushed[v]), clear=clear)
                with m.If(clear | (held > self.status.peak[v])):
                    m.d.sync += self.status.peak[v].eq(held)

    def _read(self, m, queues):
        """What the queues ask for, and what leaves them; bits of the VCs that give up a flit."""
        shape = self._shape
        m.d.comb += [
            queues.read_queue.eq(self.read_queue), queues.read_vc.eq(self.read_vc),
            queues.pop.eq(self.read_vc.any()), self.popped.eq(queues.popped),
        ]
        limit = shape.cfg.xbar.voq_limit
        done = Signal(shape.vcs, init=-1)
        for v in range(shape.vcs):
            wants = []
            if shape.single:
                wants.append(queues.waiting[v][:shape.outputs])
            if shape.sets:
                head, sent = queues.heads[v], Signal(shape.outputs, name=f"sent_{v}")
                left, read = Signal(shape.outputs, name=f"left_{v}"), Signal(name=f"read_set_{v}")
                m.d.comb += [
                    left.eq(head.set & ~sent & queues.waiting[v][-1].replicate(shape.outputs)),
                    read.eq(self.read_vc[v] & self.read_queue[-1]),
                    done[v].eq(~(left & ~self.taken).any()),
                ]
                with m.If(read):
                    m.d.sync += sent.eq(Mux(done[v], 0, sent | self.taken))
                # The outputs of a packet of several flits are taken in ascending order, so that
                # multicasts cannot wait for each other in a circle.
                wants.append(Mux(head.first & queues.more[v][-1], lowest_set(left), left))
            m.d.comb += [self.wants[v].eq(Cat(wants)), self.more[v].eq(queues.more[v])]
            if limit:
                m.d.comb += self.stop[v].eq(Cat(n >= limit for n in queues.counts[v]))
        if shape.sets:
            with m.If(self.read_queue[-1]):
                m.d.comb += queues.pop.eq((self.read_vc & done).any())
        return self.read_vc & queues.pop.replicate(shape.vcs)

    def _return_credits(self, m, v, popped, dropped):
        """One pulse a cycle, though a pop and a drop may meet: the rest is owed."""
        owed = Signal(range(self._shape.depth + 1), name=f"owed_{v}")
        total, less = Signal.like(owed, name=f"total_{v}"), Signal.like(owed, name=f"less_{v}")
        # `popped` comes late in the cycle.
        m.d.comb += [total.eq(owed + dropped), less.eq(Mux(total.any(), total - 1, 0))]
        m.d.sync += [self.i.credit[v].eq(popped | total.any()),
                     owed.eq(Mux(popped, total, less))]
