"""Timing constraints: they name what is in the Verilog, and leave no crossing out."""

import re

import pytest
from toys import LANES, Toy

from lightloom import config
from lightloom.flow import constraints, crossings, netlist, verilog
from lightloom.flow.errors import FlowError
from lightloom.hdl.blocks import BLOCKS

FIFOS = ["up/fifo", *(f"down_{k}/fifo" for k in range(LANES))]
CFG = config.override(config.load("ecp5"), chiplet__core_mhz=100.0)
PERIODS = {"clk": 10.0, "tx_clk": 12.8, **{f"rx_clk__{k}": 12.8 for k in range(LANES)}}


@pytest.fixture
def exported(monkeypatch, tmp_path):
    monkeypatch.setattr(verilog, "blocks", lambda: {"toy": Toy})
    return verilog.export(CFG, "toy", tmp_path)


def commands(path):
    """The lines that do something, without comments."""
    return [line for text in path.read_text().splitlines()
            if (line := text.partition(";#")[0].strip()) and not line.startswith("#")]


def bits(design, cell):
    """Bits of the register that a cell pattern names: `r_reg` has one, `r_reg[*]` several."""
    vector = cell.removesuffix("[*]")
    found = design.nets(vector.removesuffix("_reg")) if vector.endswith("_reg") else None
    return found if found and (len(found) > 1) == (vector != cell) else None


@pytest.mark.parametrize("kind", ["sdc", "xdc"])
def test_every_name_is_in_the_verilog(kind, exported):
    text = next(path for path in exported if path.suffix == f".{kind}").read_text()
    design = netlist.read(exported[0])
    flops = [register.q for register in design.registers]
    cells = set(re.findall(r"get_cells \{(.*?)\}", text))
    assert len(cells) >= 9 * len(FIFOS) - 2
    for cell in cells:
        if cell.endswith("storage_reg*"):
            memory = cell.removesuffix("_reg*")
            assert memory in {register.memory for register in design.registers}
        else:
            assert bits(design, cell) in flops, cell
    assert set(re.findall(r"get_ports \{(.*?)\}", text)) == {*PERIODS, "rst"}
    assert set(re.findall(r"get_clocks \{(.*?)\}", text)) == set(PERIODS)
    # Nothing is named in another way.
    named = re.findall(r"\[get_(?:cells|ports|clocks) \{[^{}]+\}\]", text)
    assert text.count("[get_") == len(named)


@pytest.mark.parametrize("kind", ["sdc", "xdc"])
def test_every_clock_port_has_one_clock_of_the_right_period(kind, exported):
    lines = commands(next(path for path in exported if path.suffix == f".{kind}"))
    found = [re.fullmatch(r"create_clock -name (\S+) -period (\S+) \[get_ports \{(\S+)\}\]", line)
             for line in lines if line.startswith("create_clock")]
    assert sorted((m[1], float(m[2]), m[3]) for m in found) == sorted(
        (name, period, name) for name, period in PERIODS.items())


@pytest.mark.parametrize("fifo", FIFOS)
def test_every_crossing_is_bounded_by_the_shorter_period(fifo, exported):
    sdc, xdc = commands(exported[2]), commands(exported[3])
    for pointer, flops in crossings.POINTERS.items():
        source, first, second = (f"[get_cells {{{fifo}/{name}_reg[*]}}]" for name in (
            pointer, f"{flops}/stage0", f"{flops}/stage1"))
        path = f"-from {source} -to {first}"
        assert xdc.count(f"set_max_delay -datapath_only 10 {path}") == 1
        assert xdc.count(f"set_bus_skew 10 {path}") == 1
        assert sdc.count(f"set_max_delay 10 {path}") == sdc.count(f"set_min_delay -10 {path}") == 1
        for flop in (first, second):
            assert xdc.count(f"set_property ASYNC_REG TRUE {flop}") == 1
    write, read = ("clk", "tx_clk") if fifo == "up/fifo" else (f"rx_clk__{fifo[5]}", "clk")
    memory = (f"-from [get_clocks {{{write}}}] -through [get_cells {{{fifo}/storage_reg*}}] "
              f"-to [get_clocks {{{read}}}]")
    assert xdc.count(f"set_max_delay -datapath_only 10 {memory}") == 1
    assert sdc.count(f"set_max_delay 10 {memory}") == 1


@pytest.mark.parametrize("number", [2, 3])
def test_resets_are_false_paths_from_their_source_alone(number, exported):
    lines = [line for line in commands(exported[number]) if line.startswith("set_false_path")]
    expected = []
    for scope, source in [
            *((f"reset_{name}", "[get_ports {rst}]") for name in ["tx", "rx_0", "rx_1"]),
            ("up/fifo/rst_cdc", "[get_ports {rst}]"),
            *((f"down_{k}/fifo/rst_cdc", f"[get_cells {{reset_rx_{k}/stage1_reg}}]")
              for k in range(LANES))]:
        expected += [f"set_false_path -from {source} -to [get_cells {{{scope}/stage{k}_reg}}]"
                     for k in range(2)]
    assert sorted(lines) == sorted(expected)


def test_no_clocks_are_declared_unrelated(exported):
    assert not re.search("set_clock_groups|-asynchronous", "".join(
        line for path in exported[2:] for line in commands(path)))


def test_exporting_twice_gives_the_same_files(exported, tmp_path):
    first = [path.read_bytes() for path in exported]
    again = verilog.export(CFG, "toy", tmp_path / "again")
    assert [path.name for path in again] == ["toy.v", "toy.json", "toy.sdc", "toy.xdc"]
    assert [path.read_bytes() for path in again] == first


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_every_block_has_a_clock_for_each_clock_port(block, tmp_path):
    paths = verilog.export(config.load("ecp5"), block, tmp_path)
    used = crossings.trace(paths[0]).clocks
    for path in paths[2:]:
        made = re.findall(r"^create_clock -name (\S+)", path.read_text(), re.MULTILINE)
        assert sorted(made) == sorted(used)


@pytest.mark.parametrize(("block", "field"), [
    ("crossbar", "chiplet.core_mhz: 100 MHz"),
    ("lane_rx", "serdes.lane_gbps / serdes.word_bits: 78.125 MHz")])
def test_clock_names_the_field_that_its_rate_is_from(block, field, tmp_path):
    for path in verilog.export(CFG, block, tmp_path)[2:]:
        [line] = [line for line in path.read_text().splitlines() if line.startswith("create_clock")]
        assert line.endswith(f";# {field}")


def test_clock_without_a_rate_is_refused():
    with pytest.raises(FlowError, match="toy: port strobe is used as a clock and has no rate"):
        constraints.render("SDC", "toy", "test", constraints.clocks(CFG, "toy", ["clk"]),
                           crossings.Crossings(["clk", "strobe"]))
