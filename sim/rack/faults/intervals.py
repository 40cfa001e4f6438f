"""Light of each lane of each direction over time, and what the link makes of it."""

from __future__ import annotations

import numpy as np

from .times import Times, flights

NEVER = np.iinfo(np.int64).max
APART = 16
"""Cycles between two outages of a direction, at least: what is nearer is one."""


class Directions:
    """Directions by the link end at which they arrive; cycles as seen by the sender."""

    def __init__(self, cfg, topology):
        self._cfg, self._times = cfg, Times.of(cfg)
        self._flight = flights(cfg, topology)
        self._lights, self._errors = {}, {}

    @property
    def ends(self) -> set[int]:
        """Those with faults."""
        return {*self._lights, *self._errors}

    def lights(self, ends, lanes, times) -> None:
        """Lanes without light in each of some [begin, end)."""
        for end in ends:
            for lane in lanes:
                self._lights.setdefault(end, {}).setdefault(lane, []).extend(times)

    def errors(self, ends, lanes, ber, begin, until) -> None:
        """Lanes with a bit error rate."""
        for end in ends:
            self._errors.setdefault(end, []).append((begin, until, tuple(lanes), ber))

    def events(self) -> list:
        """(cycle, what, arguments): `dark` (end, until), `lanes` (end, count), `ber` (end,
        rates)."""
        out = []
        for end in self._lights:
            darks, lanes = self._of(end)
            out += [(begin, "dark", (end, until)) for begin, until in darks]
            out += [(cycle, "lanes", (end, count)) for cycle, count in lanes]
        for end, spans in self._errors.items():
            for cycle in sorted({at for begin, until, *_ in spans for at in (begin, until)}):
                if cycle < NEVER:
                    rates = np.zeros(self._cfg.serdes.lanes)
                    for begin, until, lanes, ber in spans:
                        if begin <= cycle < until:
                            rates[list(lanes)] = np.maximum(rates[list(lanes)], ber)
                    out.append((cycle, "ber", (end, rates)))
        return out

    def outages(self, end) -> list[tuple[int, int]]:
        """When a direction's receiver is not aligned: [begin, until)."""
        return self._of(end)[0] if end in self._lights else []

    def changes(self) -> list[tuple[int, int]]:
        """(cycle, end) of each time that a direction is lost for long, or is back."""
        return [(cycle, end) for end in self._lights for begin, until in self.outages(end)
                for cycle in (begin, until) if cycle < NEVER and until - begin > self._times.search]

    def down_at(self, cycle, late) -> frozenset[int]:
        """Directions that are lost in `cycle` and stay so for `late` cycles."""
        return frozenset(end for end in self._lights for begin, until in self.outages(end)
                         if begin <= cycle and until > cycle + late)

    def _of(self, end):
        """Outages and changes of the number of lanes of a direction."""
        most, flight, times = self._cfg.serdes.lanes, int(self._flight[end]), self._times
        spans = {lane: _merged(spans, 1) for lane, spans in self._lights[end].items()}
        # Some lane always has light, or the link has none and waits.
        whole = _common(list(spans.values())) if len(spans) == most else []
        darks = [(begin + flight, NEVER if until == NEVER else
                  times.after_light(until, until - begin, flight)) for begin, until in whole]
        moves = []                 # (cycle, lane, whether it is out)
        for lane, own in spans.items():
            back = 0
            for begin, until in _without(own, whole):
                if begin < back:
                    # Still out: what comes back is tried after the last of them.
                    moves.pop()
                    darks.pop()
                else:
                    out, aligned = times.after_death(begin, flight)
                    moves.append((out, lane, True))
                    darks.append((begin + flight, aligned))
                if until == NEVER:
                    break
                trials = sum(which == lane and not out for _, which, out in moves)
                back, seen, aligned = times.after_return(until, flight, trials)
                moves.append((back, lane, False))
                darks.append((seen, aligned))
        lanes, off = [], set()
        for cycle, lane, out in sorted(moves):
            (off.add if out else off.discard)(lane)
            lanes.append((cycle, max(1, most - len(off))))
        return _merged(darks, APART), lanes


def _merged(spans, apart):
    """Ascending, those that are less than so far apart joined."""
    out = []
    for begin, until in sorted(spans):
        if out and begin < out[-1][1] + apart:
            out[-1] = (out[-1][0], max(out[-1][1], until))
        else:
            out.append((begin, until))
    return out


def _common(lists):
    """What is in a span of each list."""
    out = lists[0]
    for spans in lists[1:]:
        out = [(max(a, c), min(b, d)) for a, b in out for c, d in spans if max(a, c) < min(b, d)]
    return out


def _without(spans, others):
    """Spans of which none of `others` is a part."""
    return [(a, b) for a, b in spans if not any(a <= c and d <= b for c, d in others)]
