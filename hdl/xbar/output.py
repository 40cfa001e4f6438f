"""One crossbar output: grants, credits, packet locks, what happens while it is down."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..counters import count, later
from .roundrobin import above, first_from, lowest_set, onehot_mux
from .status import OutputStatus


class OutputPort(Component):
    """Grants in each cycle; S-1 cycles later learns whom of them an input accepted.

    Attributes
    ----------
    wants : In(Q), [V]
        Requesters with a flit of the VC for this output.
    more : In(Q), [V]
        Its packet goes on.
    among : In(Q), [R-1]
        Requesters that round 2.. may grant: those not matched yet; none once the output is.
    offer, offer_vc : Out(Q), Out(V), [R]
        Grant of each round, one-hot, as it may be accepted in this cycle.
    source : In(Q)
        One-hot: whose flit the output takes.
    source_vc : In(V)
        One-hot: its VC.
    first_round : In(1)
        It was matched in round 1.
    slot : In
        m mod L.
    turn : In(S)
        One-hot: m mod S.
    index, slot_en, strict_en, vc
        Writes of the schedule, as :class:`.tables.Tables`, enables for this output.
    credit : In(V)
    up, clear : In(1)
    draining : Out(1)
    sends : Out(1)
        The flit taken goes out, and is not discarded.
    aborting : Out(V)
        One-hot: an ABORT of this VC goes out instead of any flit.
    status : Out(OutputStatus)
    """

    def __init__(self, shape):
        self._shape = shape
        cfg, vcs, requesters = shape.cfg, shape.vcs, shape.requesters
        rounds = cfg.xbar.iterations
        super().__init__({
            "wants": In(requesters).array(vcs), "more": In(requesters).array(vcs),
            **({"among": In(requesters).array(rounds - 1)} if rounds > 1 else {}),
            "offer": Out(requesters).array(rounds), "offer_vc": Out(vcs).array(rounds),
            "source": In(requesters), "source_vc": In(vcs), "first_round": In(1),
            "slot": In(range(shape.slots)), "turn": In(shape.stages),
            "index": In(shape.index_bits), "slot_en": In(1), "strict_en": In(1), "vc": In(vcs),
            "credit": In(vcs), "up": In(1), "clear": In(1),
            "draining": Out(1), "sends": Out(1), "aborting": Out(vcs),
            "status": Out(OutputStatus(cfg)),
        })

    def elaborate(self, platform):
        m = Module()
        shape, vcs = self._shape, self._shape.vcs
        requesters, span = shape.requesters, range(shape.vcs)
        matched = Signal()
        m.d.comb += matched.eq(self.source.any())
        self._watch(m)
        order = self._order(m)

        eligible = [Signal(requesters, name=f"eligible_{v}") for v in span]
        can_abort, lost = Signal(vcs), Signal(vcs)
        chosen = [Signal(name=f"chosen_{v}") for v in span]
        masks, locks, readies, lacking = [], [], [], []
        for v in span:
            # Requesters that may send on this VC: all, or the one whose packet holds it.
            admits = Signal(requesters, init=-1, name=f"admits_{v}")
            goes_on = Signal(name=f"goes_on_{v}")
            m.d.comb += [
                chosen[v].eq(matched & self.source_vc[v]),
                goes_on.eq((self.more[v] & self.source).any()),
            ]
            with m.If(chosen[v]):
                m.d.sync += admits.eq(self.source | (~goes_on).replicate(requesters))
            ready, lacks = self._account(m, v, chosen[v], goes_on, ~admits.all(), lost[v],
                                         can_abort[v])
            m.d.comb += eligible[v].eq(self.wants[v] & admits & ready.replicate(requesters))
            locks.append(admits)
            readies.append(ready)
            lacking.append((self.wants[v] & admits).any() & lacks)
            masks.append([Signal(requesters, init=-1, name=f"mask_{v}_{s}")
                          for s in range(shape.stages)])
        m.d.comb += [
            self.aborting.eq(lowest_set(can_abort)),
            self.sends.eq(matched & ~(self.source_vc & lost).any()),
        ]

        if shape.stages == 1:
            self._offer(m, eligible, masks, order)
            turn = self.turn
        else:
            turn = self._offer_later(m, eligible, locks, readies, masks, order)
        for v in span:
            for s in range(shape.stages):
                with m.If(chosen[v] & self.first_round & turn[s]):
                    m.d.sync += masks[v][s].eq(above(self.source))
        # Events come late in their cycle, and are counted in the next one.
        tally = {"discards": matched & ~self.sends, "aborts": self.aborting.any()}
        m.d.sync += [count(self.status[name], later(m, event)) for name, event in tally.items()]
        if shape.cfg.xbar.statistics:
            clear = later(m, self.clear)
            for v in span:
                sent, lacks = later(m, chosen[v] & ~lost[v]), later(m, lacking[v])
                m.d.sync += [count(self.status.flits[v], sent, clear=clear),
                             count(self.status.stalls[v], lacks, clear=clear)]
        return m

    def _watch(self, m):
        hold = self._shape.cfg.xbar.hold_cycles
        down = Signal(range(hold))    # cycles that `up` has been 0, no more than matter
        self._drains = Signal()       # `draining` in the next cycle
        m.d.comb += self._drains.eq(~self.up & (down == hold - 1))
        m.d.sync += self.draining.eq(self._drains)
        with m.If(self.up):
            m.d.sync += down.eq(0)
        with m.Elif(~self._drains):
            m.d.sync += down.eq(down + 1)

    def _order(self, m):
        """Function that picks a VC, one-hot, of those that are asked for."""
        shape, vcs = self._shape, self._shape.vcs
        if vcs == 1:
            return lambda asked: asked
        strict = Signal(vcs)
        now = Signal(range(vcs))
        schedule = [Signal(range(vcs), init=k % vcs, name=f"schedule_{k}")
                    for k in range(shape.slots)]
        number = sum((Mux(self.vc[v], v, 0) for v in range(vcs)), Const(0))
        for k, entry in enumerate(schedule):
            with m.If(self.slot_en & self.vc.any() & (self.index == k)):
                m.d.sync += entry.eq(number)
            with m.If(self.slot == k):
                m.d.comb += now.eq(entry)
        with m.If(self.strict_en):
            m.d.sync += strict.eq(Mux(self.index[0], strict | self.vc, strict & ~self.vc))
        onward = Cat(*(now <= v for v in range(vcs - 1)), Const(1, 1))

        def pick(asked):
            urgent = asked & strict
            return Mux(urgent.any(), lowest_set(urgent), first_from(asked, onward))

        return pick

    def _account(self, m, v, chosen, goes_on, locked, lost, can_abort):
        """Credits of a VC, and what it lost; whether it may send, and whether a credit lacks.

        `chosen` and `goes_on` come late in the cycle: what follows from either is at hand.
        """
        credits = self._shape.cfg.xbar.egress_depth
        credit = Signal(range(credits + 1), init=credits, name=f"credit_{v}")
        funded, owe, rest = (Signal(name=f"funded_{v}", init=1), Signal(name=f"owe_{v}"),
                             Signal(name=f"rest_{v}"))
        ready = Signal(name=f"ready_{v}", init=1)
        spends, abort, gets = Signal(name=f"spends_{v}"), self.aborting[v], self.credit[v]
        drains, begins_debt = self._drains, Signal(name=f"begins_debt_{v}")
        stays, spent = Signal(name=f"stays_{v}"), Signal(name=f"spent_{v}")
        m.d.comb += [
            lost.eq(self.draining | rest),
            spends.eq((chosen & ~lost) | abort),
            # Of a packet that was begun, the first flit that is lost.
            begins_debt.eq(locked & lost & ~rest),
            stays.eq(credit.any() | gets), spent.eq((credit > 1) | gets),
        ]
        m.d.sync += [
            credit.eq(Mux(spends, credit - 1 + gets, credit + gets)),
            funded.eq(Mux(spends, spent, stays)),
            ready.eq(drains | Mux(
                chosen, (lost & (goes_on | (stays & ~owe & ~begins_debt))) | (~lost & spent & ~owe),
                rest | Mux(abort, spent, stays & ~owe))),
        ]
        m.d.sync += [
            owe.eq(Mux(chosen, owe | begins_debt, owe & ~abort)),
            # owe and funded and not draining, in the next cycle
            can_abort.eq(~drains & Mux(chosen, (owe | begins_debt) & Mux(lost, stays, spent),
                                       owe & ~abort & stays)),
        ]
        with m.If(chosen):
            m.d.sync += rest.eq(lost & goes_on)
        return ready, ~lost & ~funded & ~owe

    def _grant(self, m, requests, masks, order, r=0):
        """One-hot: the requester, and the VC."""
        asked = Signal(self._shape.vcs, name=f"asked_{r}")
        vc, grant = Signal.like(asked, name=f"vc_{r}"), Signal.like(self.source, name=f"grant_{r}")
        grants = [first_from(request, onehot_mux(self.turn, mask))
                  for request, mask in zip(requests, masks, strict=True)]
        m.d.comb += [asked.eq(Cat(request.any() for request in requests)), vc.eq(order(asked)),
                     grant.eq(onehot_mux(vc, grants))]
        return grant, vc

    def _offer(self, m, eligible, masks, order):
        """Grants of all rounds, to be accepted in this cycle."""
        silent = (~self.aborting.any()).replicate(self._shape.requesters)
        for r, (offer, offer_vc) in enumerate(zip(self.offer, self.offer_vc, strict=True)):
            requests = [now & self.among[r - 1] if r else now for now in eligible]
            grant, vc = self._grant(m, requests, masks, order, r)
            m.d.comb += [offer.eq(grant & silent), offer_vc.eq(vc)]

    def _offer_later(self, m, eligible, locks, readies, masks, order):
        """Grants to be accepted in the next cycle; the turn of those of the last one."""
        shape = self._shape
        requesters = shape.requesters
        waits, waits_vc = Signal(requesters), Signal(shape.vcs)
        offer, turn = self.offer[0], Signal(shape.stages, init=1 << shape.stages - 1)
        requests = []
        for v in range(shape.vcs):
            lock = Signal(requesters, name=f"lock_{v}")
            stands = offer.any() & waits_vc[v]
            goes_on = (waits & self.more[v]).any()
            m.d.comb += lock.eq(Mux(stands, waits | (~goes_on).replicate(requesters), locks[v]))
            requests.append(self.wants[v] & lock & readies[v].replicate(requesters))
        grant, vc = self._grant(m, requests, masks, order)
        m.d.sync += [waits.eq(grant), waits_vc.eq(vc), turn.eq(self.turn)]
        # What was granted in the cycle before may have gone.
        m.d.comb += [
            offer.eq(waits & onehot_mux(waits_vc, eligible)
                     & (~self.aborting.any()).replicate(requesters)),
            self.offer_vc[0].eq(waits_vc),
        ]
        return turn
