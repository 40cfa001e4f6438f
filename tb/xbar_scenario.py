"""What a crossbar is run on, in RTL and in the golden model, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lightloom import config
from lightloom.sim.xbar import CrossbarModel

from .routes import TableWrite
from .traffic import DELIVERED, NO_TAG

ABORT = 3


def crossbar_config(ports: int, *, vcs: int = 2, endpoints: int = 16, flit_bytes: int = 8,
                    **xbar):
    """A chiplet of host ports alone, with short flits; `xbar` are fields of that section."""
    return config.override(
        config.load("sim"), chiplet__host_ports=ports, chiplet__optical_ports=0,
        chiplet__flit_bytes=flit_bytes, chiplet__vcs=vcs, chiplet__endpoints=endpoints,
        rack__topology="direct", rack__endpoints=2,
        **{f"xbar__{name}": value for name, value in xbar.items()})


def latency(cfg) -> int:
    """Cycles from `valid` in to `valid` out, unloaded."""
    return 1 + 3 * cfg.xbar.stages


@dataclass
class Scenario:
    """What goes into a crossbar from reset on; harness and model run the same.

    Parameters
    ----------
    stimulus : I arrays int64[n, 7] of `traffic.COLUMNS`
        What each input's source sends, in order: each flit no earlier than its cycle, one a
        cycle, and only with a credit of its VC (one of vc >= V without).
    writes : list of TableWrite
    up : list of (cycle, output, value)
        Changes; 1 before the first.
    clear : list of cycles
    holds : list of (output, begin, end)
        The sink of the output returns no credit in the cycles begin <= c < end. In others each
        VC with flits received earlier and not returned yet gets one.
    source_credits : int, optional
        That each source has of each VC; default: `vc_depth`. More overflow the input.
    """

    cfg: object
    stimulus: list[np.ndarray]
    cycles: int
    inputs: int
    outputs: int
    writes: list[TableWrite]
    up: list[tuple[int, int, int]] = field(default_factory=list)
    clear: list[int] = field(default_factory=list)
    holds: list[tuple[int, int, int]] = field(default_factory=list)
    source_credits: int | None = None


@dataclass(frozen=True)
class XbarRun:
    """What a crossbar made of a scenario.

    `delivered` holds an array for each of `traffic.DELIVERED`, in the order of cycle and output;
    `inputs` and `outputs` the status of each port, of the events of all cycles run;
    `stops` is the list of (cycle, input, vc, set of outputs) of each change.
    """

    delivered: dict[str, np.ndarray]
    inputs: list[dict]
    outputs: list[dict]
    stops: list[tuple[int, int, int, int]]


def golden(scenario: Scenario) -> XbarRun:
    """The scenario on the golden model."""
    s = scenario
    result = CrossbarModel(s.cfg, s.inputs, s.outputs, source_credits=s.source_credits).run(
        s.stimulus, s.cycles, writes=s.writes, up=s.up, clear=s.clear, holds=s.holds)
    delivered = {name: result.delivered[name] for name in DELIVERED}
    # Source routing turns the payload; behind an abort it is meaningless.
    delivered["tag"] = np.where(delivered["end"] == ABORT, NO_TAG,
                                result.delivered["payload"].astype(np.int64))
    inputs = _by_port(result.inputs, s.inputs)
    for status, refused in zip(inputs, _by_port(result.refused, s.inputs), strict=True):
        status["refused"] = refused
    stops = [tuple(int(x) for x in row) for row in zip(*(
        result.stop[name] for name in ("cycle", "input", "vc", "outputs")), strict=True)]
    return XbarRun(delivered, inputs, _by_port(result.outputs, s.outputs), stops)


def _by_port(columns, ports: int) -> list[dict]:
    """Status of each port, as a harness decodes it: what is there for each VC, by its number."""
    def value(x):
        return dict(enumerate(x.tolist())) if x.ndim else int(x)

    return [{name: value(column[k]) for name, column in columns.items()} for k in range(ports)]


def differences(rtl: XbarRun, model: XbarRun) -> list[str]:
    """A line for the first flit that differs, and for each status field and change of `stop`."""
    lines = []
    columns = [np.stack([run.delivered[name] for name in DELIVERED]) for run in (rtl, model)]
    least = min(c.shape[1] for c in columns)
    wrong = np.flatnonzero((columns[0][:, :least] != columns[1][:, :least]).any(axis=0))
    if len(wrong) or columns[0].shape != columns[1].shape:
        at = wrong[0] if len(wrong) else least
        texts = [dict(zip(DELIVERED, c[:, at].tolist(), strict=True)) if at < c.shape[1]
                 else "nothing" for c in columns]
        lines.append(f"flit {at}: RTL {texts[0]}, model {texts[1]} "
                     f"({columns[0].shape[1]} and {columns[1].shape[1]} in all)")
    for side in ("inputs", "outputs"):
        for k, (a, b) in enumerate(zip(getattr(rtl, side), getattr(model, side), strict=True)):
            lines += [f"{side}[{k}].{name}: RTL {a.get(name)}, model {b.get(name)}"
                      for name in sorted({*a, *b}) if a.get(name) != b.get(name)]
    if rtl.stops != model.stops:
        at = next((k for k, pair in enumerate(zip(rtl.stops, model.stops, strict=False))
                   if pair[0] != pair[1]), min(len(rtl.stops), len(model.stops)))
        lines.append(f"stop, change {at}: RTL {rtl.stops[at:at + 1]}, "
                     f"model {model.stops[at:at + 1]}")
    return lines
