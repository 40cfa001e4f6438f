"""Runs a SerDes harness to its end."""

import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from lightloom.tb.bench import start


@cocotb.test()
async def run_traffic(dut):
    """An adapter on one clock; leaves its status in `status.txt`."""
    await start(dut)
    # Cycle n is in the log after its rising edge: one more than the last one that is wanted.
    await ClockCycles(dut.clk, int(os.environ["CYCLES"]) + 1)
    assert dut.status.value.is_resolvable, "status is X"
    Path("status.txt").write_text(str(dut.status.value))


@cocotb.test()
async def run_line(dut):
    """Two ends that make their own clocks, and say when they are done."""
    await RisingEdge(dut.done)
