"""The data path of one output: which input's flit goes out."""

from amaranth import Module, Signal
from amaranth.lib.wiring import In, Out

from ..component import Component
from ..interfaces import End, FlitLayout
from .roundrobin import onehot_mux


class Crosspoint(Component):
    """Selects in the cycle in which the queues' flits appear, and registers.

    A reduction in the network would sit here: `flits` of several sources, added.

    Attributes
    ----------
    source : In(I)
        One-hot in the cycle of the match: whose flit goes out; zero for none.
    aborting : In(V)
        One-hot in that cycle, while `source` is zero: an ABORT goes out.
    flits : In, [I]
        Flit of each input, S cycles later.
    valid, flit : Out
        A cycle after that.
    """

    def __init__(self, shape):
        self._shape = shape
        layout = FlitLayout(shape.cfg)
        super().__init__({
            "source": In(shape.inputs), "aborting": In(shape.vcs),
            "flits": In(layout).array(shape.inputs), "valid": Out(1), "flit": Out(layout),
        })

    def elaborate(self, platform):
        m = Module()
        shape = self._shape
        source, abort = self.source, self.aborting
        for _ in range(shape.stages):
            later, later_abort = Signal.like(source), Signal.like(abort)
            m.d.sync += [later.eq(source), later_abort.eq(abort)]
            source, abort = later, later_abort
        number = sum(abort[v].replicate(len(self.flit.vc)) & v for v in range(shape.vcs))
        m.d.sync += [
            self.valid.eq(source.any() | abort.any()),
            self.flit.eq(FlitLayout(shape.cfg)(
                onehot_mux(source, [flit.as_value() for flit in self.flits]))),
        ]
        with m.If(abort.any()):
            m.d.sync += [self.flit.end.eq(End.ABORT), self.flit.vc.eq(number)]
        return m
