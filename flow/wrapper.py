"""A wrapper that lets a block of any number of ports be placed: for each clock a pin in and out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

FAN_IN = 4
"""Inputs of one exclusive-or in the tree over the outputs: one LUT4."""


def wrap(name: str, ports: list[dict], clocks: list[str],
         clock_of: Callable[[dict], list[str]] | None = None) -> str:
    """Verilog of module ``wrapper`` around block `name`.

    Every input comes from a flip-flop of a shift register, every output goes straight to a
    flip-flop; a tree of exclusive-ors with a register at each level then joins the outputs, so
    that none is optimised away and no path of the wrapper is as long as one of the block. Each
    clock has a shift register and a tree of its own, for the ports that belong to it.

    Parameters
    ----------
    name : str
    ports : list of dict
        As of :func:`lightloom.flow.manifest.describe`.
    clocks : list of str
        The ports that are clocks; they are ports of the wrapper too.
    clock_of : callable, optional
        The clock that each bit of a port belongs to; default: all to the first.
    """
    clock_of = clock_of or (lambda port: [clocks[0]] * port["width"])
    ins, outs = ({clock: 0 for clock in clocks} for _ in range(2))
    connections = [f".{clock}({clock})" for clock in clocks]
    for port in ports:
        if port["name"] not in clocks:
            used, vector = (ins, "in") if port["direction"] == "input" else (outs, "out")
            connections.append(
                f".{port['name']}({_slices(vector, used, clock_of(port), len(clocks) > 1)})")
    pins, vectors, trees = [], [], []
    for clock in clocks:
        end = f"_{clock}" if len(clocks) > 1 else ""
        pins.append(f"input {clock}")
        if ins[clock]:
            pins.append(f"input serial_in{end}")
            vectors += [f"  reg [{ins[clock] - 1}:0] in{end};",
                        f"  always @(posedge {clock}) in{end} <= {{in{end}, serial_in{end}}};"]
        if outs[clock]:
            pins.append(f"output serial_out{end}")
            vectors.append(f"  wire [{outs[clock] - 1}:0] out{end};")
            trees += _tree(clock, end, outs[clock])
    return "\n".join([
        f"module wrapper({', '.join(pins)});", *vectors,
        f"  {name} block(", "    " + ",\n    ".join(connections), "  );",
        *trees, "endmodule"]) + "\n"


def _tree(clock: str, end: str, width: int) -> list[str]:
    """Registers of `out`, and the registered exclusive-ors down to one bit."""
    lines = [f"  reg [{width - 1}:0] level{end}_0;",
             f"  always @(posedge {clock}) level{end}_0 <= out{end};"]
    level = 0
    while width > 1:
        below, width = width, -(-width // FAN_IN)
        lines.append(f"  reg [{width - 1}:0] level{end}_{level + 1};")
        lines.append(f"  always @(posedge {clock}) begin")
        for k in range(width):
            low, high = FAN_IN * k, min(FAN_IN * (k + 1), below) - 1
            lines.append(f"    level{end}_{level + 1}[{k}] <= ^level{end}_{level}[{high}:{low}];")
        lines.append("  end")
        level += 1
    return [*lines, f"  assign serial_out{end} = level{end}_{level}[0];"]


def _slices(vector: str, used: dict[str, int], bits: list[str], several: bool) -> str:
    """The next bits of the vectors of the clocks, for one port; counts them in `used`."""
    parts = []
    for clock, run in groupby(bits):
        low, used[clock] = used[clock], used[clock] + len(list(run))
        parts.append(f"{vector}{f'_{clock}' if several else ''}[{used[clock] - 1}:{low}]")
    return parts[0] if len(parts) == 1 else f"{{{', '.join(reversed(parts))}}}"
