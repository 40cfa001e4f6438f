"""Two models of link ends, bit-exact frames and all, joined by adapters restated for a row a beat,
or rows that are part of a beat or hold whole beats, and by lines that make given errors."""

from collections import deque

from lightloom.sim.flits import FULL, NONE
from lightloom.sim.link.end import Beat, EndModel, Flit, Inputs

CONTROL_TYPES = {0x1E, 0x87, 0xFF, 0x55, 0x78}


class Line:
    """Adapters and fibre of one direction (docs/serdes.md); `errors`: {row: [(place, bit)]}."""

    def __init__(self, cfg, errors=None, live=None):
        self._blocks, self._bits = cfg.derived.blocks, cfg.serdes.word_bits
        self._lanes, self._flight = live or cfg.serdes.lanes, cfg.derived.fibre_cycles
        self._period, self._errors = cfg.serdes.marker_period + 1, errors or {}
        self._held, self._beats = deque(), {}      # blocks (beat, block); beats not yet complete
        self._written, self._read, self._row, self._count = [], [], -1, 0
        self.rows = []
        self._out = deque()

    def takes(self, cycle):
        room = sum(r > cycle - 3 for r in self._read[-12:]) < 8
        held = len(self._held)
        return held < self._lanes and (room or held + self._blocks < self._lanes)

    def step(self, cycle, beat):
        """`beat` was taken in the cycle, or is None."""
        room = sum(r > cycle - 3 for r in self._read[-12:]) < 8
        level = sum(w <= cycle - 2 and r > cycle - 5
                    for w, r in zip(self._written[-12:], self._read[-12:], strict=True))
        if beat is not None:
            self._beats[self._count] = [beat.payload, beat.ctrl, 0]
            self._held += [(self._count, block) for block in range(self._blocks)]
            self._count += 1
        full = len(self._held) >= self._lanes
        if room and (full or self._held and beat is None and level < 2):
            self._write(cycle)

    def _write(self, cycle):
        row = max((cycle + 1) * self._bits // 66, self._row + 1)
        while row % self._period == 0 or 2 + 66 * row // self._bits < cycle + 3:
            row += 1
        self._row = row
        self._written.append(cycle)
        self._read.append(2 + 66 * row // self._bits)
        filled = [self._held.popleft() for _ in range(min(self._lanes, len(self._held)))]
        self.rows.append((row, len(filled)))
        for place, bit in self._errors.get(row, ()):
            self._spoil(filled, place, [bit - 2] if bit >= 2 else [], bit < 2)
        for place, bit in self._errors.get(row - 1, ()):
            if bit >= 2:
                self._spoil(filled, place, [bit - 66], False)
        out, place = 4 + (66 * row + 65) // self._bits + self._flight + 6, 0
        for beat, block in filled:
            if block == self._blocks - 1:
                self._out.append((out + place, Beat(*self._beats.pop(beat))))
                place += 1

    def _spoil(self, filled, place, bits, header):
        """Wrong bits of the payload, by the bit of the block where the line's error is: it may
        be in the block before."""
        if place >= len(filled):
            return
        beat, block = filled[place]
        own = self._beats[beat]
        if header:
            own[2] |= 1 << block
        for bit in bits:
            for at in (bit, bit + 39, bit + 58):
                if 0 <= at < 64:
                    own[0] ^= 1 << 64 * block + at
                    # A type that does not exist.
                    if block == 0 and own[1] and at < 8:
                        own[2] |= 1

    def take(self, cycle):
        if self._out and self._out[0][0] == cycle:
            return self._out.popleft()[1]
        return None


def run_exact(cfg, streams, cycles, *, errors=({}, {}), dark=((0, 0), (0, 0)), live=(None, None)):
    """As :func:`lightloom.sim.link.run_link`: the cycles and flits that each end delivers; the
    ends' status; rows that each wrote, each with the blocks in it."""
    ends = [EndModel(cfg) for _ in range(2)]
    lines = [Line(cfg, errors[end], live[end]) for end in range(2)]    # from each end
    credits = [[cfg.xbar.egress_depth] * cfg.chiplet.vcs for _ in range(2)]
    sent, flit, credit = [0, 0], [None, None], [0, 0]
    wires = tuple((1, 1, 1, lane, 0) for lane in range(cfg.serdes.lanes))
    delivered, back, status = [[], []], [deque(), deque()], [None, None]
    for cycle in range(cycles):
        for end, model in enumerate(ends):
            lit = not dark[end][0] <= cycle < dark[end][1]
            beat, offered = lines[1 - end].take(cycle), model.beat
            ready = lines[end].takes(cycle)
            out = model.step(Inputs(flit[end], credit[end], int(ready), beat if lit else None,
                                    int(lit), wires))
            status[end] = out.status
            lines[end].step(cycle, offered if ready else None)
            for vc in range(cfg.chiplet.vcs):
                credits[end][vc] += out.credit >> vc & 1
            flit[end], credit[end] = None, 0
            stream, at = streams[end], sent[end]
            if at < len(stream) and stream[at][0] <= cycle + 1 and credits[end][stream[at][1]]:
                _, vc, first, last, src, dst, tag = stream[at]
                flit[end] = Flit(vc, first, last, src, dst, tag)
                credits[end][vc] -= 1
                sent[end] += 1
            if out.flit is not None:
                delivered[end].append((cycle, *out.flit))
                credit[end] = 1 << out.flit.vc
    assert all(last in (NONE, FULL) for stream in streams for _, _, _, last, *_ in stream)
    return delivered, status, [line.rows for line in lines]
