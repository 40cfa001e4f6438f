"""Queues of one input: linked lists over one shared flit memory."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import End, FlitLayout
from .roundrobin import onehot_mux, onehot_when


class FreeSlots(Component):
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


class Queue(Component):
    """One list: its two first entries and the place of its last one; the rest is in `links`.

    An entry is a slot and what must be known of its flit before the flit is read. The one behind
    the second comes from `links` in the cycle after a pop, `stale`; it is used in that very cycle
    when the queue is popped again.

    Attributes
    ----------
    push, entry : In
        `entry` joins the end.
    pop : In(1)
        The first entry leaves; late in the cycle, so nothing here is computed from it.
    link : In
        The entry behind `head`, as `links` has it; used while `stale`.
    head, tail : Out
        First entry, and slot of the last one, while `waiting`.
    linked : Out(1)
        A push must be linked to `tail` in `links`.
    count : Out
        Entries.
    """

    def __init__(self, entry, depth: int):
        self._depth = depth
        slot = entry.members["slot"]
        super().__init__({
            "push": In(1), "pop": In(1), "entry": In(entry), "link": In(entry),
            "head": Out(entry), "tail": Out(slot), "stale": Out(1), "linked": Out(1),
            "waiting": Out(1), "count": Out(range(depth + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        count, waiting, stale = self.count, self.waiting, self.stale
        several, two, three = Signal(), Signal(), Signal()
        second, following = Signal.like(self.head), Signal.like(self.head)
        m.d.comb += [
            three.eq(count == 3), self.linked.eq(several),
            following.eq(Mux(stale, self.link, second)),
        ]
        m.d.sync += [
            count.eq(Mux(self.pop, count - 1 + self.push, count + self.push)),
            waiting.eq(Mux(self.pop, several | self.push, waiting | self.push)),
            several.eq(Mux(self.pop, (several & ~two) | (several & self.push),
                           several | (waiting & self.push))),
            two.eq(Mux(self.pop, Mux(self.push, two, three),
                       Mux(self.push, waiting & ~several, two))),
            stale.eq(self.pop & several & ~two),
            second.eq(following),
        ]
        with m.If(self.push):
            m.d.sync += self.tail.eq(self.entry.slot)
        with m.If(Mux(self.pop, ~several, ~waiting & self.push)):
            m.d.sync += self.head.eq(self.entry)
        with m.Elif(self.pop):
            m.d.sync += self.head.eq(following)
        with m.If(self.push & Mux(self.pop, two, ~several)):
            m.d.sync += second.eq(self.entry)
        return m


class VoqMemory(Component):
    """The queues of one input, which share V*D slots.

    Attributes
    ----------
    push, push_flit, push_queue, push_set
        Queue `push_flit` in the one-hot queue of its VC at the end of this cycle, for the outputs
        `push_set` if that is the set queue. The caller has checked that the VC is not full.
    read_queue, read_vc
        One-hot; `popped` is the head of that queue, S cycles later.
    pop : In(1)
        It leaves its queue at the end of this cycle.
    waiting : V vectors
        Queues that are not empty.
    more : V vectors
        The packet of the queue's first flit goes on.
    heads : Out, [V]
        Of the set queues: the first flit is `first`, and its set.
    held : Out, [V]
        Slots of a VC in use; one that is popped counts for S-1 cycles more.
    counts : Out, [V][O]
        Flits for single outputs.
    """

    def __init__(self, shape):
        self._shape = shape
        cfg, vcs, queues = shape.cfg, shape.vcs, shape.queues
        super().__init__({
            "push": In(1), "push_flit": In(FlitLayout(cfg)), "push_queue": In(queues),
            "push_set": In(shape.outputs), "read_queue": In(queues), "read_vc": In(vcs),
            "pop": In(1), "popped": Out(FlitLayout(cfg)),
            "waiting": Out(queues).array(vcs), "more": Out(queues).array(vcs),
            **({"heads": Out(self._set_head()).array(vcs)} if shape.sets else {}),
            "held": Out(range(shape.depth + 1)).array(vcs),
            **({"counts": Out(range(shape.depth + 1)).array(vcs, shape.outputs)}
               if shape.single else {}),
        })

    def _set_head(self):
        return data.StructLayout({"first": 1, "set": self._shape.outputs})

    def elaborate(self, platform):
        m = Module()
        shape, vcs = self._shape, self._shape.vcs
        slots = vcs * shape.depth
        m.submodules.free = free = FreeSlots(slots)
        bits = len(free.slot)
        single = data.StructLayout({"slot": bits, "more": 1})
        of_set = data.StructLayout({"slot": bits, "more": 1, "first": 1,
                                    "set": shape.outputs})
        widest = of_set if shape.sets else single
        m.submodules.flits = flits = Memory(shape=FlitLayout(shape.cfg), depth=slots, init=[])
        m.submodules.links = links = Memory(shape=widest, depth=slots, init=[])
        flit_write, flit_read = flits.write_port(), flits.read_port()
        link_write, link_read = links.write_port(), links.read_port(domain="comb")

        entry = Signal(widest)
        more = self.push_flit.end == End.NONE
        m.d.comb += [entry.slot.eq(free.slot), entry.more.eq(more)]
        if shape.sets:
            m.d.comb += [entry.first.eq(self.push_flit.first), entry.set.eq(self.push_set)]
        queues, push_vc = [], Signal(vcs)
        m.d.comb += push_vc.eq(onehot_when(self.push, self.push_flit.vc, vcs))
        for v in range(vcs):
            for k in range(shape.queues):
                is_set = shape.sets and k == shape.queues - 1
                layout = of_set if is_set else single
                name = f"set_{v}" if is_set else f"queue_{v}_{k}"
                m.submodules[name] = queue = Queue(layout, shape.depth)
                m.d.comb += [
                    queue.push.eq(push_vc[v] & self.push_queue[k]),
                    queue.pop.eq(self.pop & self.read_vc[v] & self.read_queue[k]),
                    self.waiting[v][k].eq(queue.waiting), self.more[v][k].eq(queue.head.more),
                ]
                for field in layout.members:
                    m.d.comb += [queue.entry[field].eq(entry[field]),
                                 queue.link[field].eq(link_read.data[field])]
                if is_set:
                    m.d.comb += [self.heads[v].first.eq(queue.head.first),
                                 self.heads[v].set.eq(queue.head.set)]
                else:
                    m.d.comb += self.counts[v][k].eq(queue.count)
                queues.append((queue, push_vc[v] & self.push_queue[k],
                               self.read_vc[v] & self.read_queue[k]))
            self._hold(m, v, push_vc[v], self.pop & self.read_vc[v])

        def of(chosen, values):
            return onehot_mux(Cat(chosen), values)

        heads = [queue.head.slot for queue, *_ in queues]
        read = Signal(bits)
        m.d.comb += [
            link_read.addr.eq(of((queue.stale for queue, *_ in queues), heads)),
            link_write.addr.eq(of((push for _, push, _ in queues),
                                  [queue.tail for queue, *_ in queues])),
            link_write.data.eq(entry),
            link_write.en.eq(Cat(push & queue.linked for queue, push, _ in queues).any()),
            flit_write.addr.eq(free.slot), flit_write.data.eq(self.push_flit),
            flit_write.en.eq(self.push), free.take.eq(self.push),
            flit_read.en.eq(1), self.popped.eq(flit_read.data),
        ]
        if shape.stages == 1:
            m.d.comb += [
                read.eq(of((chosen for *_, chosen in queues), heads)),
                free.give.eq(self.pop), free.given.eq(read), flit_read.addr.eq(read),
            ]
        else:
            m.d.sync += read.eq(of((chosen for *_, chosen in queues), heads))
            m.d.sync += free.give.eq(self.pop)
            m.d.comb += [free.given.eq(read), flit_read.addr.eq(read)]
        return m

    def _hold(self, m, v, pushed, popped):
        if self._shape.stages > 1:
            leaves = Signal(name=f"leaves_{v}")
            m.d.sync += leaves.eq(popped)
        else:
            leaves = popped
        m.d.sync += self.held[v].eq(self.held[v] + pushed - leaves)
