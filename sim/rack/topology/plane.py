"""One plane: switches, their fibres, and tables of routes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SWITCH = (0, 1), (2, 3)
"""Columns of the ends of a row of `Plane.fibres`: (switch, port)."""


class Plane(NamedTuple):
    """S switches for E endpoints; endpoint e is on port `exit[e]` of switch `home[e]`."""

    radix: int              # ports of each switch
    endpoints: tuple[str, ...]      # names
    switches: tuple[str, ...]
    home: np.ndarray        # int32[E]
    exit: np.ndarray        # int64[E]
    fibres: np.ndarray      # int64[fibres between switches, 4]: switch, port, switch, port
    exit_m: np.ndarray      # float[E]: lengths of the endpoints' fibres
    fibre_m: np.ndarray     # float[fibres]
    sets: np.ndarray        # uint64[S, E]: ports that a switch may send each destination to
    class_of: np.ndarray    # uint8[S, S]: class of packets from one switch to another, by table

    @property
    def heads(self) -> np.ndarray:
        """int64[S, radix]: the switch at the far end of each port, or -1."""
        heads = np.full((len(self.switches), self.radix), -1)
        for (a, p), (b, _) in (SWITCH, SWITCH[::-1]):
            heads[self.fibres[:, a], self.fibres[:, p]] = self.fibres[:, b]
        return heads

    @property
    def port_sets(self) -> np.ndarray:
        """uint64[S]: ports to other switches."""
        bits = np.uint64(1) << np.arange(self.radix, dtype=np.uint64)
        return np.where(self.heads >= 0, bits, np.uint64(0)).sum(axis=1, dtype=np.uint64)


def one_port(ports) -> np.ndarray:
    """Sets of one port each."""
    return np.uint64(1) << np.asarray(ports).astype(np.uint64)


def on_switches(count: int, each: int):
    """(`home`, `exit`) of `count` endpoints, `each` on the first ports of every switch."""
    endpoint = np.arange(count)
    return (endpoint // each).astype(np.int32), endpoint % each
