"""One crossbar output: grants, credits, packet locks, what happens while it is down."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..counters import count
from .roundrobin import above, first_from, lowest_set, onehot_mux
from .status import OutputStatus


class OutputPort(wiring.Component):
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
    abort : Out(V)
        One-hot: an ABORT of this VC goes out instead of any flit.
    status : Out(OutputStatus)
    """

    def __init__(self, shape):
        self._shape = shape
        cfg, vcs, requesters = shape.cfg, shape.vcs, shape.requesters
        rounds = cfg.xbar.iterations
        index = max(cfg.derived.id_bits, (shape.slots - 1).bit_length())
        super().__init__({
            "wants": In(requesters).array(vcs), "more": In(requesters).array(vcs),
            **({"among": In(requesters).array(rounds - 1)} if rounds > 1 else {}),
            "offer": Out(requesters).array(rounds), "offer_vc": Out(vcs).array(rounds),
            "source": In(requesters), "source_vc": In(vcs), "first_round": In(1),
            "slot": In(range(shape.slots)), "turn": In(shape.stages),
            "index": In(index), "slot_en": In(1), "strict_en": In(1), "vc": In(vcs),
            "credit": In(vcs), "up": In(1), "clear": In(1),
            "draining": Out(1), "sends": Out(1), "abort": Out(vcs),
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

        # By what is so now, and by what it will be once the grant that waits is accepted.
        eligible = [Signal(requesters, name=f"eligible_{v}") for v in span]
        locks, readies = [], []
        rest, lost, lacking = Signal(vcs), Signal(vcs), Signal(vcs)
        can_abort, owe = Signal(vcs), Signal(vcs)
        chosen = [Signal(name=f"chosen_{v}") for v in span]
        masks = []
        for v in span:
            # Requesters that may send on this VC: all, or the one whose packet holds it.
            admits = Signal(requesters, init=-1, name=f"admits_{v}")
            goes_on = Signal(name=f"goes_on_{v}")
            funded, ready = Signal(name=f"funded_{v}", init=1), Signal(name=f"ready_{v}")
            m.d.comb += [
                chosen[v].eq(matched & self.source_vc[v]),
                goes_on.eq((self.more[v] & self.source).any()),
                lost[v].eq(self.draining | rest[v]),
                ready.eq(lost[v] | (funded & ~owe[v])),
                eligible[v].eq(self.wants[v] & admits & ready.replicate(requesters)),
                lacking[v].eq((self.wants[v] & admits).any() & ~lost[v] & ~funded & ~owe[v]),
                can_abort[v].eq(owe[v] & funded & ~self.draining),
            ]
            self._spend(m, v, funded, chosen[v] & ~lost[v])
            with m.If(chosen[v]):
                m.d.sync += [
                    admits.eq(Mux(goes_on, self.source, (1 << requesters) - 1)),
                    rest[v].eq(lost[v] & goes_on),
                ]
                # The lock is the taker's alone: the packet was begun; and none of it was lost yet.
                with m.If(~admits.all() & lost[v] & ~rest[v]):
                    m.d.sync += owe[v].eq(1)
            with m.If(self.abort[v]):
                m.d.sync += owe[v].eq(0)
            locks.append(admits)
            readies.append(ready)
            masks.append([Signal(requesters, init=-1, name=f"mask_{v}_{s}")
                          for s in range(shape.stages)])
        m.d.comb += [
            self.abort.eq(lowest_set(can_abort)),
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
        m.d.sync += [count(self.status.discards, matched & ~self.sends),
                     count(self.status.aborts, self.abort.any())]
        if shape.cfg.xbar.statistics:
            for v in span:
                m.d.sync += [
                    count(self.status.flits[v], chosen[v] & ~lost[v], clear=self.clear),
                    count(self.status.stalls[v], lacking[v], clear=self.clear),
                ]
        return m

    def _watch(self, m):
        hold = self._shape.cfg.xbar.hold_cycles
        down = Signal(range(hold))    # cycles that `up` has been 0, no more than matter
        with m.If(self.up):
            m.d.sync += [down.eq(0), self.draining.eq(0)]
        with m.Elif(down == hold - 1):
            m.d.sync += self.draining.eq(1)
        with m.Else():
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
        onward = Cat(now <= v for v in range(vcs))

        def pick(asked):
            urgent = asked & strict
            return Mux(urgent.any(), lowest_set(urgent), first_from(asked, onward))

        return pick

    def _spend(self, m, v, funded, spent):
        credits = self._shape.cfg.xbar.egress_depth
        credit = Signal(range(credits + 1), init=credits, name=f"credit_{v}")
        spends = spent | self.abort[v]
        # `spent` comes late in the cycle: both outcomes are at hand.
        m.d.sync += [
            credit.eq(Mux(spends, credit - 1 + self.credit[v], credit + self.credit[v])),
            funded.eq(Mux(spends, (credit > 1) | self.credit[v],
                          credit.any() | self.credit[v])),
        ]

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
        silent = (~self.abort.any()).replicate(self._shape.requesters)
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
            stands = (waits & eligible[v]).any() & waits_vc[v]
            goes_on = (waits & self.more[v]).any()
            m.d.comb += lock.eq(Mux(stands, waits | (~goes_on).replicate(requesters), locks[v]))
            requests.append(self.wants[v] & lock & readies[v].replicate(requesters))
        grant, vc = self._grant(m, requests, masks, order)
        m.d.sync += [waits.eq(grant), waits_vc.eq(vc), turn.eq(self.turn)]
        # What was granted in the cycle before may have gone.
        m.d.comb += [
            offer.eq(waits & onehot_mux(waits_vc, eligible)
                     & (~self.abort.any()).replicate(requesters)),
            self.offer_vc[0].eq(waits_vc),
        ]
        return turn
