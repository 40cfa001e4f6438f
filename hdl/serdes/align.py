"""Alignment of the lanes of a port by their markers (docs/serdes.md, Alignment)."""

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..component import Component
from .deskew import DeskewBlock
from .types import Kind, MarkerFields

MOST_WRONG = 4


class Hunt(Component):
    """Finds the members: the wires whose markers name the same live set, and each lane in it.

    Attributes
    ----------
    en : In(1)
        No member has been found yet.
    ready, heads : In
        Wire p has its marker at its head.
    emptied : In(1)
        A head of this cycle is not to be counted on.
    found : Out(1)
        The heads of the last cycle have all members. What follows belongs to it.
    live : Out(lanes)
        The set that they name.
    chosen : Out
        Bit p of element r: wire p is a member, and the r-th in a row.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "en": In(1), "ready": In(lanes), "heads": In(data.ArrayLayout(DeskewBlock, lanes)),
            "emptied": In(1), "found": Out(1), "live": Out(lanes),
            "chosen": Out(data.ArrayLayout(lanes, lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._cfg.serdes.lanes
        numbers = range(lanes)
        has, live, absent = Signal(lanes), Signal(lanes), Signal()
        marker = [MarkerFields(self.heads[p].data) for p in numbers]
        first = Const(0, 16)
        for p in reversed(numbers):
            first = Mux(self.ready[p], marker[p].live, first)
        m.d.sync += [live.eq(first), absent.eq(first[lanes:].any()),
                     has.eq(Mux(self.en & ~self.emptied, self.ready, 0))]

        below = Array(sum((live[other] for other in range(q)), Const(0)) for q in numbers)
        member, rank = Signal(lanes), []
        covered = Const(0, lanes)
        for p in numbers:
            number = Signal(range(max(2, lanes)), name=f"number_{p}")
            fits = Signal(name=f"fits_{p}")
            at = Signal(lanes, name=f"at_{p}")      # its number, one-hot
            rank.append(place := Signal(range(max(2, lanes)), name=f"rank_{p}"))
            m.d.sync += [
                number.eq(marker[p].lane),
                fits.eq((marker[p].lane < lanes) & (marker[p].live == first)),
            ]
            m.d.comb += [
                at.eq(Cat(number == q for q in numbers)), place.eq(below[number]),
                member[p].eq(has[p] & fits & (at & live).any()),
            ]
            covered = covered | Mux(member[p], at, 0)
        size = range(lanes + 1)
        members, wanted = Signal(size), Signal(size)
        m.d.comb += [
            members.eq(sum(member[p] for p in numbers)), wanted.eq(sum(live[p] for p in numbers)),
            self.found.eq(self.en & ~self.emptied & live.any() & ~absent & (covered == live)
                          & (members == wanted)),
            self.live.eq(live),
        ]
        m.d.comb += [self.chosen[r][p].eq(member[p] & (rank[p] == r))
                     for r in numbers for p in numbers]
        return m


class Aligner(Component):
    """Reads rows, counts off the marker rows, starts over when they are wrong.

    Attributes
    ----------
    entries, own, other : In, Out(lanes), Out(lanes)
        What comes on wire p, and what that is (:class:`DeskewBlock`).
    ready, heads, two : In
        Wire p has a block to read; it has another.
    overflow, spoil : In(lanes)
        Of each wire: its FIFO has no room; it carries no blocks now.
    emptied : In(1)
        One of the FIFOs is.
    room : In(1)
        A row can be taken.
    hunt : Out(1)
        Nothing is read, markers are waited for.
    read, clear : Out(lanes)
        To the FIFOs.
    skip : Out(1)
        Two rows are read, of the payload rows before the port is aligned: what has come in while
        the members were found does not stay in the FIFOs.
    chosen : Out
        As of :class:`Hunt`, for the row that is read.
    give, mark : Out(1)
        A payload row, or a right marker row, goes on; it is not idle.
    first : Out(1)
        The marker row that aligned the port.
    aligned, lost : Out(1)
        The port is aligned; a pulse when it no longer is.
    live, members, n : Out
        Lanes at the partner and wires here that carry data, their number; valid when aligned.
    """

    def __init__(self, cfg):
        self._cfg = cfg
        lanes = cfg.serdes.lanes
        super().__init__({
            "entries": In(data.ArrayLayout(DeskewBlock, lanes)),
            "own": Out(lanes), "other": Out(lanes),
            "ready": In(lanes), "heads": In(data.ArrayLayout(DeskewBlock, lanes)),
            "two": In(lanes), "skip": Out(1),
            "overflow": In(lanes), "spoil": In(lanes), "emptied": In(1), "room": In(1),
            "hunt": Out(1, init=1), "read": Out(lanes), "clear": Out(lanes),
            "chosen": Out(data.ArrayLayout(lanes, lanes)),
            "give": Out(1), "mark": Out(1), "first": Out(1),
            "aligned": Out(1), "lost": Out(1), "live": Out(lanes), "members": Out(lanes),
            "n": Out(range(lanes + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, period = self._cfg.serdes.lanes, self._cfg.serdes.marker_period
        m.submodules.find = find = Hunt(self._cfg)
        found_members = Signal(lanes)
        m.d.comb += [
            find.en.eq(self.hunt), find.ready.eq(self.ready), find.heads.eq(self.heads),
            find.emptied.eq(self.emptied),
            found_members.eq(Cat(Cat(find.chosen[r][p] for r in range(lanes)).any()
                                 for p in range(lanes))),
        ]
        numbers = data.ArrayLayout(8, lanes)
        number = Signal(numbers)
        with m.If(find.found):
            m.d.sync += [self.hunt.eq(0), self.live.eq(find.live), self.chosen.eq(find.chosen),
                         self.members.eq(found_members),
                         self.n.eq(sum(find.live[lane] for lane in range(lanes)))]
            m.d.sync += [number[p].eq(self.heads[p].data[8:16]) for p in range(lanes)]

        at_marker = Signal(init=1)
        rows = Signal(range(period))    # payload rows to come before the next marker row, less one
        once = Signal()                 # the first marker row was read
        misses = Signal(range(MOST_WRONG))
        others = ~self.members
        own, other, idle = Signal(lanes), Signal(lanes), Signal(lanes)
        for p in range(lanes):
            entry, head = self.entries[p], self.heads[p]
            fields = MarkerFields(entry.data)
            named, same = Signal(name=f"named_{p}"), Signal(name=f"same_{p}")
            # Judged on the way into the FIFO: what is there before the members are known ends
            # with the first marker row, since no FIFO holds a period.
            m.d.comb += [
                named.eq((entry.kind == Kind.MARKER) & (fields.lane == number[p])),
                same.eq(fields.live == self.live),
                self.own[p].eq(named & same), self.other[p].eq(named & ~same),
                own[p].eq(head.own | ~once), other[p].eq(head.other),
                idle[p].eq(head.kind == Kind.IDLE),
            ]
        row, right, wrong, over = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            row.eq(~self.hunt & (self.ready | others).all() & self.room),
            self.skip.eq(row & ~at_marker & ~self.aligned & (rows != 0)
                         & (self.two | others).all()),
            right.eq(row & at_marker & (own | others).all()),
            wrong.eq(row & at_marker & ~(own | others).all()),
            self.first.eq(right & once & ~self.aligned),
            self.give.eq(row & ~at_marker & self.aligned & ~(idle & self.members).any()),
            self.mark.eq(right & once),
            over.eq(~self.hunt & (
                ((self.overflow | self.spoil) & self.members).any()
                | (wrong & (~self.aligned | (misses == MOST_WRONG - 1)
                            | (other | others).all())))),
            self.lost.eq(self.aligned & over),
            self.read.eq(Mux(row, self.members, 0)),
            self.clear.eq(Mux(over, 2**lanes - 1, Mux(self.hunt, 0, others))),
        ]
        with m.If(over):
            m.d.sync += [self.hunt.eq(1), at_marker.eq(1), once.eq(0), misses.eq(0),
                         self.aligned.eq(0)]
        with m.Else():
            with m.If(row):
                m.d.sync += [rows.eq(Mux(at_marker, period - 1, rows - 1 - self.skip)),
                             at_marker.eq(~at_marker & (rows == self.skip))]
            with m.If(right):
                m.d.sync += [once.eq(1), self.aligned.eq(once), misses.eq(0)]
            with m.Elif(wrong):
                m.d.sync += misses.eq(misses + 1)
        return m
