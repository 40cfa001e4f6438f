"""Copies of a component are instances of one module of the export, and nothing else is shared."""

import re

import pytest
from amaranth import ClockDomain, DomainRenamer, Module, Signal
from amaranth.lib.wiring import In, Out

from lightloom import config
from lightloom.hdl.chiplet import Chiplet
from lightloom.hdl.component import Component
from lightloom.hdl.export import to_verilog


class Leaf(Component):
    """A register of `width` bits, and a port that has none when `width` is 1."""

    def __init__(self, width: int, kept=None):
        self._width, self._kept = width, kept
        super().__init__({"i": In(width), "o": Out(width), "rest": In(width - 1)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.i ^ self.rest)
        return m


class Inverting(Leaf):
    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.sync += self.o.eq(~self.i)
        return m


class Tree(Component):
    """Leaves side by side; `fast` runs those that it makes on the clock port `fast`."""

    def __init__(self, *leaves, fast: bool = False):
        self._leaves, self._fast = leaves, fast
        super().__init__({"fast": In(1), "i": In(8), "o": Out(8).array(len(leaves))})

    def elaborate(self, platform):
        m = Module()
        m.domains += (domain := ClockDomain("fast", local=True))
        m.d.comb += domain.clk.eq(self.fast)
        for number, make in enumerate(self._leaves):
            leaf = make()
            inside = DomainRenamer("fast")(leaf) if self._fast else leaf
            m.submodules[f"leaf_{number}"] = inside
            m.d.comb += [leaf.i.eq(self.i), self.o[number].eq(leaf.o)]
        return m


def modules(text: str) -> list[str]:
    return re.findall(r"^module (\\\S+|\w+) ?\(", text, re.MULTILINE)


def instances(text: str) -> dict[str, str]:
    """Module of each leaf of a tree."""
    return {leaf: module for module, leaf in re.findall(
        r"^  (\\\S+|\w+) +(leaf_\d) \(", text, re.MULTILINE)}


def tree(*leaves, **kwargs) -> str:
    return to_verilog(Tree(*leaves, **kwargs), name="tree")


def test_copies_are_one_module():
    text = tree(lambda: Leaf(8), lambda: Leaf(8), lambda: Leaf(8))
    assert sorted(modules(text)) == ["tree", "tree_leaf"]
    assert instances(text) == dict.fromkeys(("leaf_0", "leaf_1", "leaf_2"), "tree_leaf")


@pytest.mark.parametrize("other", [
    lambda: Leaf(7), lambda: Leaf(8, kept="x"), lambda: Leaf(8, kept=(1, 2)),
    lambda: Inverting(8)], ids=["ports", "value", "tuple", "class"])
def test_what_is_made_otherwise_is_another_module(other):
    text = tree(lambda: Leaf(8), other, lambda: Leaf(8))
    assert len(modules(text)) == 3
    found = instances(text)
    assert found["leaf_0"] == found["leaf_2"] != found["leaf_1"]


def test_a_class_that_builds_on_another_has_what_both_say():
    text = tree(lambda: Inverting(8))
    assert "tree_inverting" in modules(text) and "tree_leaf" not in modules(text)
    assert re.search(r"= ~ ?i;", text)


def test_what_cannot_be_told_from_its_text_is_not_shared():
    text = tree(lambda: Leaf(8, kept=object()), lambda: Leaf(8, kept=object()))
    assert sorted(modules(text)) == ["\\tree.leaf_0", "\\tree.leaf_1", "tree"]


def test_a_renamed_domain_reaches_the_clock_and_the_reset_of_an_instance():
    text = tree(lambda: Leaf(8), fast=True)
    body = text[text.index("  tree_leaf "):]
    assert re.search(r"\.clk\((fast|fast_clk)\)", body[:body.index(");\n") + 2])
    assert sorted(modules(text)) == ["tree", "tree_leaf"]


def test_a_port_without_bits_is_in_no_module():
    text = tree(lambda: Leaf(1))
    assert "rest" not in text and "[-1:0]" not in text


def test_two_exports_have_no_module_in_common():
    first, second = (set(modules(to_verilog(Tree(lambda: Leaf(8)), name=name)))
                     for name in ("one", "two"))
    assert not first & second


def test_a_chiplet_has_one_module_for_all_its_ports_and_lanes():
    cfg = config.load("sim")
    text = to_verilog(Chiplet(cfg), name="chiplet")
    found = modules(text)
    assert len(found) == len(set(found))
    for name in ("chiplet_link", "chiplet_adapter", "chiplet_lane_rx", "chiplet_voq_memory"):
        assert name in found and name + "_2" not in found
    used = re.findall(r"^  chiplet_(link|lane_rx) ", text, re.MULTILINE)
    assert used.count("link") == cfg.chiplet.optical_ports
    assert used.count("lane_rx") == cfg.serdes.lanes        # of one adapter, which is there once


def test_a_signal_of_an_instance_that_nobody_drives_is_its_initial_value():
    class Loose(Component):
        def __init__(self):
            super().__init__({"o": Out(8)})

        def elaborate(self, platform):
            m = Module()
            m.submodules.leaf_0 = leaf = Leaf(8)
            unused = Signal(8)
            m.d.comb += [self.o.eq(leaf.o ^ unused)]
            return m

    assert re.search(r"\.i\(8'h00\)", to_verilog(Loose(), name="tree"))
