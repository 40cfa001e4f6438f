"""Lint: every profile passes all tools, and a block with a real fault does not."""

import pytest

from lightloom import config
from lightloom.flow import lint, verilog
from lightloom.flow.errors import CheckError
from lightloom.hdl.blocks import BLOCKS

FAULTS = {
    # name: (ports, body, checks that must object, and no other; word of the finding)
    "truncated": ("input [7:0] a, output [3:0] y", "assign y = a;", {"verilator"}, "WIDTHTRUNC"),
    "extended": ("input [3:0] a, output [7:0] y", "assign y = a;", {"verilator"}, "WIDTHEXPAND"),
    "latch": ("input a, input b, output reg y", "always @* if (a) y = b;",
              {"verilator", "yosys"}, "atch inferred"),
    "undriven": ("input a, output y, output z", "wire q; assign y = q; assign z = a;",
                 {"verilator", "yosys"}, "driven"),
    "unclocked": ("input a, output reg y", "always @(posedge 1'h0) y <= a;",
                  {"clocks"}, "its clock is a constant"),
    "driven_twice": ("input a, input b, output y", "assign y = a; assign y = b;",
                     {"verilator", "yosys"}, "drivers"),
    "looping": ("input a, output y",
                "wire p, q; assign p = ~q & a; assign q = ~p | a; assign y = p;",
                {"verilator", "yosys"}, "ogic"),
    "unknown_module": ("input a, output y", "nothing u (.a(a), .y(y));",
                       {"icarus", "verilator", "yosys"}, "nothing"),
    "system_verilog": ("input a, output logic y", "always_comb y = a;",
                       {"icarus", "verilator", "yosys"}, "rror"),
}


def write(folder, name: str, ports: str, body: str):
    path = folder / f"{name}.v"
    path.write_text(f"module {name}(\n  {ports}\n);\n  {body}\nendmodule\n")
    return path


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found(name, tmp_path):
    ports, body, tools, word = FAULTS[name]
    path = write(tmp_path, name, ports, body)
    found = {tool: lines for tool, check in lint.CHECKS.items() if (lines := check(path))}
    assert set(found) == tools
    assert word in "\n".join(found[min(tools)])


def test_clean_block_gives_no_finding(tmp_path):
    path = write(tmp_path, "clean", "input clk, input a, output reg y",
                 "always @(posedge clk) y <= a;")
    assert {tool: check(path) for tool, check in lint.CHECKS.items()} == dict.fromkeys(
        lint.CHECKS, [])


# The chiplet of `sim` takes minutes; its blocks, each by itself, do not.
@pytest.mark.parametrize(("profile", "block"), [
    pytest.param(profile, block, marks=[pytest.mark.long] if profile == "tera" or (
        profile, block) == ("sim", "chiplet") else [])
    for profile in ("ecp5", "sim", "tera") for block in sorted(BLOCKS)])
def test_exported_block_passes_every_tool(profile, block, tmp_path):
    path = verilog.export(config.load(profile), block, tmp_path)[0]
    assert {tool: check(path) for tool, check in lint.CHECKS.items()} == dict.fromkeys(
        lint.CHECKS, [])


def test_python_passes_ruff():
    assert lint.ruff() == []


def test_findings_end_the_command_with_every_line(monkeypatch, tmp_path):
    monkeypatch.setattr(lint, "ruff", lambda _: [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(lint.CHECKS, "icarus", lambda path: ["first", "second"])
    with pytest.raises(CheckError) as caught:
        lint.run([config.load("ecp5")], "crossbar")
    assert str(caught.value).splitlines() == [
        "lint found 2 problems", "icarus ecp5/crossbar: first", "icarus ecp5/crossbar: second"]
    assert caught.value.exit_code == 1


def test_every_waiver_has_a_reason_above_it():
    waived = False
    for line in lint.WAIVERS.read_text().splitlines()[2:]:
        if line.startswith("lint_off"):
            assert waived, line
        waived = line.startswith("//") or (waived and bool(line))


# No profile has FEC.
@pytest.mark.parametrize("block", ["lane_rx", "lane_tx"])
@pytest.mark.parametrize("fec", ["rs152", pytest.param("rs544", marks=pytest.mark.long)])
def test_lane_with_fec_passes_every_tool(fec, block, tmp_path):
    cfg = config.override(config.load("sim"), serdes__fec=fec, link__replay_flits=2048,
                          xbar__vc_depth=2048)
    path = verilog.export(cfg, block, tmp_path)[0]
    assert {tool: check(path) for tool, check in lint.CHECKS.items()} == dict.fromkeys(
        lint.CHECKS, [])
