"""What every testbench starts with: clock, reset, and harnesses that count cycles."""

from __future__ import annotations

from pathlib import Path

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, Timer

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


async def hold_reset(dut, *, period_ns: int = 2) -> None:
    """Assert reset and start the clock; sources and sinks attach after this."""
    dut.rst.value = 1
    # Before the first edge: the pointers of a crossing have an initial value, but no reset.
    await Timer(1, unit="ns")
    Clock(dut.clk, period_ns, unit="ns", impl="gpi").start()
    await ClockCycles(dut.clk, 2)


async def release_reset(dut) -> None:
    """Release reset; returns in the middle of cycle 0."""
    # Reset goes through the crossings as far as their pointers do: 8 cycles (docs/serdes.md).
    await ClockCycles(dut.clk, 8)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


async def start(dut) -> None:
    """Reset a harness that needs no sources or sinks."""
    await hold_reset(dut)
    await release_reset(dut)
