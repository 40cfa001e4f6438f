"""What must hold after a reset, and after one more.

`PORTS`: the manifest's ports as JSON; `PROFILE`: the configuration of a crossbar.
"""

import json
import os

import cocotb
from amaranth.lib.data import Layout
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge

from lightloom import config
from lightloom.hdl.xbar.status import InputStatus
from lightloom.sim.xbar import DEFAULT, ONE, ROUTE
from lightloom.tb.bench import start
from lightloom.tb.flits import Flit, FlitCodec
from lightloom.tb.routes import TableCodec, TableWrite

QUIET = ("valid", "ready", "credit")
"""Ends of the names of inputs that say that something goes in or is taken out."""


@cocotb.test()
async def outputs_are_known(dut):
    """Every output of a block, while nothing valid goes in."""
    ports = json.loads(os.environ["PORTS"])
    for port in ports:
        # A transceiver always gives a word; data beside a valid of 0 stay unknown.
        if port["direction"] != "input":
            continue
        name = port["name"]
        if name.endswith(QUIET) or any(part in name for part in ("words", "signal", "control")):
            getattr(dut, name).value = 0
        elif "_clk" in name:
            Clock(getattr(dut, name), 2, unit="ns", impl="gpi").start()
    await start(dut)
    for _ in range(8):
        await FallingEdge(dut.clk)
        values = {port["name"]: getattr(dut, port["name"]).value
                  for port in ports if port["direction"] == "output"}
        unknown = {name: str(value) for name, value in values.items() if not value.is_resolvable}
        assert not unknown, unknown
        await ClockCycles(dut.clk, 3)


@cocotb.test()
async def routes_are_forgotten(dut):
    """A crossbar: what was written before a reset holds no longer after it, at no time."""
    cfg = config.load(os.environ["PROFILE"])
    codec, tables = FlitCodec(cfg), TableCodec(cfg)
    flit = codec.pack(Flit(vc=0, first=1, end=1, src=1, dst=3))
    everyone, cleared = (1 << tables.inputs) - 1, 2**cfg.derived.id_bits
    unknown = Layout.cast(InputStatus(cfg))["unknown"]

    async def write(*fields):
        dut.tables__payload.value = tables.pack(TableWrite(0, *fields))
        dut.tables__valid.value = 1
        await FallingEdge(dut.clk)
        dut.tables__valid.value = 0

    async def passes():
        """Send one packet; whether it comes out, and the unknown ones counted."""
        dut.inputs__0__valid.value, dut.inputs__0__flit.value = 1, flit
        await FallingEdge(dut.clk)
        dut.inputs__0__valid.value = 0
        came = False
        for _ in range(8):
            came |= dut.outputs__1__valid.value == 1
            await FallingEdge(dut.clk)
        status = dut.input_status__0.value.to_unsigned()
        return came, status >> unknown.offset & (1 << unknown.width) - 1

    for port in range(cfg.derived.ports):
        getattr(dut, f"inputs__{port}__valid").value = 0
        getattr(dut, f"outputs__{port}__credit").value = 0
    dut.tables__valid.value, dut.clear.value, dut.up.value = 0, 0, (1 << tables.outputs) - 1
    await start(dut)
    for what in ((ROUTE, everyone, 3, ONE, 0b10), (DEFAULT, everyone, 0, ONE, 0b10)):
        assert dut.tables__ready.value == 0
        assert await passes() == (False, 1)
        for _ in range(cleared - 9):
            await FallingEdge(dut.clk)
        assert dut.tables__ready.value == 1
        assert await passes() == (False, 2)
        await write(*what)
        assert await passes() == (True, 2)
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = 0
    assert await passes() == (False, 1)
