"""Every output of a block must be known after reset, while nothing valid goes in.

`PORTS`: the manifest's ports as JSON.
"""

import json
import os

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge

from lightloom.tb.bench import start

QUIET = ("valid", "ready", "credit")
"""Ends of the names of inputs that say that something goes in or is taken out."""


@cocotb.test()
async def outputs_are_known(dut):
    ports = json.loads(os.environ["PORTS"])
    for port in ports:
        # A transceiver always gives a word; data beside a valid of 0 stay unknown.
        if port["direction"] == "input" and (
                port["name"].endswith(QUIET) or "words" in port["name"]):
            getattr(dut, port["name"]).value = 0
    await start(dut)
    for _ in range(8):
        await FallingEdge(dut.clk)
        values = {port["name"]: getattr(dut, port["name"]).value
                  for port in ports if port["direction"] == "output"}
        unknown = {name: str(value) for name, value in values.items() if not value.is_resolvable}
        assert not unknown, unknown
        await ClockCycles(dut.clk, 3)
