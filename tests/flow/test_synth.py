"""Synthesis: area of the block alone, Fmax in a wrapper that keeps every port."""

import json
import re

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom import config
from lightloom.flow import synth, verilog
from lightloom.flow.errors import CheckError
from lightloom.flow.wrapper import FAN_IN, wrap


class Adder(wiring.Component):
    """More pins than any package of the device has: sums of pairs of bytes, registered."""

    WORDS = 40

    def __init__(self, cfg):
        super().__init__({"a": In(8).array(self.WORDS), "b": In(8).array(self.WORDS),
                          "total": Out(8).array(self.WORDS)})

    def elaborate(self, platform):
        m = Module()
        for a, b, total in zip(self.a, self.b, self.total, strict=True):
            m.d.sync += total.eq(a + b)
        return m


def ports(*entries):
    return [{"name": name, "direction": direction, "width": width}
            for name, direction, width in entries]


def test_wrapper_connects_every_bit_once_and_adds_one_register_to_each():
    text = wrap("thing", ports(("clk", "input", 1), ("rst", "input", 1), ("a", "input", 7),
                               ("y", "output", 5), ("z", "output", 2)))
    assert re.findall(r"\.(\w+)\((\w+(?:\[[\d:]+\])?)\)", text) == [
        ("clk", "clk"), ("rst", "in[0:0]"), ("a", "in[7:1]"), ("y", "out[4:0]"), ("z", "out[6:5]")]
    assert "always @(posedge clk) level_0 <= out;" in text
    used = [tuple(map(int, pair)) for pair in re.findall(r"\^level_0\[(\d+):(\d+)\]", text)]
    assert sorted(bit for high, low in used for bit in range(low, high + 1)) == list(range(7))
    assert all(high - low < FAN_IN for high, low in used)


def test_block_with_more_pins_than_the_package_is_measured(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verilog, "blocks", lambda: {"adder": Adder})
    found = synth.run(config.load("ecp5"), "adder", seeds=2)
    assert found.port_bits == 2 + 3 * 8 * Adder.WORDS > 365
    # The sums keep their registers; the wrapper's thousand are not counted.
    assert found.area["ff"] == 8 * Adder.WORDS
    assert found.area["bram"] == found.area["lutram"] == 0
    assert len(found.fmax_mhz) == 2 and all(100 < mhz < 1000 for mhz in found.fmax_mhz)
    stored = json.loads((tmp_path / "build/synth/ecp5/adder.json").read_text())
    assert stored["area"] == found.area and stored["fmax_mhz"] == found.fmax_mhz
    wrapped = json.loads((tmp_path / "build/synth/ecp5/adder/wrapper.stat.json").read_text())
    assert wrapped["design"]["num_cells_by_type"]["TRELLIS_FF"] >= 4 * 8 * Adder.WORDS


def test_block_that_yosys_refuses_ends_with_its_message(tmp_path):
    (tmp_path / "block.v").write_text("module thing(input a, output y); nothing u(a, y); endmodule")
    with pytest.raises(CheckError, match="Yosys refuses thing: ERROR: .*nothing.*log: "):
        synth.synthesise(tmp_path, "block", "thing", ["block.v"])


def test_block_that_does_not_fit_ends_with_nextpnrs_message_and_keeps_the_area(
        monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verilog, "blocks", lambda: {"adder": Adder})
    monkeypatch.setattr(synth, "PLACE", ["--12k", "--package", "CABGA756"])
    with pytest.raises(CheckError, match="nextpnr cannot place the block: .*"):
        synth.run(config.load("ecp5"), "adder")
    stored = json.loads((tmp_path / "build/synth/ecp5/adder.json").read_text())
    assert stored["area"]["ff"] == 8 * Adder.WORDS
    assert "nextpnr cannot place" in stored["does_not_fit"] and stored["fmax_mhz"] == []
