"""Runs the crossbar harness for a number of cycles and leaves the status in `status.txt`.

The status has all events of these cycles, and none of later ones: it is read in the cycle but
one after the last. A line in binary for the inputs', one for the outputs'.
"""

import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge

from lightloom.tb.bench import start


@cocotb.test()
async def run_traffic(dut):
    await start(dut)
    await ClockCycles(dut.clk, int(os.environ["CYCLES"]))
    for _ in range(2):
        await FallingEdge(dut.clk)
    words = [str(dut.input_status.value), str(dut.output_status.value)]
    assert set("".join(words)) <= {"0", "1"}, "status is X"
    Path("status.txt").write_text("\n".join(words) + "\n")
