"""Runs the link harness; notes when both ends became ACTIVE, and leaves the status words."""

import json
import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles

from lightloom.tb.bench import start

ACTIVE = 5


@cocotb.test()
async def run_traffic(dut):
    await start(dut)
    cycles, step, active = int(os.environ["CYCLES"]), 16, None
    for now in range(0, cycles, step):
        states = [dut.a_status.value[3:0], dut.b_status.value[3:0]]
        assert all(state.is_resolvable for state in states), f"link state is X at cycle {now}"
        if active is None and all(state == ACTIVE for state in states):
            active = now
        await ClockCycles(dut.clk, min(step, cycles - now))
    left = {name: str(getattr(dut, name).value)
            for name in ("a_status", "b_status", "a_errors", "b_errors")}
    Path("status.json").write_text(json.dumps({**left, "active": active}))
