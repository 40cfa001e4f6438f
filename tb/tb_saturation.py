"""Runs the saturation harness phase by phase; leaves what was counted at the end of each."""

import json
import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles

from lightloom.tb.bench import start


@cocotb.test()
async def run_phases(dut):
    phases, seen = json.loads(os.environ["PHASES"]), []
    dut.packet.value, dut.ber_ppb.value = phases[0]["packet"], 0
    await start(dut)
    for phase in phases:
        dut.packet.value = phase["packet"]
        dut.ber_ppb.value = round(phase["ber"] * 1e9)
        for cycles in (phase["settle"], phase["cycles"]):
            await ClockCycles(dut.clk, cycles)
            seen.append([{name: int(getattr(dut, f"{end}_{name}").value)
                          for name in ("count", "since", "wrong", "errors")} for end in "ab"])
    Path("counted.json").write_text(json.dumps(seen))
