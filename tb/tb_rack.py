"""Runs a rack of chiplets to its end; sources and recorders are in the harness.

The stimulus is `stimulus.json`, written by :mod:`lightloom.tb.rack_harness`.
"""

import json
import time
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge

from lightloom.tb.bench import hold_reset, release_reset

UP = {5, 6, 7}    # ACTIVE, DEGRADED, SLEEP
STEP = 200
"""Cycles between two reports of how far the run is."""


@cocotb.test()
async def run_rack(dut):
    stimulus = json.loads(Path("stimulus.json").read_text())
    await hold_reset(dut)
    await release_reset(dut)
    began, cycle = time.monotonic(), 0

    async def until(end):
        """On to the middle of cycle `end`."""
        nonlocal cycle
        while cycle < end:
            step = min(STEP, end - cycle)
            await ClockCycles(dut.clk, step, FallingEdge)
            cycle += step
            Path("cycle.txt").write_text(str(cycle))

    ends = [getattr(dut, f"status{end}") for end in range(stimulus["ends"])]
    await until(stimulus["start"])
    down = [end for end, each in enumerate(ends) if int(each.value[3:0]) not in UP]
    assert not down, f"link ends not up in cycle {stimulus['start']}: {down}"
    await until(stimulus["cycles"] - 1)
    assert int(dut.cycle.value) == stimulus["cycles"] - 1
    words = [str(each.value) for each in ends]
    # The recorders see a cycle at its end.
    await ClockCycles(dut.clk, 1)
    Path("status.json").write_text(json.dumps(
        {"status": words, "seconds": time.monotonic() - began}))
