"""Synthesis: area of the block alone, Fmax in a wrapper that keeps every port."""

import json
import re

import pytest
from amaranth import ClockDomain, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In, Out

from lightloom import config
from lightloom.flow import peer, synth, tools, verilog
from lightloom.flow.errors import CheckError
from lightloom.flow.wrapper import FAN_IN, wrap
from lightloom.tb.interop import PeerError


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


class TwoClocks(wiring.Component):
    """Bytes from clk to tx_clk, and a sum in each."""

    def __init__(self, cfg):
        super().__init__({"tx_clk": In(1), "a": In(8), "b": In(8), "total": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.domains.tx = domain = ClockDomain("tx", local=True)
        m.d.comb += domain.clk.eq(self.tx_clk)
        m.submodules.reset = ResetSynchronizer(ResetSignal("sync"), domain="tx")
        m.submodules.fifo = fifo = AsyncFIFO(width=8, depth=8, w_domain="sync", r_domain="tx")
        total = Signal(8)
        m.d.sync += total.eq(self.a + self.b)
        m.d.comb += [fifo.w_data.eq(total), fifo.w_en.eq(1), fifo.r_en.eq(1)]
        m.d.tx += self.total.eq(self.total + fifo.r_data)
        return m


def ports(*entries):
    return [{"name": name, "direction": direction, "width": width}
            for name, direction, width in entries]


def test_wrapper_connects_every_bit_once_and_adds_one_register_to_each():
    text = wrap("thing", ports(("clk", "input", 1), ("rst", "input", 1), ("a", "input", 7),
                               ("y", "output", 5), ("z", "output", 2)), ["clk"])
    assert re.findall(r"\.(\w+)\((\w+(?:\[[\d:]+\])?)\)", text) == [
        ("clk", "clk"), ("rst", "in[0:0]"), ("a", "in[7:1]"), ("y", "out[4:0]"), ("z", "out[6:5]")]
    assert "always @(posedge clk) level_0 <= out;" in text
    used = [tuple(map(int, pair)) for pair in re.findall(r"\^level_0\[(\d+):(\d+)\]", text)]
    assert sorted(bit for high, low in used for bit in range(low, high + 1)) == list(range(7))
    assert all(high - low < FAN_IN for high, low in used)


def test_wrapper_keeps_each_bit_in_the_clock_that_it_belongs_to():
    text = wrap("thing", ports(("clk", "input", 1), ("rst", "input", 1), ("rx_clk", "input", 1),
                               ("a", "input", 6), ("y", "output", 3)), ["clk", "rx_clk"],
                lambda port: {"a": ["rx_clk"] * 4 + ["clk"] * 2, "y": ["clk", "rx_clk", "clk"]}.get(
                    port["name"], ["clk"] * port["width"]))
    assert re.search(r"module wrapper\((.*)\);", text)[1] == (
        "input clk, input serial_in_clk, output serial_out_clk, "
        "input rx_clk, input serial_in_rx_clk, output serial_out_rx_clk")
    assert ".clk(clk),\n    .rx_clk(rx_clk),\n    .rst(in_clk[0:0])," in text
    assert ".a({in_clk[2:1], in_rx_clk[3:0]})" in text
    assert ".y({out_clk[1:1], out_rx_clk[0:0], out_clk[0:0]})" in text
    assert "always @(posedge clk) in_clk <= {in_clk, serial_in_clk};" in text
    assert "always @(posedge rx_clk) level_rx_clk_0 <= out_rx_clk;" in text


def test_block_with_more_pins_than_the_package_is_measured(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verilog, "blocks", lambda: {"adder": Adder})
    [found] = synth.run(config.load("ecp5"), ["adder"], seeds=2)
    assert found.port_bits == 2 + 3 * 8 * Adder.WORDS > 365
    # The sums keep their registers; the wrapper's thousand are not counted.
    assert found.area["ff"] == 8 * Adder.WORDS
    assert found.area["bram"] == found.area["lutram"] == 0
    assert list(found.fmax_mhz) == ["clk"] and found.asked_mhz == {"clk": 78.125}
    assert len(found.fmax_mhz["clk"]) == 2
    assert all(100 < mhz < 1000 for mhz in found.fmax_mhz["clk"])
    stored = json.loads((tmp_path / "build/synth/ecp5/adder.json").read_text())
    assert stored["area"] == found.area and stored["fmax_mhz"] == found.fmax_mhz
    wrapped = json.loads((tmp_path / "build/synth/ecp5/adder/wrapper.stat.json").read_text())
    assert wrapped["design"]["num_cells_by_type"]["TRELLIS_FF"] >= 4 * 8 * Adder.WORDS


def test_block_of_two_clocks_has_a_rate_for_each(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verilog, "blocks", lambda: {"two": TwoClocks})
    cfg = config.override(config.load("ecp5"), chiplet__core_mhz=100.0)
    [found] = synth.run(cfg, ["two"])
    assert found.asked_mhz == {"clk": 100.0, "tx_clk": 78.125}
    assert list(found.fmax_mhz) == ["clk", "tx_clk"]
    assert all(100 < mhz < 1000 for [mhz] in found.fmax_mhz.values())
    table = capsys.readouterr().out
    assert re.search(r"two .* clk .* 100 ", table) and re.search(r"tx_clk .* 78.125 ", table)


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
        synth.run(config.load("ecp5"), ["adder"])
    stored = json.loads((tmp_path / "build/synth/ecp5/adder.json").read_text())
    assert stored["area"]["ff"] == 8 * Adder.WORDS
    assert "nextpnr cannot place" in stored["does_not_fit"] and stored["fmax_mhz"] == {}


FAKE_LFSR = """module lfsr #(parameter LFSR_WIDTH = 31, parameter LFSR_POLY = 0,
  parameter LFSR_CONFIG = "", parameter LFSR_FEED_FORWARD = 0, parameter REVERSE = 0,
  parameter DATA_WIDTH = 8) (
  input [DATA_WIDTH-1:0] data_in, input [LFSR_WIDTH-1:0] state_in,
  output [DATA_WIDTH-1:0] data_out, output [LFSR_WIDTH-1:0] state_out);
  assign data_out = data_in ^ (LFSR_FEED_FORWARD ? data_in >> 3 : state_in);
  assign state_out = (state_in << 1) ^ data_in;
endmodule
"""


def test_lfsr_of_the_peer_is_given_to_yosys_as_what_its_source_answers(tmp_path):
    (tmp_path / "lfsr.v").write_text(FAKE_LFSR)
    text = peer.plain_lfsr(tmp_path / "lfsr.v", tmp_path)
    (tmp_path / "plain.v").write_text(text.replace("module lfsr", "module plain"))
    compare = "module compare;\n"
    for k, (width, poly, forward, bits) in enumerate(peer.LFSRS):
        for name in ("lfsr", "plain"):
            out = f"{name}_out_{k}"
            compare += (
                f"  wire [{width + bits - 1}:0] {out};\n  {name} #(.LFSR_WIDTH({width}), "
                f".LFSR_POLY({poly}), .LFSR_FEED_FORWARD({forward}), .REVERSE(1), "
                f".DATA_WIDTH({bits})) {name}_{k} (in[{bits - 1}:0], in[{width + 69}:70], "
                f"{out}[{bits - 1}:0], {out}[{width + bits - 1}:{bits}]);\n")
    same = " && ".join(f"lfsr_out_{k} === plain_out_{k}" for k in range(len(peer.LFSRS)))
    compare += f"""  reg [127:0] in;
  initial repeat (50) begin
    in = {{$random, $random, $random, $random}};
    #1 if (!({same})) $display("differ at %h", in);
  end
endmodule
"""
    (tmp_path / "compare.v").write_text(compare)
    files = [tmp_path / name for name in ("compare.v", "lfsr.v", "plain.v")]
    # The branch for other parameters names a module that is not there, and is not taken.
    assert tools.run([tools.system("iverilog"), "-g2005", "-s", "compare", "-o", tmp_path / "a.out",
                      *files]) == (0, "")
    assert tools.run([tools.system("vvp"), "-N", tmp_path / "a.out"]) == (0, "")


def test_peer_that_is_no_checkout_is_refused_before_anything_is_measured(tmp_path):
    with pytest.raises(PeerError, match="no such folder"):
        synth.run(config.load("ecp5"), ["lane_rx"], peer=tmp_path / "missing", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
