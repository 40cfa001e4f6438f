"""Process groups: which ranks take part in a collective."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .errors import TraceError

PREFIX = "group."
"""Of the metadata attributes that hold rules."""


class Groups:
    """Families of disjoint groups, by the name in a node's `pg_name`.

    A family is a rule `(size, stride)`: rank r is in the group of the ranks q with
    q mod stride == r mod stride and q // (size * stride) == r // (size * stride). Tensor
    parallelism over neighbours is (8, 1), data parallelism across them (128, 8). Or it is one
    group, a list of ranks in order, as in a file for ASTRA-sim's `--comm-group-configuration`.
    A collective without `pg_name` takes all ranks.
    """

    def __init__(self, ranks: int, rules: dict, lists: dict):
        self.ranks = ranks
        everyone = np.arange(ranks, dtype=np.int32)
        self._families = {"": everyone[None]}
        self._lists = {name: np.array(members, np.int32) for name, members in lists.items()}
        for name, (size, stride) in rules.items():
            self._families[name] = (
                everyone.reshape(-1, size, stride).transpose(0, 2, 1).reshape(-1, size))

    def family(self, name: str, where: str) -> np.ndarray:
        """Groups of a family, int32[groups, size]; `where` names the node in errors."""
        if name in self._families:
            return self._families[name]
        if name in self._lists:
            return self._lists[name][None]
        known = ", ".join(sorted(filter(None, [*self._families, *self._lists]))) or "none"
        raise TraceError(f"{where}: pg_name = {name!r}: unknown process group, known: {known}")

    def row(self, name: str, rank: int, where: str) -> int:
        """Index within the family of the group that `rank` is in."""
        rows = np.nonzero((self.family(name, where) == rank).any(axis=1))[0]
        if not rows.size:
            raise TraceError(f"{where}: pg_name = {name!r}: rank {rank} is not in this group")
        return int(rows[0])


def read_groups(ranks: int, trace, sidecar: Path | None) -> Groups:
    """Groups from a trace's metadata (`group.<name>` = [size, stride]) and from a JSON file.

    Parameters
    ----------
    ranks : int
    trace : Trace
        The first rank's; the metadata of all ranks is taken to be the same.
    sidecar : Path or None
        JSON object of lists of ranks.
    """
    rules = {}
    for key, rule in trace.metadata.items():
        if not key.startswith(PREFIX):
            continue
        where = f"trace {trace.path}: metadata {key} = {rule!r}"
        if not isinstance(rule, tuple) or len(rule) != 2 or min(rule) < 1:
            raise TraceError(f"{where}: must be two integers >= 1, size and stride")
        if ranks % (rule[0] * rule[1]):
            raise TraceError(f"{where}: size x stride must divide the {ranks} ranks")
        rules[key.removeprefix(PREFIX)] = rule
    return Groups(ranks, rules, _read_lists(sidecar, ranks) if sidecar else {})


def _read_lists(path: Path, ranks: int) -> dict:
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TraceError(f"groups {path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise TraceError(f"groups {path}: not valid JSON: {error}") from None
    if not isinstance(lists, dict):
        raise TraceError(f"groups {path}: must be an object of lists of ranks")
    for name, members in lists.items():
        where = f"groups {path}: group {name!r} = {members!r}"
        if not isinstance(members, list) or not members or not all(
                type(rank) is int and 0 <= rank < ranks for rank in members):
            raise TraceError(f"{where}: must be a list of ranks, each 0..{ranks - 1}")
        if len(set(members)) < len(members):
            raise TraceError(f"{where}: names a rank twice")
    return lists
