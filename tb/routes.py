"""Writes of the crossbar's tables (docs/crossbar.md, Tables), and words that hold them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

ROUTE, DEFAULT, PERMIT, SLOT, STRICT = range(5)
"""What a write does."""

NONE, ONE, ALL, SOURCE, DENIED = range(5)
"""Kinds of an entry."""


class TableWrite(NamedTuple):
    """One write, transferred in `cycle` or, where that is taken, as soon as possible after it."""

    cycle: int
    op: int
    inputs: int
    index: int
    value: int
    ports: int


class TableCodec:
    """Packs table writes as the exported Verilog does: first field at the LSB."""

    def __init__(self, cfg, inputs: int | None = None, outputs: int | None = None):
        ports = cfg.derived.ports
        slots = 4 * cfg.chiplet.vcs
        self.inputs = ports if inputs is None else inputs
        self.outputs = ports if outputs is None else outputs
        self.fields = [("op", 3), ("inputs", self.inputs),
                       ("index", max(cfg.derived.id_bits, (slots - 1).bit_length())),
                       ("value", 3), ("ports", self.outputs)]
        self.bits = sum(width for _, width in self.fields)

    def pack(self, write: TableWrite) -> int:
        value = shift = 0
        for name, width in self.fields:
            field = getattr(write, name)
            if field >> width:
                raise ValueError(f"{name} = {field} does not fit {width} bits")
            value |= field << shift
            shift += width
        return value


def ports_of(ports: Iterable[int]) -> int:
    """The set of these ports as a word."""
    return sum({1 << port for port in ports})


def entry_writes(entries, *, inputs: int, start: int = 0) -> list[TableWrite]:
    """Writes of `entries`, (kind, set of ports) of destinations 0, 1, ..., at all inputs.

    One a cycle from `start` on; entries of kind `NONE` need none.
    """
    writes = [(dst, kind, ports) for dst, (kind, ports) in enumerate(entries) if kind != NONE]
    return [TableWrite(start + k, ROUTE, (1 << inputs) - 1, dst, kind, ports)
            for k, (dst, kind, ports) in enumerate(writes)]


def straight(outputs: int, *, inputs: int | None = None, start: int = 0) -> list[TableWrite]:
    """Destination d is output d, for all inputs."""
    return entry_writes([(ONE, 1 << port) for port in range(outputs)], start=start,
                        inputs=outputs if inputs is None else inputs)
