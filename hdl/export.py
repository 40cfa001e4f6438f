"""Amaranth component to Verilog-2005 text."""

from __future__ import annotations

from amaranth.back import verilog


def to_verilog(component, *, name: str) -> str:
    """Convert `component` to Verilog; its ports are its signature's members, `clk` and `rst`."""
    return verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)
