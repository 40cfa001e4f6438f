"""Runs a SerDes adapter harness for a number of cycles and leaves its status in `status.txt`."""

import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles

from lightloom.tb.bench import start


@cocotb.test()
async def run_traffic(dut):
    await start(dut)
    # Cycle n is in the log after its rising edge: one more than the last one that is wanted.
    await ClockCycles(dut.clk, int(os.environ["CYCLES"]) + 1)
    assert dut.status.value.is_resolvable, "status is X"
    Path("status.txt").write_text(str(dut.status.value))
