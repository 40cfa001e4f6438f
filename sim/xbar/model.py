"""A crossbar alone, between flit sources and sinks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lightloom.sim.bits import EVERYTHING
from lightloom.sim.flits import MAX_VCS, dst_of, end_of, first_of, pack, src_of, tag_of, vc_of
from lightloom.sim.wires import make_wires

from .bench import Bench, Log, run_cycles
from .shape import Shape
from .state import (
    ABORTS,
    BREACHES,
    DISCARDS,
    OVERFLOWS,
    PROTOCOL_ERRORS,
    UNKNOWN,
    make_xbars,
)
from .stimulus import columns_of, script
from .tables import Entries

_WIDE = 2**32 - 1
"""Where statistics saturate."""


@dataclass(frozen=True)
class Delivered:
    """What a run left; status is as visible in the first cycle that was not run."""

    delivered: dict[str, np.ndarray]
    """int64[flits] by name: `cycle` of `valid` at `output`, then the fields of the flit: `vc`,
    `first`, `end`, `src`, `dst`, `tag` (0 of an abort that an output sent by itself); and
    `payload`, uint64: its bits 63:0. In the order of cycles, then outputs."""
    inputs: dict[str, np.ndarray]
    """int64[I] by name: `unknown`, `breaches`, `protocol_errors`, `overflows`; with statistics,
    int64[I, V]: `flits`, `peak`."""
    outputs: dict[str, np.ndarray]
    """int64[O] by name: `discards`, `aborts`; with statistics, int64[O, V]: `flits`, `stalls`."""
    refused: dict[str, np.ndarray]
    """int64[I] by name: `valid`, `breach`, `vc`, `src`, `dst`."""
    stop: dict[str, np.ndarray]
    """Changes of `stop[input][vc]` by name, all 0 at first: `cycle` from which it is `outputs`, a
    uint64 set; `input`, `vc`. In the order of cycles, inputs, VCs."""
    seen: int
    """Flits that the sources have sent."""


class CrossbarModel:
    """One crossbar (docs/crossbar.md) between sources and sinks.

    Parameters
    ----------
    cfg : lightloom.config.Config or Shape
    inputs, outputs : int, optional
        I and O; by default the ports of the chiplet.
    source_credits : int, optional
        Credits that a source starts with for each VC; default D. More than D overflows an input.
    **changes
        Fields of :class:`.shape.Shape` to replace, so as to leave what a configuration may hold.
    """

    def __init__(self, cfg, inputs: int | None = None, outputs: int | None = None, *,
                 source_credits: int | None = None, **changes):
        shape = cfg if isinstance(cfg, Shape) else Shape.of(cfg, inputs, outputs)
        self.shape = replace(shape, **changes)
        self.source_credits = self.shape.depth if source_credits is None else source_credits

    def run(self, stimulus, cycles: int, *, writes=(), up=(), clear=(), holds=()) -> Delivered:
        """Run from reset.

        Parameters
        ----------
        stimulus : I sequences of (cycle, vc, first, end, src, dst, tag[, payload])
            Flits that each input's source sends, in order: each no earlier than its cycle, one
            a cycle, and only with a credit of its VC (one of vc >= V without). Cycle 0 is the
            first after reset, in which a source sends nothing yet. `tag` is below 2**63.
            `payload` is its bits 63:0, for source routing; by default the tag. Lists of tuples,
            or arrays int64[flits, 7 or 8] or uint64[flits, 8].
        cycles : int
            Cycles to run.
        writes : sequence of (cycle, op, inputs, index, value, ports)
            Writes of `tables`: each is offered from its cycle on, or from the cycle after the one
            before was transferred, and transferred in the first of them in which `ready` is 1.
        up : sequence of (cycle, output, value)
            `up[output]` is `value` from that cycle on; 1 before.
        clear : sequence of int
            Cycles with a pulse.
        holds : sequence of (output, begin, end)
            Cycles c with begin <= c < end in which the output's sink returns no credit. In any
            other cycle c it returns one credit of each VC of which it has received a flit, with
            `valid` at c' < c, whose credit it has not returned. Without holds that is each
            credit in the cycle after its flit.
        """
        shape = self.shape
        count, outs = shape.inputs, shape.outputs
        if len(stimulus) != count:
            raise ValueError(f"stimulus of {len(stimulus)} inputs: the crossbar has {count}")
        columns, tags, payload = columns_of(stimulus)
        # A flit's tag may be longer than a word's: the word holds the flit's number from 1.
        words = pack.py_func(*columns[1:], np.arange(1, columns.shape[1] + 1))
        begin = np.cumsum([0, *map(len, stimulus)])
        wires = make_wires(count + outs)
        state = make_xbars(
            shape, [range(count)], [range(count, count + outs)],
            Entries(np.zeros((count, shape.destinations), np.uint8),
                    np.zeros((count, shape.destinations), np.uint64)),
            np.arange(count)[None], payload.copy())
        bench = Bench(
            earliest=columns[0], words=words, begin=begin, sent=begin[:-1].copy(),
            credits=np.full((count, MAX_VCS), self.source_credits),
            debt=np.zeros((outs, shape.vcs), np.int64), holding=np.zeros(outs, np.int64),
            up=np.full(2, EVERYTHING), at=np.zeros(5, np.int64),
            stop=np.zeros((count, shape.vcs), np.uint64),
            **script(shape, writes, up, clear, holds))
        log = _run(state, wires, bench, shape.voq_limit, cycles)
        return self._result(state, bench, log, tags, state.payload)

    def _result(self, state, bench, log, tags, payload) -> Delivered:
        cycle, output, flit = log.flits[:, :log.count[0]]
        number = tag_of.py_func(flit)
        fields = {"vc": vc_of, "first": first_of, "end": end_of, "src": src_of, "dst": dst_of}
        inputs = {name: state.input_counters[0, :, which].astype(np.int64) for name, which in (
            ("unknown", UNKNOWN), ("breaches", BREACHES), ("protocol_errors", PROTOCOL_ERRORS),
            ("overflows", OVERFLOWS))}
        outputs = {name: state.output_counters[0, :, which].astype(np.int64) for name, which in (
            ("discards", DISCARDS), ("aborts", ABORTS))}
        if self.shape.statistics:
            for found, counted, names in ((inputs, state.inlet_more, ("flits", "peak")),
                                          (outputs, state.outlet_more, ("flits", "stalls"))):
                found |= {name: np.minimum(counted[name].astype(np.int64), _WIDE)
                          .reshape(-1, state.vcs) for name in names}
        stops = log.stops[:, :log.count[1]]
        return Delivered(
            {"cycle": cycle, "output": output,
             **{name: field.py_func(flit) for name, field in fields.items()},
             "tag": tags[number], "payload": payload[number]},
            inputs, outputs,
            {name: state.input_more[field].astype(np.int64) for name, field in (
                ("valid", "refused"), ("breach", "breach"), ("vc", "refused_vc"),
                ("src", "refused_src"), ("dst", "refused_dst"))},
            {**dict(zip(("cycle", "input", "vc"), stops, strict=True)),
             "outputs": log.stopped[:log.count[1]]},
            int((bench.sent - bench.begin[:-1]).sum()))


def _run(state, wires, bench, voq_limit, cycles) -> Log:
    """The logs of a run; they grow as they fill."""
    room = bench.words.size + bench.debt.shape[0] + 1
    log = Log(np.empty((3, room), np.int64), np.empty((3, bench.stop.size), np.int64),
              np.empty(bench.stop.size, np.uint64), np.zeros(2, np.int64))
    cycle = 0
    while True:
        cycle = run_cycles(state, wires, bench, log, voq_limit, cycle, cycles)
        if cycle >= cycles:
            return log
        if log.count[0] + bench.debt.shape[0] > log.flits.shape[1]:
            log = log._replace(flits=_doubled(log.flits))
        else:
            log = log._replace(stops=_doubled(log.stops), stopped=_doubled(log.stopped))


def _doubled(array):
    """With as much room again."""
    return np.concatenate([array, np.empty_like(array)], axis=-1)
