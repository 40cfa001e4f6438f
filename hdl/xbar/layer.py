"""The crossbar layer (docs/crossbar.md)."""

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import FlitPort
from .crosspoint import Crosspoint
from .input import InputPort
from .matching import Matcher
from .output import OutputPort
from .shape import Shape
from .status import InputStatus, OutputStatus
from .tables import Tables, TableWrite


class Crossbar(Component):
    """I x O crossbar with virtual output queues.

    Latency 1 + 3S cycles unloaded; each input and each output moves up to one flit a cycle.

    Parameters
    ----------
    cfg : lightloom.config.Config
        Section `xbar`, and `chiplet.vcs`.
    inputs, outputs : int, optional
        2 to 64; default: `derived.ports`.
    """

    def __init__(self, cfg, *, inputs: int | None = None, outputs: int | None = None):
        self._shape = shape = Shape.of(cfg, inputs, outputs)
        super().__init__({
            "inputs": In(FlitPort(cfg)).array(shape.inputs),
            "outputs": Out(FlitPort(cfg)).array(shape.outputs),
            "tables": In(stream.Signature(TableWrite(shape))),
            "up": In(shape.outputs), "clear": In(1),
            "stop": Out(shape.outputs).array(shape.inputs, shape.vcs),
            "input_status": Out(InputStatus(cfg)).array(shape.inputs),
            "output_status": Out(OutputStatus(cfg)).array(shape.outputs),
        })

    def elaborate(self, platform):
        m = Module()
        shape = self._shape
        inputs, outputs, vcs = range(shape.inputs), range(shape.outputs), range(shape.vcs)
        m.submodules.tables = tables = Tables(shape)
        m.submodules.matcher = matcher = Matcher(shape)
        wiring.connect(m, wiring.flipped(self.tables), tables.i)
        slot, turn, turns = self._clock(m)
        sources = [InputPort(shape) for _ in inputs]
        sinks = [OutputPort(shape) for _ in outputs]
        draining = Cat(sink.draining for sink in sinks)
        for i, port in enumerate(sources):
            m.submodules[f"input_{i}"] = port
            wiring.connect(m, wiring.flipped(self.inputs[i]), port.i)
            wiring.connect(m, tables.inputs[i], port.tables)
            m.d.comb += [
                port.draining.eq(draining),
                port.clear.eq(self.clear), port.read_queue.eq(matcher.queue[i]),
                port.read_vc.eq(matcher.vc[i]), port.taken.eq(matcher.taken[i]),
                self.input_status[i].eq(port.status),
                *(self.stop[i][v].eq(port.stop[v]) for v in vcs),
                *(matcher.more[i][v].eq(port.more[v]) for v in vcs),
            ]
        m.d.comb += matcher.turn.eq(turns)
        for j, port in enumerate(sinks):
            m.submodules[f"output_{j}"] = port
            m.submodules[f"crosspoint_{j}"] = crosspoint = Crosspoint(shape)
            m.d.comb += [
                port.slot.eq(slot), port.turn.eq(turn), port.index.eq(tables.index),
                port.slot_en.eq(tables.slot_en[j]), port.strict_en.eq(tables.strict_en[j]),
                port.vc.eq(tables.vc), port.credit.eq(self.outputs[j].credit),
                port.up.eq(self.up[j]), port.clear.eq(self.clear),
                port.source.eq(matcher.source[j]), port.source_vc.eq(matcher.source_vc[j]),
                port.first_round.eq(matcher.first_round[j]),
                self.output_status[j].eq(port.status),
                crosspoint.source.eq(self._inputs_of(matcher.source[j])
                                     & port.sends.replicate(shape.inputs)),
                crosspoint.aborting.eq(port.aborting),
                self.outputs[j].valid.eq(crosspoint.valid),
                self.outputs[j].flit.eq(crosspoint.flit),
                *(crosspoint.flits[i].eq(sources[i].popped) for i in inputs),
            ]
            for r in range(shape.cfg.xbar.iterations):
                m.d.comb += [matcher.offer[j][r].eq(port.offer[r]),
                             matcher.offer_vc[j][r].eq(port.offer_vc[r])]
                if r:
                    m.d.comb += port.among[r - 1].eq(matcher.among[j][r - 1])
            for v in vcs:
                m.d.comb += [
                    port.wants[v].eq(Cat(source.wants[v][k * shape.outputs + j]
                                         for k in range(shape.single + shape.sets)
                                         for source in sources)),
                    port.more[v].eq(self._more(sources, j, v)),
                ]
        return m

    def _clock(self, m):
        """m mod L; m mod S of the grants, and m mod lcm(V, S) of what is accepted, one-hot."""
        shape = self._shape
        slot = Signal(range(shape.slots))
        m.d.sync += slot.eq(slot + 1)
        if shape.slots & (shape.slots - 1):
            with m.If(slot == shape.slots - 1):
                m.d.sync += slot.eq(0)
        # The accepts of the first cycle with S = 2 would belong to a grant before reset.
        late = shape.stages - 1
        turn = Signal(shape.stages, init=1)
        turns = Signal(shape.turns, init=1 << (-late % shape.turns))
        if shape.stages > 1:
            m.d.sync += turn.eq(turn.rotate_left(1))
        if shape.turns > 1:
            m.d.sync += turns.eq(turns.rotate_left(1))
        return slot, turn, turns

    def _inputs_of(self, source):
        """Inputs of requesters."""
        shape = self._shape
        if shape.single and shape.sets:
            return source[:shape.inputs] | source[shape.inputs:]
        return source

    def _more(self, sources, j, v):
        """Of each requester: the packet of the flit that it has for output j on VC v goes on."""
        shape = self._shape
        bits = []
        if shape.single:
            bits += [source.more[v][j] for source in sources]
        if shape.sets:
            bits += [source.more[v][-1] for source in sources]
        return Cat(bits)
