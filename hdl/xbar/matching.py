"""One round of round-robin matching a cycle: grant, accept, choice of VC (docs/crossbar.md)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .roundrobin import RoundRobin, first_from, onehot_mux


class Matcher(wiring.Component):
    """Matches inputs to outputs and keeps the outputs' credits and packet locks.

    Attributes
    ----------
    waiting : In, [P][V] vectors of P
        Input i has a flit of VC v for output j.
    more : In(1), [P]
        The flit that input i gives up in this cycle does not end its packet.
    credit : In(V), [P]
        Credit pulses of output j.
    pop_output, pop_vc : Out, [P]
        One-hot: what input i gives up at the end of this cycle, zero for nothing.
    source : Out(P), [P]
        One-hot: the input that output j is matched with.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        vcs, ports = cfg.chiplet.vcs, cfg.derived.ports
        super().__init__({
            "waiting": In(ports).array(ports, vcs), "more": In(1).array(ports),
            "credit": In(vcs).array(ports),
            "pop_output": Out(ports).array(ports), "pop_vc": Out(vcs).array(ports),
            "source": Out(ports).array(ports),
        })

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        vcs, ports, credits = cfg.chiplet.vcs, cfg.derived.ports, cfg.xbar.egress_depth
        span = range(ports)
        grants = [[RoundRobin(ports) for _ in range(vcs)] for _ in span]
        accepts = [RoundRobin(ports, vcs) for _ in span]
        choices = [Signal(vcs, name=f"choice_{j}") for j in span]    # one-hot: VC of a grant
        offers = []
        phase = Signal(vcs, init=1)    # one-hot: the VC that comes first in this cycle
        m.d.sync += phase.eq(phase.rotate_left(1))
        for j in span:
            matched = Signal(name=f"matched_{j}")
            goes_on = Signal(name=f"goes_on_{j}")
            m.d.comb += [
                self.source[j].eq(Cat(accepts[i].grant[j] for i in span)),
                matched.eq(self.source[j].any()),
                goes_on.eq((Cat(self.more[i] for i in span) & self.source[j]).any()),
                choices[j].eq(first_from(Cat(grant.requests.any() for grant in grants[j]),
                                         ~(phase - 1))),
            ]
            for v in range(vcs):
                m.submodules[f"grant_{j}_{v}"] = grant = grants[j][v]
                # Inputs that may send on this VC: all, or the one whose packet holds it.
                admits = Signal(ports, init=-1, name=f"admits_{j}_{v}")
                credit = Signal(range(credits + 1), init=credits, name=f"credit_{j}_{v}")
                chosen = Signal(name=f"chosen_{j}_{v}")
                m.d.comb += [
                    grant.requests.eq(Mux(credit.any(),
                                          Cat(self.waiting[i][v][j] for i in span) & admits, 0)),
                    chosen.eq(choices[j][v] & matched),
                    grant.advance.eq(chosen),
                ]
                m.d.sync += credit.eq(credit + self.credit[j][v] - chosen)
                with m.If(chosen):
                    m.d.sync += admits.eq(Mux(goes_on, self.source[j], (1 << ports) - 1))
            # The input that the output grants, on the VC of its choice.
            offers.append(onehot_mux(choices[j], [grant.grant for grant in grants[j]]))
        for i in span:
            m.submodules[f"accept_{i}"] = accepts[i]
            if vcs > 1:
                m.d.comb += accepts[i].turn.eq(phase)
            m.d.comb += [
                accepts[i].requests.eq(Cat(offers[j][i] for j in span)),
                accepts[i].advance.eq(accepts[i].grant.any()),
                self.pop_output[i].eq(accepts[i].grant),
                self.pop_vc[i].eq(Cat(
                    Cat(choices[j][v] & accepts[i].grant[j] for j in span).any()
                    for v in range(vcs))),
            ]
        return m
