"""The crossbar's contract once more, in plain Python: slow, and close to the text."""

from collections import deque

ABORT = 3


class Restated:
    """docs/crossbar.md with sources and sinks, one dict entry for each register."""

    def __init__(self, ports, vcs, depth, credits, routes, source_credits):
        self.P, self.V, self.D, self.routes = ports, vcs, depth, routes
        pairs = [(p, v) for p in range(ports) for v in range(vcs)]
        self.open, self.bad, self.dropping = {}, dict.fromkeys(pairs), dict.fromkeys(pairs)
        self.queue = {(i, v, j): deque() for i, v in pairs for j in range(ports)}
        self.cred, self.lock = dict.fromkeys(pairs, credits), dict.fromkeys(pairs)
        self.owed = dict.fromkeys(pairs, 0)
        self.g, self.a = dict.fromkeys(pairs, 0), dict.fromkeys(pairs, 0)
        self.counters = [[0, 0, 0] for _ in range(ports)]
        self.held = dict.fromkeys(pairs, source_credits)

    def eligible(self, i, v, j):
        return (self.queue[i, v, j] and self.cred[j, v] > 0 and self.lock[j, v] in (None, i))

    def match(self, phase):
        cyclic = lambda start, count: [(start + k) % count for k in range(count)]
        grants = {}
        for j in range(self.P):
            for v in cyclic(phase, self.V):
                if any(self.eligible(i, v, j) for i in range(self.P)):
                    i = next(i for i in cyclic(self.g[j, v], self.P) if self.eligible(i, v, j))
                    grants.setdefault(i, {})[j] = v
                    break
        pairs = []
        for i, vc_of in grants.items():
            j = next(j for j in cyclic(self.a[i, phase], self.P) if j in vc_of)
            pairs.append((i, j, vc_of[j]))
        return pairs

    def classify(self, i, flit, held):
        """(queue or None, flit queued, credit)."""
        v, first, end, src, dst, tag = flit
        if v >= self.V:
            self.counters[i][1] += 1
            return None, None, False
        at, more = (i, v), end == 0
        if held[at] == self.D:
            self.counters[i][2] += 1
            if at in self.open:
                self.bad[at] = True
            elif first:
                self.dropping[at] = more
            elif not more:
                self.dropping[at] = False
            return None, None, False
        if at in self.open:
            j = self.open[at]
            if first or self.bad[at]:
                self.counters[i][1] += first
                del self.open[at]
                self.bad[at], self.dropping[at] = False, more
                return j, (v, 0, ABORT, 0, 0, tag), False
            if not more:
                del self.open[at]
            return j, flit, False
        if first:
            valid, port, spread = self.routes[dst] if dst < len(self.routes) else (0, 0, 0)
            j = port + (src & spread)
            if valid and j < self.P:
                if more:
                    self.open[at] = j
                self.dropping[at] = self.bad[at] = False
                return j, flit, False
            self.counters[i][0] += 1
        else:
            self.counters[i][1] += not self.dropping[at]
        self.dropping[at] = more
        return None, None, True

    def run(self, stimulus, cycles):
        """(cycle, output, vc, first, end, src, dst, tag) of all that is delivered."""
        left = [deque(flits) for flits in stimulus]
        out, log = {}, []
        wire, register, back, sink = {}, {}, set(), set()
        for cycle in range(cycles):
            next_back = set()
            held = {(i, v): sum(len(self.queue[i, v, j]) for j in range(self.P))
                    for i, v in self.owed}
            pairs = self.match(cycle % self.V)
            given = dict.fromkeys(self.owed, 0)
            for i, j, v in pairs:
                flit = self.queue[i, v, j].popleft()
                out[cycle + 2, j] = flit
                self.g[j, v], self.a[i, cycle % self.V] = (i + 1) % self.P, (j + 1) % self.P
                self.cred[j, v] -= 1
                self.lock[j, v] = i if flit[2] == 0 else None
                given[i, v] += 1
            for i, flit in register.items():
                j, queued, credit = self.classify(i, flit, held)
                if j is not None:
                    self.queue[i, flit[0], j].append(queued)
                if credit:
                    given[i, flit[0]] += 1
            for at, count in given.items():
                total = self.owed[at] + count
                if total:
                    next_back.add(at)
                self.owed[at] = max(total - 1, 0)
            for at in sink:
                self.cred[at] += 1
            sink = set()
            for j in range(self.P):
                if flit := out.pop((cycle, j), None):
                    log.append((cycle, j, *flit))
                    sink.add((j, flit[0]))
            register, wire = wire, {}
            for at in back:
                self.held[at] += 1
            for i, flits in enumerate(left):
                if flits and flits[0][0] <= cycle + 1:
                    v = flits[0][1]
                    if v >= self.V or self.held[i, v]:
                        if v < self.V:
                            self.held[i, v] -= 1
                        wire[i] = flits.popleft()[1:]
            back = next_back
        return log
