"""Matching of inputs to outputs (docs/crossbar.md, Matching)."""

from functools import reduce
from operator import or_

from amaranth import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from .roundrobin import above, first_from, onehot_mux


class Acceptance(Component):
    """What an input picks of its grants, round after round.

    Attributes
    ----------
    single : In(O), [R]
        Outputs that grant its queues to single outputs.
    sets : In(O), [R][V]
        Outputs that grant its set queue of that VC.
    more : In(C), [R]
        The packet of the candidate goes on.
    turn : In(T)
        One-hot: m mod lcm(V, S) of the grants.
    choice : Out(C), [R]
        One-hot; zero for nothing.
    matched : Out(1), [R]
        The input is matched after this round.
    """

    def __init__(self, shape):
        self._shape = shape
        rounds = shape.cfg.xbar.iterations
        super().__init__({
            **({"single": In(shape.outputs).array(rounds)} if shape.single else {}),
            **({"sets": In(shape.outputs).array(rounds, shape.vcs)} if shape.sets else {}),
            "more": In(shape.candidates).array(rounds), "turn": In(shape.turns),
            "choice": Out(shape.candidates).array(rounds), "matched": Out(1).array(rounds),
        })

    def elaborate(self, platform):
        m = Module()
        shape = self._shape
        # Of each pointer the candidates at or above it.
        masks = [Signal(shape.candidates, init=-1, name=f"mask_{u}") for u in range(shape.turns)]
        before = 0
        for r, choice in enumerate(self.choice):
            candidates = []
            if shape.single:
                candidates.append(self.single[r])
            if shape.sets:
                candidates += [outputs.any() for outputs in self.sets[r]]
            m.d.comb += [
                choice.eq(first_from(Cat(candidates), onehot_mux(self.turn, masks))),
                self.matched[r].eq(before | choice.any()),
            ]
            before = self.matched[r]
        # An input stays with a packet, in all turns of the same phase, and leaves it in all turns.
        choice, ends = self.choice[0], Signal(shape.candidates)
        stays = Signal(shape.candidates)
        m.d.comb += [stays.eq(choice & self.more[0]), ends.eq(choice & ~self.more[0])]
        for u, mask in enumerate(masks):
            phase = Cat(self.turn[k] for k in range(u % shape.vcs, shape.turns, shape.vcs)).any()
            points_there = (ends & mask).any() & ~((ends >> 1) & mask).any()
            with m.If((self.matched[0] & self.turn[u]) | (stays.any() & phase) | points_there):
                # Past the last candidate comes the first one.
                m.d.sync += mask.eq(above(choice) | stays | ends[-1].replicate(len(mask)))
        return m


class Matcher(Component):
    """Joins grants and acceptances of all rounds.

    Attributes
    ----------
    offer, offer_vc : In(Q), In(V), [O][R]
        As :class:`.output.OutputPort`.
    among : Out(Q), [O][R-1]
    turn : In(T)
        As :class:`Acceptance`.
    more : In, [I][V]
        Of each queue: the packet of its first flit goes on.
    source, source_vc, first_round : Out(Q), Out(V), Out(1), [O]
        As :class:`.output.OutputPort`.
    queue, vc, taken : Out, [I]
        One-hot: the queue and VC that an input reads; the outputs that take the flit.
    """

    def __init__(self, shape):
        self._shape = shape
        inputs, outputs, rounds = shape.inputs, shape.outputs, shape.cfg.xbar.iterations
        among = {"among": Out(shape.requesters).array(outputs, rounds - 1)}
        super().__init__({
            "offer": In(shape.requesters).array(outputs, rounds),
            "offer_vc": In(shape.vcs).array(outputs, rounds), "turn": In(shape.turns),
            "more": In(shape.queues).array(inputs, shape.vcs),
            **(among if rounds > 1 else {}),
            "source": Out(shape.requesters).array(outputs),
            "source_vc": Out(shape.vcs).array(outputs), "first_round": Out(1).array(outputs),
            "queue": Out(shape.queues).array(inputs), "vc": Out(shape.vcs).array(inputs),
            "taken": Out(outputs).array(inputs),
        })

    def elaborate(self, platform):
        m = Module()
        shape, rounds = self._shape, self._shape.cfg.xbar.iterations
        inputs, outputs = range(shape.inputs), range(shape.outputs)
        # pairs[r][j][q]: output j takes requester q's flit in round r.
        pairs = [[Signal(shape.requesters, name=f"pairs_{r}_{j}") for j in outputs]
                 for r in range(rounds)]
        accepts = []
        for i in inputs:
            m.submodules[f"accept_{i}"] = accept = Acceptance(shape)
            accepts.append(accept)
            m.d.comb += accept.turn.eq(self.turn)
            queue, vc, taken = [], [], []
            for r in range(rounds):
                parts = self._of_input(m, i, r, accept, [pairs[r][j] for j in outputs])
                for total, part in zip((queue, vc, taken), parts, strict=True):
                    total.append(part)
            m.d.comb += [self.queue[i].eq(reduce(or_, queue)), self.vc[i].eq(reduce(or_, vc)),
                         self.taken[i].eq(reduce(or_, taken))]
        for j in outputs:
            taken = [Signal(name=f"taken_{r}_{j}") for r in range(rounds)]
            before = 0
            for r in range(rounds):
                m.d.comb += taken[r].eq(before | pairs[r][j].any())
                before = taken[r]
            m.d.comb += [
                self.source[j].eq(reduce(or_, [pairs[r][j] for r in range(rounds)])),
                self.source_vc[j].eq(reduce(or_, [
                    self.offer_vc[j][r] & pairs[r][j].any().replicate(shape.vcs)
                    for r in range(rounds)]) if rounds > 1 else self.offer_vc[j][0]),
                self.first_round[j].eq(taken[0]),
            ]
            for r in range(1, rounds):
                unmatched = Cat(~accept.matched[r - 1] for accept in accepts)
                m.d.comb += self.among[j][r - 1].eq(
                    Cat(unmatched for _ in range(shape.requesters // shape.inputs))
                    & (~taken[r - 1]).replicate(shape.requesters))
        return m

    def _of_input(self, m, i, r, accept, pairs):
        """Give input i its grants of round r, and the outputs its choice; queue, VC, outputs."""
        shape = self._shape
        outputs, vcs = range(shape.outputs), range(shape.vcs)
        choice, queue, taken, more = accept.choice[r], [], 0, []
        vc = [[] for _ in vcs]
        if shape.single:
            m.d.comb += accept.single[r].eq(Cat(self.offer[j][r][i] for j in outputs))
            m.d.comb += [pairs[j][i].eq(choice[j]) for j in outputs]
            queue, taken = [choice[:shape.outputs]], choice[:shape.outputs]
            for v in vcs:
                vc[v] += [choice[j] & self.offer_vc[j][r][v] for j in outputs]
            more += [Cat(self.offer_vc[j][r][v] & self.more[i][v][j] for v in vcs).any()
                     for j in outputs]
        if shape.sets:
            q, first = i + shape.inputs * shape.single, shape.outputs * shape.single
            for v in vcs:
                m.d.comb += accept.sets[r][v].eq(Cat(
                    self.offer[j][r][q] & self.offer_vc[j][r][v] for j in outputs))
                vc[v].append(choice[first + v])
                taken = taken | (accept.sets[r][v] & choice[first + v].replicate(shape.outputs))
            m.d.comb += [
                pairs[j][q].eq(Cat(accept.sets[r][v][j] & choice[first + v] for v in vcs).any())
                for j in outputs]
            queue = [*queue, choice[first:].any()]
            more += [self.more[i][v][-1] for v in vcs]
        m.d.comb += accept.more[r].eq(Cat(more))
        return Cat(queue), Cat(Cat(terms).any() for terms in vc), taken
