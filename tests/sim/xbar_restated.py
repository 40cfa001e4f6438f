"""The crossbar's contract once more, in plain Python: slow, and close to the text."""

from collections import defaultdict, deque
from math import lcm
from types import SimpleNamespace

NONE, ABORT = 0, 3
NOTHING, ONE, ALL, SOURCE, DENIED = range(5)


def members(word):
    return {k for k in range(64) if word >> k & 1}


def crc8(bits, count=24):
    """x^8 + x^2 + x + 1, initial value 0, highest bit first."""
    state = 0
    for k in reversed(range(count)):
        state = state << 1 ^ (0x107 if (state >> 7 ^ bits >> k) & 1 else 0)
    return state & 0xFF


def upwards(items, start, count):
    """`items` of 0..count-1 from `start` upwards, cyclically."""
    return sorted(items, key=lambda item: (item - start) % count)


class Flit(SimpleNamespace):
    """`vc`, `first`, `end`, `src`, `dst`, `tag`, `payload`; in a set queue `set` and `sent`."""


class Restated:
    """docs/crossbar.md between sources and sinks; `shape` is a sim.xbar.Shape."""

    def __init__(self, shape, source_credits):
        self.shape, n = shape, shape
        self.I, self.O, self.V = range(n.inputs), range(n.outputs), range(n.vcs)
        self.S, self.R, self.fifo = n.stages, n.rounds, n.queues == "fifo"
        self.voq = not self.fifo
        sets = self.fifo or n.multicast
        inlets = [(i, v) for i in self.I for v in self.V]
        outlets = [(j, v) for j in self.O for v in self.V]
        # Tables.
        self.entry = {i: {} for i in self.I}
        self.default = dict.fromkeys(self.I, (NOTHING, set()))
        self.permit = {i: set(self.O) for i in self.I}
        self.schedule = {j: [k % n.vcs for k in range(4 * n.vcs)] for j in self.O}
        self.strict = {j: set() for j in self.O}
        # Inputs.
        self.open, self.bad, self.dropping = {}, set(), set()
        self.queue = {(i, v, j): deque() for i, v in inlets for j in self.O if self.voq}
        self.set_queue = {at: deque() for at in inlets if sets}
        self.left_at = {at: [] for at in inlets}
        # Matching.
        self.first_set = n.inputs if self.voq else 0
        self.Q = n.inputs * (2 if self.voq and sets else 1)
        self.C = n.vcs if self.fifo else n.outputs + n.vcs * sets
        self.cred, self.lock = dict.fromkeys(outlets, n.credits), dict.fromkeys(outlets)
        self.g, self.a, self.register = defaultdict(int), defaultdict(int), {}
        self.down = dict.fromkeys(self.O, 0)
        self.draining, self.rest, self.owe = set(), set(), set()
        self.owed = dict.fromkeys(inlets, 0)
        # Status.
        self.inputs = {name: [0] * n.inputs for name in
                       ("unknown", "breaches", "protocol_errors", "overflows")}
        self.outputs = {name: [0] * n.outputs for name in ("discards", "aborts")}
        self.refused = [(0, 0, 0, 0, 0)] * n.inputs
        self.clear()
        self.held = dict.fromkeys(inlets, source_credits)

    def clear(self):
        self.in_flits, self.peak = defaultdict(int), defaultdict(int)
        self.out_flits, self.stalls = defaultdict(int), defaultdict(int)

    def count(self, counters, name, port):
        counters[name][port] = min(counters[name][port] + 1, 2**16 - 1)

    # Tables.

    def write_table(self, op, inputs, index, value, ports):
        inputs, ports = members(inputs) & set(self.I), members(ports) & set(self.O)
        for i in inputs if op in (0, 1, 2) else ():
            if op == 0 and index < self.shape.destinations:
                self.entry[i][index] = value, ports
            elif op == 1:
                self.default[i] = value, ports
            elif op == 2:
                self.permit[i] = ports
        for j in ports if op in (3, 4) and value < self.shape.vcs else ():
            if op == 3 and index < 4 * self.shape.vcs:
                self.schedule[j][index] = value
            elif op == 4:
                (self.strict[j].add if index & 1 else self.strict[j].discard)(value)

    # Route.

    def kind(self, entry):
        kind, ports = entry
        off = (kind == ALL and not self.shape.multicast
               or kind == SOURCE and not self.shape.source_routing or kind > DENIED)
        return NOTHING if off else kind, ports

    def route(self, i, flit, entry):
        """(set or output or None, cause of refusal or breach)."""
        kind, ports = self.kind(entry)
        if kind == NOTHING:
            kind, ports = self.kind(self.default[i])
        if kind == NOTHING:
            return None, "unknown"
        if kind == DENIED:
            return None, "breaches"
        if kind == SOURCE:
            j = flit.payload & 0xFF
            if j not in self.O:
                return None, "unknown"
            return (j, None) if j in self.permit[i] else (None, "breaches")
        if not ports:
            return None, "unknown"
        allowed = ports & self.permit[i]
        if not allowed:
            return None, "breaches"
        if kind == ALL:
            return frozenset(allowed), "breaches" if allowed != ports else None
        some = sorted(allowed - self.draining or allowed)
        place = crc8(flit.src << 12 | flit.dst) * len(some) >> 8
        order = some[place:] + some[:place]
        if self.shape.ecmp == "lowest":
            return some[0], None
        if self.shape.ecmp == "occupancy":
            return min(order, key=lambda j: len(self.queue[i, flit.vc, j])), None
        return order[0], None

    # An input.

    def slots(self, at, cycle):
        """Flits that VC v of input i holds as visible in `cycle`."""
        count = sum(len(self.queue[*at, j]) for j in self.O if self.voq)
        count += len(self.set_queue.get(at, ()))
        # One that left at m counts until m+S-1; those of this cycle are still in their queue.
        return count + sum(m < cycle <= m + self.S - 1 for m in self.left_at[at])

    def classify(self, cycle, i, flit, route):
        """The queue that the flit joins, or None, and whether it is dropped with credit."""
        at, more = (i, flit.vc), flit.end == NONE
        if flit.vc not in self.V:
            self.count(self.inputs, "protocol_errors", i)
        elif self.slots(at, cycle) >= self.shape.depth:
            self.count(self.inputs, "overflows", i)
            if at in self.open:
                self.bad.add(at)
            elif flit.first:
                self.dropping = self.dropping | {at} if more else self.dropping - {at}
            elif not more:
                self.dropping.discard(at)
        elif at in self.open:
            way = self.open[at]
            if flit.first or at in self.bad:
                if flit.first:
                    self.count(self.inputs, "protocol_errors", i)
                flit.first, flit.end, flit.src, flit.dst = 0, ABORT, 0, 0
                del self.open[at]
                self.bad.discard(at)
                self.dropping = self.dropping | {at} if more else self.dropping - {at}
            elif not more:
                del self.open[at]
            return way, False
        elif flit.first:
            way, cause = route[:2]
            if cause:
                self.count(self.inputs, cause, i)
                self.refused[i] = 1, int(cause == "breaches"), flit.vc, flit.src, flit.dst
            if way is None:
                self.dropping = self.dropping | {at} if more else self.dropping - {at}
                return None, True
            if route[2]:
                flit.payload = flit.payload >> 8 | (flit.payload & 0xFF) << 56
            if more:
                self.open[at] = way
            self.dropping.discard(at)
            self.bad.discard(at)
            return way, False
        else:
            if at not in self.dropping:
                self.count(self.inputs, "protocol_errors", i)
            self.dropping = self.dropping | {at} if more else self.dropping - {at}
            return None, True
        return None, False

    # Matching.

    def input_of(self, q):
        return q - self.first_set if q >= self.first_set else q

    def queue_of(self, q, v, j):
        if q >= self.first_set:
            return self.set_queue[q - self.first_set, v]
        return self.queue[q, v, j]

    def want(self, flit):
        left = flit.set - flit.sent
        return {min(left)} if flit.first and flit.end == NONE else left

    def discarding(self, j, v):
        return j in self.draining or (j, v) in self.rest

    def has(self, q, v, j):
        """Condition 1."""
        queue = self.queue_of(q, v, j)
        return bool(queue) and (q < self.first_set or j in self.want(queue[0]))

    def open_to(self, j, v):
        """Condition 3."""
        return self.discarding(j, v) or (self.cred[j, v] > 0 and (j, v) not in self.owe)

    def eligible(self, q, v, j, lock):
        return self.has(q, v, j) and lock in (None, q) and self.open_to(j, v)

    def vcs(self, j, cycle):
        strict = self.strict[j]
        slot = self.schedule[j][cycle % len(self.schedule[j])]
        return sorted(strict) + [v for v in upwards(self.V, slot, len(self.V)) if v not in strict]

    def grants(self, cycle, outputs, inputs, waiting):
        """{j: (v, q)} by what is visible; `waiting` are those that count for the locks."""
        grants = {}
        for j in outputs:
            for v in self.vcs(j, cycle):
                lock = self.lock[j, v]
                if j in waiting and waiting[j][0] == v:
                    holder = waiting[j][1]
                    lock = holder if self.queue_of(holder, v, j)[0].end == NONE else None
                able = [q for q in range(self.Q)
                        if self.input_of(q) in inputs and self.eligible(q, v, j, lock)]
                if able:
                    grants[j] = v, upwards(able, self.g[j, v, cycle % self.S], self.Q)[0]
                    break
        return grants

    def accepts(self, grants, phase):
        """{i: (candidate, v, q, outputs)}."""
        offers = defaultdict(dict)
        for j, (v, q) in grants.items():
            i, candidate = self.input_of(q), j
            if q >= self.first_set:
                candidate = (len(self.O) if self.voq else 0) + v
            offers[i].setdefault(candidate, (v, q, []))[2].append(j)
        return {i: (c, *offer[c]) for i, offer in offers.items()
                for c in [upwards(offer, self.a[i, phase], self.C)[0]]}

    def match(self, cycle):
        """Matches (round, cycle of the grant, i, candidate, v, q, outputs), and the aborts (j, v);
        nothing changes but the register of the grants."""
        ready = {j: min(v for v in self.V if (j, v) in self.owe and self.cred[j, v] > 0)
                 for j in self.O if j not in self.draining
                 and any((j, v) in self.owe and self.cred[j, v] > 0 for v in self.V)}
        found, outputs, inputs = [], set(self.O) - set(ready), set(self.I)
        if self.S == 2:
            held = {j: (v, q) for j, (v, q) in self.register.items()
                    if j in outputs and self.eligible(q, v, j, self.lock[j, v])}
            self.register = self.grants(cycle, set(self.O), inputs, held)
            then = cycle - 1
            accepted = self.accepts(held, then % lcm(len(self.V), 2))
            return [(1, then, i, *rest) for i, rest in accepted.items()], ready
        for turn in range(1, self.R + 1):
            grants = self.grants(cycle, outputs, inputs, {})
            accepted = self.accepts(grants, cycle % len(self.V))
            found += [(turn, cycle, i, *rest) for i, rest in accepted.items()]
            inputs -= set(accepted)
            outputs -= {j for *_, sent in accepted.values() for j in sent}
        return found, ready

    def carry_out(self, cycle, turn, then, i, candidate, v, q, outputs, out):
        """What happens at the end of a match; whether a flit left."""
        queue = self.queue_of(q, v, outputs[0])
        flit = queue[0]
        more = flit.end == NONE
        for j in outputs:
            if self.discarding(j, v):
                self.count(self.outputs, "discards", j)
                if self.lock[j, v] == q and (j, v) not in self.rest:
                    self.owe.add((j, v))
                self.rest = self.rest | {(j, v)} if more else self.rest - {(j, v)}
            else:
                self.cred[j, v] -= 1
                self.out_flits[j, v] += 1
                out[cycle + 1 + self.S, j] = flit
            self.lock[j, v] = q if more else None
            if turn == 1:
                self.g[j, v, then % self.S] = (q + 1) % self.Q
        if turn == 1:
            turns = lcm(len(self.V), self.S)
            if more:
                for u in range(turns):
                    if (u - then) % len(self.V) == 0:
                        self.a[i, u] = candidate
            else:
                for u in range(turns):
                    if u == then % turns or self.a[i, u] == candidate:
                        self.a[i, u] = (candidate + 1) % self.C
        if q >= self.first_set:
            flit.sent = flit.sent | set(outputs)
            if flit.sent != flit.set:
                return False
        queue.popleft()
        return True

    def run(self, stimulus, cycles, writes=(), up=(), clear=(), holds=()):
        """(cycle, output, vc, first, end, src, dst, tag, payload) of all that is delivered."""
        left = [deque(Flit(at=f[0], vc=f[1], first=f[2], end=f[3], src=f[4], dst=f[5], tag=f[6],
                           payload=f[-1]) for f in flits) for flits in stimulus]
        writes, out, log = deque(writes), {}, []
        wire, routing, latched, back = {}, {}, {}, set()
        debt, levels = defaultdict(int), dict.fromkeys(self.O, 1)
        pulses, read = set(), {}
        self.stop_log, stopped = [], {}
        for cycle in range(cycles):
            levels.update({j: value for c, j, value in up if c == cycle})
            if cycle in clear:
                self.clear()
            for i in self.I:
                for v in self.V:
                    self.peak[i, v] = max(self.peak[i, v], self.slots((i, v), cycle))
                    if limit := self.shape.voq_limit:
                        stop = sum(1 << j for j in self.O if len(self.queue[i, v, j]) >= limit)
                        if stop != stopped.get((i, v), 0):
                            self.stop_log.append((cycle, i, v, stop))
                        stopped[i, v] = stop
            for j, v in self.cred:
                if (self.cred[j, v] == 0 and not self.discarding(j, v) and (j, v) not in self.owe
                        and any(self.has(q, v, j) and self.lock[j, v] in (None, q)
                                for q in range(self.Q))):
                    self.stalls[j, v] += 1
            # Routes, by what is visible, of the flits with `valid` in the cycle before.
            routed = {i: (flit, (*self.route(i, flit, read[i]),
                                 self.by_source(i, read[i]))
                          if flit.first and flit.vc in self.V else None)
                      for i, flit in routing.items()}
            written = routed if self.S == 1 else latched
            latched = routed
            # Writes, by what is visible.
            joins, given = [], defaultdict(int)
            for i, (flit, route) in written.items():
                way, credit = self.classify(cycle, i, flit, route)
                if way is not None:
                    joins.append((i, flit, way))
                    self.in_flits[i, flit.vc] += 1
                given[i, flit.vc] += credit
            # Matches, by what is visible, and then what they do.
            found, aborts = self.match(cycle)
            for match in found:
                if self.carry_out(cycle, *match, out):
                    given[match[2], match[4]] += 1
                    self.left_at[match[2], match[4]] = [cycle]
            for j, v in aborts.items():
                out[cycle + 1 + self.S, j] = Flit(vc=v, first=0, end=ABORT, src=0, dst=0, tag=0,
                                                  payload=0)
                self.cred[j, v] -= 1
                self.owe.discard((j, v))
                self.count(self.outputs, "aborts", j)
            for i, flit, way in joins:
                if isinstance(way, frozenset) or self.fifo:
                    flit.set = way if isinstance(way, frozenset) else frozenset({way})
                    flit.sent = frozenset()
                    self.set_queue[i, flit.vc].append(flit)
                else:
                    self.queue[i, flit.vc, way].append(flit)
            # Credits of the inputs.
            next_back = set()
            for at in self.owed:
                total = self.owed[at] + given[at]
                if total:
                    next_back.add(at)
                self.owed[at] = max(total - 1, 0)
            # Outputs: what their sinks return in this cycle counts from the next on.
            for at in pulses:
                self.cred[at] += 1
            for j in self.O:
                if flit := out.pop((cycle, j), None):
                    log.append((cycle, j, flit.vc, flit.first, flit.end, flit.src, flit.dst,
                                flit.tag, flit.payload))
                    debt[j, flit.vc] += 1
            pulses = {(j, v) for j, v in self.cred if debt[j, v] and not any(
                output == j and begin <= cycle + 1 < end for output, begin, end in holds)}
            for at in pulses:
                debt[at] -= 1
            # Outputs that are down.
            for j in self.O:
                self.down[j] = 0 if levels[j] else self.down[j] + 1
            self.draining = {j for j in self.O if self.down[j] >= self.shape.hold_cycles}
            # Flits with `valid` now: their entry is read from the table as it is now.
            routing, wire = wire, {}
            read = {i: self.entry[i].get(flit.dst, (NOTHING, set()))
                    for i, flit in routing.items()}
            if writes and cycle >= max(writes[0][0], self.shape.destinations):
                self.write_table(*writes.popleft()[1:])
            # Sources.
            for at in back:
                self.held[at] += 1
            for i, flits in enumerate(left):
                if flits and flits[0].at <= cycle + 1:
                    v = flits[0].vc
                    if v not in self.V or self.held[i, v]:
                        if v in self.V:
                            self.held[i, v] -= 1
                        wire[i] = flits.popleft()
            back = next_back
        return log

    def by_source(self, i, entry):
        """Whether the entry that holds is of kind SOURCE."""
        kind, _ = self.kind(entry)
        return (kind or self.kind(self.default[i])[0]) == SOURCE
