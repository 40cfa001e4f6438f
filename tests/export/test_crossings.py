"""Clock crossings: a block that is made right is clean, and each thing done wrong is found."""

import pytest
from amaranth.lib import fifo
from toys import LogicBefore, OneFlop, ReadEarly, Toy

from lightloom import config
from lightloom.flow import crossings, netlist, verilog
from lightloom.hdl.blocks import BLOCKS
from lightloom.hdl.export import to_verilog

POINTERS = [("produce_w_gry", "produce_cdc"), ("consume_r_gry", "consume_cdc")]


def trace(folder, component):
    path = folder / "toy.v"
    path.write_text(to_verilog(component, name="toy"))
    return crossings.trace(path, folder)


def test_right_crossings_are_clean_and_known(tmp_path):
    found = trace(tmp_path, Toy())
    assert found.findings == []
    assert found.clocks == ["clk", "rx_clk__0", "rx_clk__1", "tx_clk"]
    assert sorted((f.path, f.write, f.read) for f in found.fifos) == [
        ("down_0/fifo", "rx_clk__0", "clk"), ("down_1/fifo", "rx_clk__1", "clk"),
        ("up/fifo", "clk", "tx_clk")]
    assert {(r.path, r.clock, r.source) for r in found.resets} == {
        ("reset_tx", "tx_clk", "rst"), ("reset_rx_0", "rx_clk__0", "rst"),
        ("reset_rx_1", "rx_clk__1", "rst"), ("up/fifo/rst_cdc", "tx_clk", "rst"),
        ("down_0/fifo/rst_cdc", "clk", "reset_rx_0/stage1"),
        ("down_1/fifo/rst_cdc", "clk", "reset_rx_1/stage1")}
    assert found.inputs["words"] == ["rx_clk__0"] * 8 + ["rx_clk__1"] * 8
    assert found.inputs["rst"] == ["clk"] and found.inputs["send"] == ["clk"] * 8
    assert found.outputs["sent"] == ["tx_clk"] * 8


@pytest.mark.parametrize(("fault", "expected"), [
    ("register", ["mine (clk) -> sent (tx_clk): not through an AsyncFIFO"]),
    ("enable", ["mine (clk) -> sent (tx_clk): not through an AsyncFIFO"]),
    ("plain synchroniser", ["mine (clk) -> plain/stage0 (tx_clk): not through an AsyncFIFO"]),
    ("unsynchronised reset", ["input rst: one bit is read by registers of clk and tx_clk"]),
    ("input", ["input words: one bit is read by registers of clk and rx_clk__0"]),
    ("output", ["output extra: one bit is driven by registers of clk and rx_clk__1"]),
    ("gated", ["extra: its clock is not an input port"]),
    ("reset", [f"logic -> reset_{name}/stage0 ({clock}): the asynchronous input of a reset "
               "synchroniser is not rst or a synchronised reset"
               for name, clock in [("tx", "tx_clk"), ("rx_0", "rx_clk__0"),
                                   ("rx_1", "rx_clk__1")]]),
])
def test_fault_of_a_block_gives_exactly_its_finding(fault, expected, tmp_path):
    assert sorted(trace(tmp_path, Toy(fault=fault)).findings) == sorted(expected)


@pytest.mark.parametrize(("synchroniser", "why"), [
    (OneFlop, "one flop is no synchroniser"),
    (LogicBefore, "logic before the synchroniser"),
    (ReadEarly, "the first flop is read by others too"),
])
def test_fault_of_a_synchroniser_gives_exactly_its_finding(synchroniser, why, monkeypatch,
                                                           tmp_path):
    monkeypatch.setattr(fifo, "FFSynchronizer", synchroniser)
    found = trace(tmp_path, Toy())
    ways = [("down_0/fifo", "rx_clk__0", "clk"), ("down_1/fifo", "rx_clk__1", "clk"),
            ("up/fifo", "clk", "tx_clk")]
    assert sorted(found.findings) == sorted(
        f"{path}/{pointer} ({ends[0]}) -> {path}/{flop}/stage0 ({ends[1]}): {why}"
        for path, *clocks in ways
        for (pointer, flop), ends in zip(POINTERS, [clocks, clocks[::-1]], strict=True))
    assert found.fifos == []


def test_second_flop_on_another_clock_is_found(tmp_path):
    text = to_verilog(Toy(), name="toy")
    module = text.index("module \\toy.up.fifo.consume_cdc ")
    right = "    stage1 <= stage0;"
    at = text.index(right, module)
    end = text.index("endmodule", at)
    # The module has no other clock: the pointer's top bit does for one.
    (tmp_path / "toy.v").write_text(
        text[:at] + text[at + len(right):end] + "  always @(posedge rst)\n" + right + "\n"
        + text[end:])
    found = crossings.trace(tmp_path / "toy.v", tmp_path).findings
    assert ("up/fifo/consume_r_gry (tx_clk) -> up/fifo/consume_cdc/stage0 (clk): "
            "the two flops are not a chain of one clock") in found


def test_memory_read_through_logic_is_found(tmp_path):
    text = to_verilog(Toy(), name="toy")
    module = text.index("module \\toy.up.fifo (")
    right = "<= storage[consume_r_nxt[2:0]];"
    at = text.index(right, module)
    (tmp_path / "toy.v").write_text(
        text[:at] + "<= ~ storage[consume_r_nxt[2:0]];" + text[at + len(right):])
    assert crossings.trace(tmp_path / "toy.v", tmp_path).findings == [
        "up/fifo/storage (clk) -> up/fifo/r_data (tx_clk): not through an AsyncFIFO"]


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_exported_block_is_clean(block, tmp_path):
    path = verilog.export(config.load("ecp5"), block, tmp_path)[0]
    assert crossings.trace(path).findings == []


def test_text_of_one_clock_is_known_without_yosys_and_yosys_agrees(tmp_path):
    path = verilog.export(config.load("ecp5"), "crossbar", tmp_path)[0]
    assert crossings.only_clock(path.read_text()) == "clk"
    found = crossings.judge(netlist.read(path))
    assert (found.clocks, found.findings) == (["clk"], [])
    assert set().union(*found.inputs.values()) <= {"clk", None}


@pytest.mark.parametrize("text", [
    "always @(posedge clk) a <= b; always @(posedge other) c <= d;",
    "always @(posedge clk) a <= b; thing u(.clk(other));",
    "always @(negedge clk, posedge rst) a <= b;",
    "assign clk = a & b; always @(posedge clk) a <= b;",
    "always @(posedge 1'h0) a <= b;",
    "assign a = b;",
])
def test_text_that_may_have_other_clocks_is_given_to_yosys(text):
    assert crossings.only_clock(text) is None


def test_result_is_kept_by_the_text(tmp_path, monkeypatch):
    first = trace(tmp_path, Toy())
    monkeypatch.setattr(crossings.netlist, "read", lambda path: pytest.fail("read again"))
    assert crossings.trace(tmp_path / "toy.v", tmp_path) == first
