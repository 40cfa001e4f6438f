"""Timing constraints of an exported block: SDC, and XDC for Vivado.

A clock for each clock port, and for each crossing what makes it safe. Clocks are not declared
unrelated: a path between two of them that nobody foresaw is then timed, and seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .crossings import POINTERS, Crossings, Fifo, Reset
from .errors import FlowError
from .netlist import joined

LANES = ("lane_rx", "lane_tx")
"""Blocks whose `clk` is that of a lane's words, as they are alone on it."""

HEAD = """# {name}: timing constraints ({kind}) of {origin}.
# Cells are named as in {name}.v; a flip-flop of register r is r_reg, or r_reg[k] of a vector.
# Clocks are not declared asynchronous: a path between two of them that is not named below is
# timed like any other.
"""

SDC_CROSSING = """
# Each path below is meant to be bounded by its data path alone, the insertion delays of the two
# clocks left out: where a tool has -ignore_clock_latency or the like, add it to set_max_delay.
# The minimum is negative because there is no hold requirement between unrelated clocks. Pointers
# must keep their registers (no merging with equal ones, no retiming).
"""


@dataclass(frozen=True)
class Clock:
    """A clock port, its rate in MHz, and what of the profile the rate follows from."""

    port: str
    mhz: float
    fields: str

    @property
    def period_ns(self) -> float:
        return 1000 / self.mhz


def clocks(cfg, block: str, names) -> list[Clock]:
    """The clock ports among port `names` of `block`, with the rates that the profile gives."""
    word_mhz = 1000 * cfg.serdes.lane_gbps / cfg.serdes.word_bits
    found = []
    for name in names:
        if name == "clk" and block not in LANES:
            found.append(Clock(name, cfg.chiplet.core_mhz, "chiplet.core_mhz"))
        elif re.fullmatch(r"clk|(.*_)?(tx_clk|rx_clk(__\d+)?)", name):
            found.append(Clock(name, word_mhz, "serdes.lane_gbps / serdes.word_bits"))
    return found


def render(kind: str, name: str, origin: str, clock_ports: list[Clock],
           crossings: Crossings) -> str:
    """Text of the constraints of block `name`.

    Parameters
    ----------
    kind : {"SDC", "XDC"}
    origin : str
        What the block is of, for the first line.

    Raises
    ------
    FlowError
        When a port is used as a clock and is not one of `clock_ports`.
    """
    periods = {clock.port: clock.period_ns for clock in clock_ports}
    if unknown := [port for port in crossings.clocks if port not in periods]:
        raise FlowError(f"{name}: port {unknown[0]} is used as a clock and has no rate: the names "
                        "of clocks are clk, ..tx_clk, ..rx_clk and ..rx_clk__<lane>")
    lines = [HEAD.format(name=name, kind=kind, origin=origin)]
    lines += [f"create_clock -name {clock.port} -period {_ns(clock.period_ns)} "
              f"[get_ports {{{clock.port}}}]  ;# {clock.fields}: {clock.mhz:.6g} MHz"
              for clock in clock_ports]
    if kind == "SDC" and crossings.fifos:
        lines.append(SDC_CROSSING.rstrip())
    for fifo in crossings.fifos:
        shorter = min(periods[fifo.write], periods[fifo.read])
        lines += ["", f"# {fifo.path}: {fifo.write} -> {fifo.read}; bounded by the shorter period",
                  *_pointers(kind, fifo, _ns(shorter)), *_memory(kind, fifo, _ns(shorter))]
    if crossings.resets:
        lines += ["", "# Asynchronous resets: asserted at any time, released by two flip-flops."]
    for reset in crossings.resets:
        lines += _reset(kind, reset)
    return "\n".join(lines) + "\n"


def _pointers(kind: str, fifo: Fifo, ns: str) -> list[str]:
    lines = []
    for pointer, synchroniser in POINTERS.items():
        source = _cells(joined(fifo.path, f"{pointer}_reg[*]"))
        first, second = (_cells(joined(fifo.path, f"{synchroniser}/stage{k}_reg[*]"))
                         for k in range(2))
        path = f"-from {source} -to {first}"
        if kind == "XDC":
            # Vivado merges registers that are equal, as the top bit of a Gray pointer is to the
            # binary one: then the name that a constraint relies on may be gone.
            lines += [f"set_property DONT_TOUCH TRUE {source}",
                      f"set_property ASYNC_REG TRUE {first}",
                      f"set_property ASYNC_REG TRUE {second}",
                      f"set_max_delay -datapath_only {ns} {path}",
                      f"set_bus_skew {ns} {path}"]
        else:
            lines += [f"set_max_delay {ns} {path}", f"set_min_delay -{ns} {path}"]
    return lines


def _memory(kind: str, fifo: Fifo, ns: str) -> list[str]:
    """The read data of a memory in LUTs or registers, which the write clock launches.

    Through the memory rather than from it: in a block RAM the read clock launches the data, and
    these paths do not exist.
    """
    path = (f"-from [get_clocks {{{fifo.write}}}] "
            f"-through {_cells(joined(fifo.path, 'storage_reg*'))} "
            f"-to [get_clocks {{{fifo.read}}}]")
    if kind == "XDC":
        return [f"set_max_delay -datapath_only {ns} {path}"]
    return [f"set_max_delay {ns} {path}", f"set_min_delay -{ns} {path}"]


def _reset(kind: str, reset: Reset) -> list[str]:
    flops = [_cells(f"{stage}_reg") for stage in reset.stages]
    lines = [f"set_property ASYNC_REG TRUE {flop}" for flop in flops if kind == "XDC"]
    if reset.source:
        source = (f"[get_ports {{{reset.source}}}]" if reset.port else
                  _cells(f"{reset.source}_reg"))
        # From its source alone: the flops see it at their asynchronous input and nowhere else.
        lines += [f"set_false_path -from {source} -to {flop}" for flop in flops]
    return lines


def _cells(path: str) -> str:
    return f"[get_cells {{{path}}}]"


def _ns(period: float) -> str:
    return f"{period:.6g}"
