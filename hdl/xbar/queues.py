"""Virtual output queues of one input: linked lists over one shared flit memory."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..interfaces import End, FlitLayout
from .roundrobin import onehot_mux, onehot_when


class FreeSlots(wiring.Component):
    """Free slots of the flit memory: first each slot once, then those given back, in order.

    The user never takes more than it gave back and `slots` allow; `slot` is valid then.
    """

    def __init__(self, slots: int):
        self._slots = slots
        bits = max(1, (slots - 1).bit_length())
        super().__init__({
            "slot": Out(bits), "take": In(1), "give": In(1), "given": In(bits),
        })

    def elaborate(self, platform):
        m = Module()
        bits = len(self.slot)
        m.submodules.ring = ring = Memory(shape=bits, depth=2**bits, init=[])
        write, read = ring.write_port(), ring.read_port(domain="comb")
        fresh = Signal(range(self._slots + 1))
        head, tail = Signal(bits), Signal(bits)
        m.d.comb += [
            write.addr.eq(tail), write.data.eq(self.given), write.en.eq(self.give),
            read.addr.eq(head),
            self.slot.eq(Mux(fresh == self._slots, read.data, fresh)),
        ]
        m.d.sync += tail.eq(tail + self.give)
        with m.If(self.take):
            with m.If(fresh == self._slots):
                m.d.sync += head.eq(head + 1)
            with m.Else():
                m.d.sync += fresh.eq(fresh + 1)
        return m


class VoqMemory(wiring.Component):
    """V x P queues that share V*D slots.

    Attributes
    ----------
    push, push_flit, push_output
        Queue `push_flit` for the one-hot output at the end of this cycle. The caller has
        checked that its VC holds fewer than D flits.
    pop_output, pop_vc
        One-hot; take the head of that queue at the end of this cycle; `pop_more` says now
        whether its packet goes on, `popped` is the flit one cycle later.
    waiting : V vectors of P
        Queues that are not empty.
    full : Out(V)
        VCs that hold D flits.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        vcs, ports = cfg.chiplet.vcs, cfg.derived.ports
        super().__init__({
            "push": In(1), "push_flit": In(FlitLayout(cfg)), "push_output": In(ports),
            "pop_output": In(ports), "pop_vc": In(vcs), "pop_more": Out(1),
            "popped": Out(FlitLayout(cfg)),
            "waiting": Out(ports).array(vcs), "full": Out(vcs),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        vcs, ports, depth = cfg.chiplet.vcs, cfg.derived.ports, cfg.xbar.vc_depth
        m.submodules.free = free = FreeSlots(vcs * depth)
        bits = len(free.slot)
        m.submodules.flits = flits = Memory(shape=FlitLayout(cfg), depth=vcs * depth, init=[])
        m.submodules.links = links = Memory(shape=bits, depth=vcs * depth, init=[])
        m.submodules.more = more = Memory(shape=1, depth=vcs * depth, init=[])
        flit_write, flit_read = flits.write_port(), flits.read_port()
        link_write, link_read = links.write_port(), links.read_port(domain="comb")
        more_write, more_read = more.write_port(), more.read_port(domain="comb")

        queues = [(v, j) for v in range(vcs) for j in range(ports)]
        heads = {q: Signal(bits, name=f"head_{q[0]}_{q[1]}") for q in queues}
        tails = {q: Signal(bits, name=f"tail_{q[0]}_{q[1]}") for q in queues}
        push_vc = Signal(vcs)
        popping = Signal()
        push_to, pop_from = Signal(len(queues)), Signal(len(queues))
        head, tail = Signal(bits), Signal(bits)
        m.d.comb += [
            popping.eq(self.pop_output.any()),
            push_vc.eq(onehot_when(self.push, self.push_flit.vc, vcs)),
            head.eq(onehot_mux(pop_from, [heads[q] for q in queues])),
            tail.eq(onehot_mux(push_to, [tails[q] for q in queues])),
            free.take.eq(self.push), free.give.eq(popping), free.given.eq(head),
            flit_write.addr.eq(free.slot), flit_write.data.eq(self.push_flit),
            flit_write.en.eq(self.push),
            more_write.addr.eq(free.slot), more_write.data.eq(self.push_flit.end == End.NONE),
            more_write.en.eq(self.push),
            # The old tail of an empty queue names a slot that may be in use elsewhere.
            link_write.addr.eq(tail), link_write.data.eq(free.slot),
            flit_read.addr.eq(head), flit_read.en.eq(1), self.popped.eq(flit_read.data),
            link_read.addr.eq(head), more_read.addr.eq(head), self.pop_more.eq(more_read.data),
        ]
        waits = Signal(len(queues))
        m.d.comb += link_write.en.eq((waits & push_to).any())
        for k, (v, j) in enumerate(queues):
            head_q, tail_q = heads[v, j], tails[v, j]
            waiting, empties = Signal(name=f"waiting_{v}_{j}"), Signal(name=f"empties_{v}_{j}")
            m.d.comb += [
                push_to[k].eq(push_vc[v] & self.push_output[j]),
                pop_from[k].eq(self.pop_vc[v] & self.pop_output[j]),
                self.waiting[v][j].eq(waiting), waits[k].eq(waiting),
                empties.eq(pop_from[k] & (head_q == tail_q)),
            ]
            m.d.sync += waiting.eq(push_to[k] | (waiting & ~empties))
            with m.If(push_to[k]):
                m.d.sync += tail_q.eq(free.slot)
            with m.If(push_to[k] & (~waiting | empties)):
                m.d.sync += head_q.eq(free.slot)
            with m.Elif(pop_from[k]):
                m.d.sync += head_q.eq(link_read.data)
        for v in range(vcs):
            held = Signal(range(depth + 1), name=f"held_{v}")
            m.d.sync += held.eq(held + push_vc[v] - (popping & self.pop_vc[v]))
            m.d.comb += self.full[v].eq(held == depth)
        return m
