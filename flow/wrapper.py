"""A wrapper that lets a block of any number of ports be placed: one pin in, one pin out."""

from __future__ import annotations

FAN_IN = 4
"""Inputs of one exclusive-or in the tree over the outputs: one LUT4."""


def wrap(name: str, ports: list[dict]) -> str:
    """Verilog of module ``wrapper`` around block `name`.

    Every input comes from a flip-flop of a shift register, every output goes straight to a
    flip-flop; a tree of exclusive-ors with a register at each level then joins the outputs, so
    that none is optimised away and no path of the wrapper is as long as one of the block.

    Parameters
    ----------
    name : str
    ports : list of dict
        As of :func:`lightloom.flow.manifest.describe`; ``clk`` is the clock.
    """
    inputs = [p for p in ports if p["direction"] == "input" and p["name"] != "clk"]
    outputs = [p for p in ports if p["direction"] == "output"]
    ins, outs = (sum(p["width"] for p in group) for group in (inputs, outputs))
    connections = [".clk(clk)", *_slices("in", inputs), *_slices("out", outputs)]
    lines = [
        "module wrapper(input clk, input serial_in, output serial_out);",
        f"  reg [{ins - 1}:0] in;",
        "  always @(posedge clk) in <= {in, serial_in};",
        f"  wire [{outs - 1}:0] out;",
        f"  {name} block(", "    " + ",\n    ".join(connections), "  );",
        f"  reg [{outs - 1}:0] level_0;",
        "  always @(posedge clk) level_0 <= out;",
    ]
    level, width = 0, outs
    while width > 1:
        below, width = width, -(-width // FAN_IN)
        lines.append(f"  reg [{width - 1}:0] level_{level + 1};")
        lines.append("  always @(posedge clk) begin")
        for k in range(width):
            low, high = FAN_IN * k, min(FAN_IN * (k + 1), below) - 1
            lines.append(f"    level_{level + 1}[{k}] <= ^level_{level}[{high}:{low}];")
        lines.append("  end")
        level += 1
    lines += [f"  assign serial_out = level_{level}[0];", "endmodule"]
    return "\n".join(lines) + "\n"


def _slices(vector: str, ports: list[dict]) -> list[str]:
    """Connections of `ports` to consecutive bits of `vector`."""
    connections, low = [], 0
    for port in ports:
        connections.append(f".{port['name']}({vector}[{low + port['width'] - 1}:{low}])")
        low += port["width"]
    return connections
