"""The flow-level model against the flit-level one: collectives, sizes, racks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from .. import config
from ..sim.flows import FlowModel
from ..sim.rack import RackModel
from ..sim.workload import collective_graph, load
from ..sim.workload.schema import Collective, NodeType
from ..sim.workload.writer import make_node, write
from .errors import CheckError, writable

FOLDER = Path("build/flowcheck")

COLLECTIVES = [
    ("all-reduce", "ring"), ("all-reduce", "halving-doubling"), ("all-reduce", "direct"),
    ("all-reduce", "tree"), ("all-gather", "ring"), ("reduce-scatter", "halving-doubling"),
    ("all-to-all", "direct"), ("all-to-all", "pairwise"), ("broadcast", "tree")]

RACKS = {
    "direct, 16": dict(topology="direct", radix=16, endpoints=16),
    "clos2, 16": dict(topology="clos2", radix=8, endpoints=16),
    "clos2 2:1, 32": dict(topology="clos2", radix=16, endpoints=32, switch_endpoints=8, uplinks=4),
    "clos2, 64": dict(topology="clos2", radix=16, endpoints=64),
}
SIZES = {16: (2048, 32_768, 262_144), 32: (4096, 65_536), 64: (8192, 65_536)}
"""Bytes of a rank's input (of an all-gather, over all ranks) by endpoints: from what latency
decides to what bandwidth does."""

AIM = 0.05


@dataclass(frozen=True)
class Case:
    """One collective on one rack: cycles of the flit-level model, of the flow-level one message
    by message, and of it in steps (None where that is never used: trees, which have few messages).
    """

    rack: str
    collective: str
    algorithm: str
    nbytes: int
    flits: int
    messages: float
    steps: float | None

    @property
    def errors(self) -> list[float]:
        """Relative: message by message; in steps."""
        return [each / self.flits - 1 for each in (self.messages, self.steps) if each is not None]


def rack_config(rack: str, profile: str = "sim"):
    """A rack of endpoints with one plane, so that the flit-level model has all of a message."""
    return config.override(config.load(profile), chiplet__optical_ports=1,
                           **{f"rack__{name}": value for name, value in RACKS[rack].items()})


def measure(cfg, rack: str, collective: str, algorithm: str, nbytes: int) -> Case:
    """Run both models from reset.

    Raises
    ------
    CheckError
        When the flit-level one is not done after three times the time of the other.
    """
    size = nbytes // cfg.rack.endpoints if collective == "all-gather" else nbytes
    model = FlowModel(cfg)
    messages, steps = (
        None if in_steps and algorithm == "tree" else
        model.collective(collective, size, algorithm=algorithm, in_steps=in_steps).cycles
        for in_steps in (False, True))
    flits = _flit_level(cfg, collective_graph(cfg, collective, size, algorithm=algorithm), messages)
    return Case(rack, collective, algorithm, nbytes, flits, messages, steps)


def measure_together(cfg, rack: str, nbytes: int) -> Case:
    """Two ring all-reduces of all ranks and one in each group of four, begun at once, and behind
    the first another; as a task graph, and as activities of a trace ("in steps")."""
    reduce = dict(is_cpu_op=False, comm_type=Collective.ALL_REDUCE)
    nodes = [make_node(k, "all", NodeType.COMM_COLL_NODE, comm_size=nbytes, **reduce)
             for k in range(2)]
    nodes += [make_node(2, "fours", NodeType.COMM_COLL_NODE, comm_size=nbytes, pg_name="fours",
                        **reduce),
              make_node(3, "behind", NodeType.COMM_COLL_NODE, data_deps=[0], comm_size=nbytes,
                        **reduce)]
    path = FOLDER / "together.et"
    write(path, nodes, **{"ranks": cfg.rack.endpoints, "group.fours": (4, 1)})
    model, graph = FlowModel(cfg), load(path, cfg)
    messages, steps = model.run(graph).cycles, model.run(path).cycles
    return Case(rack, "all-reduce", "ring, several at once", nbytes,
                _flit_level(cfg, graph, messages), messages, steps)


def _flit_level(cfg, graph, expected) -> int:
    """Cycles that the flit-level model takes.

    Raises
    ------
    CheckError
        When it is not done after three times what is expected.
    """
    for window in (1.2, 3.0):
        done = RackModel(cfg).run(graph, int(window * expected) + 200).task_done
        if done.min() >= 0:
            return int(done.max())
    raise CheckError(f"{graph.names[0]}: the flit-level model is not done after three times the "
                     f"{expected:.0f} cycles of the flow-level one")


def show(cases: list[Case]) -> None:
    """Print a table."""
    table = Table("rack", "collective", "bytes", "flits", "by message", "error", "in steps",
                  "error")
    for case in cases:
        errors = [f"{'[red]' if abs(error) > AIM else ''}{error:+.1%}" for error in case.errors]
        steps = [] if case.steps is None else [f"{case.steps:,.0f}", errors[1]]
        table.add_row(case.rack, f"{case.collective} {case.algorithm}", f"{case.nbytes:,}",
                      f"{case.flits:,}", f"{case.messages:,.0f}", errors[0], *steps)
    Console(width=120).print(table)
    for column, name in enumerate(("by message", "in steps")):
        errors = [abs(case.errors[column]) for case in cases if len(case.errors) > column]
        print(f"{name}: mean {sum(errors) / len(errors):.1%}, worst {max(errors):.1%}, "
              f"{sum(error > AIM for error in errors)} of {len(cases)} above {AIM:.0%}")


def run(racks=tuple(RACKS), sizes: int = 3) -> None:
    """Measure, print, and write `cases.json` to build/flowcheck.

    Parameters
    ----------
    racks : sequence of str
        Of :data:`RACKS`.
    sizes : int
        How many of the sizes, from the least.
    """
    writable(FOLDER)
    plan = [(rack, *each, nbytes) for rack in racks for each in COLLECTIVES
            for nbytes in SIZES[RACKS[rack]["endpoints"]][:sizes]]
    plan += [(rack, nbytes) for rack in racks for nbytes in SIZES[RACKS[rack]["endpoints"]][:2]]
    cases = []
    for rack, *what in track(plan, "collectives", transient=True):
        compare = measure if len(what) > 1 else measure_together
        cases.append(compare(rack_config(rack), rack, *what))
        (FOLDER / "cases.json").write_text(
            json.dumps([asdict(case) for case in cases], indent=1) + "\n")
    show(cases)
