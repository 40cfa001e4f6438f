"""Reed-Solomon decoder of a lane, with codeword sync."""

from amaranth import Cat, DomainRenamer, Module, Mux, Signal
from amaranth.hdl import ClockDomain, ClockSignal, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...component import Component
from . import forney
from .code import PAYLOAD
from .grouping import Grouping
from .search import RootCount
from .slots import Slots
from .solver import Solver
from .sync import CodewordSync
from .syndromes import Syndromes


class FecDecoder(Component):
    """Corrects a lane's blocks.

    A codeword whose last block comes at y leaves from y + `code.latency` on, one block every
    `spacing` cycles, whatever the rate at which it came.

    Parameters
    ----------
    code : Code
    spacing : int
        Blocks never come closer than so many cycles, and leave so far apart.

    Attributes
    ----------
    i.valid, i.header, i.payload : In
        A block as received, every cycle if need be; its ctrl bit is bit 0 of the header.
    block_lock : In(1)
        While 0 all state is dropped.
    o.valid, o.payload, o.ctrl : Out
        A data block, when `locked`.
    o.bad : Out(1)
        Its codeword is beyond correction: the block is as received.
    o.corrected : Out
        With the last data block of a codeword: symbols corrected; else 0.
    o.uncorrected : Out(1)
        With the last data block of a codeword that is `bad`; else 0.
    locked : Out(1)
        Codeword sync.
    """

    def __init__(self, code, spacing: int = 1):
        self._code, self._spacing = code, spacing
        super().__init__({
            "i": In(wiring.Signature({
                "valid": Out(1), "header": Out(2), "payload": Out(PAYLOAD)})),
            "block_lock": In(1),
            "o": Out(wiring.Signature({
                "valid": Out(1), "payload": Out(PAYLOAD), "ctrl": Out(1), "bad": Out(1),
                "corrected": Out(range(code.correct + 1)), "uncorrected": Out(1)})),
            "locked": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        code = self._code
        m.domains += (held := ClockDomain("held", local=True))
        m.d.comb += [held.clk.eq(ClockSignal()), held.rst.eq(ResetSignal() | ~self.block_lock)]
        dropped = DomainRenamer("held")
        m.submodules.slots = slots = dropped(Slots(code, code.slots))
        m.submodules.grouping = grouping = Grouping(code)
        m.submodules.syndromes = syndromes = dropped(Syndromes(code))
        m.submodules.solver = solver = dropped(Solver(code))
        m.submodules.search = search = dropped(RootCount(code))
        m.submodules.sync = sync = dropped(CodewordSync())

        # A block comes in. Blocks of two codewords are stored: one comes while one leaves.
        taken, half = Signal(), Signal()
        m.submodules.store = store = Memory(
            shape=PAYLOAD + 1, depth=2 * code.data_blocks, init=[])
        write = store.write_port()
        ctrl = self.i.header[0]
        m.d.comb += [
            taken.eq(self.i.valid & ~sync.slip), slots.en.eq(taken),
            grouping.en.eq(taken), grouping.ctrl.eq(ctrl), grouping.payload.eq(self.i.payload),
            grouping.turn.eq(slots.turn), grouping.last.eq(slots.last),
            grouping.parity.eq(slots.parity),
            syndromes.en.eq(taken), syndromes.symbols.eq(grouping.symbols),
            syndromes.size.eq(grouping.size), syndromes.end.eq(slots.end),
            write.en.eq(taken & ~slots.parity), write.data.eq(Cat(self.i.payload, ctrl)),
            write.addr.eq(self._place(half, slots.slot)),
            sync.valid.eq(self.i.valid), sync.end.eq(taken & slots.end),
            solver.start.eq(taken & slots.end), solver.sums.eq(syndromes.sums),
        ]
        with m.If(sync.end):
            m.d.sync += half.eq(~half)

        # The codeword that ended is judged while the next one comes.
        good, corrected = Signal(), Signal(len(self.o.corrected))
        m.d.comb += [
            search.start.eq(solver.done), search.locator.eq(solver.locator),
            sync.judged.eq(search.done), self.locked.eq(sync.locked),
            sync.good.eq(~solver.failed & (search.count == solver.errors)),
        ]
        with m.If(search.done):
            m.d.sync += [good.eq(sync.good), corrected.eq(solver.errors)]

        self._leave(m, dropped, store, search.early, solver, half, good, corrected)
        return m

    def _place(self, half, slot):
        return slot + Mux(half, self._code.data_blocks, 0)

    def _leave(self, m, dropped, store, start, solver, half, good, corrected):
        """Give the stored blocks; the first one's errors are there just when it is judged."""
        code, spacing = self._code, self._spacing
        m.submodules.leaving = leaving = dropped(Slots(code, code.data_blocks))
        m.submodules.errors = errors = forney.Forney(code)
        active, pause = Signal(), Signal(range(spacing))
        reading = Signal()
        m.d.comb += [
            leaving.en.eq(active & (pause == 0)),
            errors.start.eq(start), errors.step.eq(leaving.en), errors.turn.eq(leaving.turn),
            errors.locator.eq(solver.locator), errors.evaluator.eq(solver.evaluator),
        ]
        with m.If(~self.block_lock):
            m.d.sync += active.eq(0)
        with m.Elif(start):
            # The other half is being written by now.
            m.d.sync += [active.eq(1), pause.eq(0), reading.eq(~half)]
        with m.Elif(active):
            m.d.sync += pause.eq(Mux(pause == spacing - 1, 0, pause + 1))
            with m.If(leaving.en & leaving.end):
                m.d.sync += active.eq(0)

        # One stage for each cycle of the errors' computation.
        place = Signal(range(2 * code.data_blocks))
        m.d.comb += place.eq(self._place(reading, leaving.slot))
        stage = [(leaving.en, place, leaving.turn, leaving.end)]
        for k in range(forney.CYCLES):
            after = [Signal.like(s, name=f"leaving_{k}_{n}") for n, s in enumerate(stage[-1])]
            m.d.sync += Cat(after).eq(Cat(stage[-1]))
            with m.If(~self.block_lock):
                m.d.sync += after[0].eq(0)
            stage.append(after)
        read = store.read_port()
        m.d.comb += read.addr.eq(stage[-2][1])
        here, _, turn, last = stage[-1]

        mask = Signal(PAYLOAD + 1)
        with m.Switch(turn):
            for k in range(code.turns):
                with m.Case(k):
                    wrong = errors.errors[code.offset(k):][:code.block_bits]
                    m.d.comb += mask.eq(Cat(wrong[code.ctrl_bits:], wrong[0]))
        m.d.sync += [
            self.o.valid.eq(here & self.locked & self.block_lock),
            Cat(self.o.payload, self.o.ctrl).eq(read.data ^ Mux(good, mask, 0)),
            self.o.bad.eq(~good),
            self.o.corrected.eq(Mux(here & last & good & self.locked, corrected, 0)),
            self.o.uncorrected.eq(here & last & ~good & self.locked & self.block_lock),
        ]
