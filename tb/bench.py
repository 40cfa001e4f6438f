"""What every testbench starts with: clock, reset, and harnesses that count cycles."""

from __future__ import annotations

from pathlib import Path

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge

VERILOG = Path(__file__).parent / "verilog"

HARNESS = """// Generated harness: {what}.
module {name} (input clk, input rst);
  // Cycle 0 is the first one after reset is released.
  reg [31:0] cycle;
  always @(posedge clk) if (rst) cycle <= 0; else cycle <= cycle + 1;
{body}
endmodule
"""


def harness(name: str, what: str, body: list[str]) -> str:
    """Verilog of a harness module whose only inputs are `clk` and `rst`."""
    return HARNESS.format(name=name, what=what, body="\n".join("  " + line for line in body))


async def start(dut, *, period_ns: int = 2) -> None:
    """Start the clock and reset; returns in the low phase before the edge that starts cycle 0."""
    dut.rst.value = 1
    Clock(dut.clk, period_ns, unit="ns", impl="gpi").start()
    await ClockCycles(dut.clk, 4)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
