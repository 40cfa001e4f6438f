"""Writes of the crossbar's tables (docs/crossbar.md, Tables), and words that hold them."""

from __future__ import annotations

from typing import NamedTuple

from lightloom.sim.xbar import DEFAULT, NO_ENTRY, ONE, ROUTE

from .layouts import StructCodec


class TableWrite(NamedTuple):
    """One write, transferred in `cycle` or, where that is taken, as soon as possible after it."""

    cycle: int
    op: int
    inputs: int
    index: int
    value: int
    ports: int


class TableCodec(StructCodec):
    """Table writes as words."""

    def __init__(self, cfg, inputs: int | None = None, outputs: int | None = None):
        ports = cfg.derived.ports
        slots = 4 * cfg.chiplet.vcs
        self.inputs = ports if inputs is None else inputs
        self.outputs = ports if outputs is None else outputs
        super().__init__([("op", 3), ("inputs", self.inputs),
                          ("index", max(cfg.derived.id_bits, (slots - 1).bit_length())),
                          ("value", 3), ("ports", self.outputs)])


def entry_writes(entries, *, inputs: int, start: int = 0) -> list[TableWrite]:
    """Writes of `entries`, (kind, set of ports) of destinations 0, 1, ..., at all inputs.

    One a cycle from `start` on; entries of kind `NO_ENTRY` need none.
    """
    writes = [(dst, kind, ports) for dst, (kind, ports) in enumerate(entries) if kind != NO_ENTRY]
    return [TableWrite(start + k, ROUTE, (1 << inputs) - 1, dst, kind, ports)
            for k, (dst, kind, ports) in enumerate(writes)]


def table_writes(cfg, entries) -> list[TableWrite]:
    """Writes of `entries`, as soon as `tables` is ready, the same at all inputs.

    Where every destination has an entry, the most frequent one is the default, so that the tables
    are written before links are up.
    """
    entries, inputs = [tuple(entry) for entry in entries], cfg.derived.ports
    usual = max(set(entries), key=entries.count)
    if len(entries) < 2**cfg.derived.id_bits or any(kind == NO_ENTRY for kind, _ in entries):
        return entry_writes(entries, inputs=inputs)
    others = [(NO_ENTRY, 0) if entry == usual else entry for entry in entries]
    return [TableWrite(0, DEFAULT, (1 << inputs) - 1, 0, *usual),
            *entry_writes(others, inputs=inputs)]


def written(cfg, writes) -> int:
    """Cycle of the first flit that goes by all of the writes, when they are written at once."""
    return 2**cfg.derived.id_bits + len(writes) + 1


def straight(outputs: int, *, inputs: int | None = None, start: int = 0) -> list[TableWrite]:
    """Destination d is output d, for all inputs."""
    return entry_writes([(ONE, 1 << port) for port in range(outputs)], start=start,
                        inputs=outputs if inputs is None else inputs)
