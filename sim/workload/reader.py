"""Read one Chakra execution trace: a file of length-prefixed protobuf messages."""

from __future__ import annotations

import heapq
import io
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from google.protobuf.proto import parse_length_prefixed

from .errors import TraceError
from .fold import fold
from .schema import Collective, GlobalMetadata, Node, NodeType, attributes


@dataclass(frozen=True, slots=True)
class Op:
    """One node of a trace, checked.

    `kind` is `COMP_NODE` for all that only takes time: compute, memory, metadata, and the host's
    side of a collective. `deps` are positions of earlier nodes; folded (:mod:`.fold`), `after`
    is (position, ns) instead. `nbytes` is the attribute `comm_size`: bytes of one rank's input.
    `peer` is the other rank of a send or a receive.
    """

    id: int
    name: str
    kind: NodeType
    deps: tuple[int, ...] = ()
    after: tuple[tuple[int, int], ...] = ()
    delay_ns: int = 0
    collective: Collective | None = None
    nbytes: int = 0
    group: str = ""
    root: int | None = None
    peer: int = -1
    tag: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """One file: its communications in an order that honours dependencies, and its metadata."""

    path: Path
    ops: tuple[Op, ...]
    metadata: dict[str, object]


def read_trace(path: Path) -> Trace:
    """Read and check one `.et` file.

    Raises
    ------
    TraceError
        One line that names the file, the node, the field, its value and what is allowed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TraceError(f"trace {path}: cannot be read: {error.strerror}") from None
    if not content:
        raise TraceError(f"trace {path}: empty file, expected a Chakra execution trace")
    stream = io.BytesIO(content)
    metadata = attributes(_record(stream, GlobalMetadata, path, 0))
    nodes = []
    while stream.tell() < len(content):
        nodes.append(_record(stream, Node, path, len(nodes) + 1))
    if not nodes:
        raise TraceError(f"trace {path}: no nodes, expected at least one")
    ops = fold(_ordered(path, nodes), Op(-1, "end", NodeType.COMP_NODE))
    return Trace(path, ops, metadata)


def _record(stream, kind, path, number):
    at, size = stream.tell(), stream.getbuffer().nbytes
    try:
        return parse_length_prefixed(kind, stream)
    except (DecodeError, ValueError, EOFError):
        if number == 0:
            raise TraceError(f"trace {path}: not a Chakra execution trace: "
                             "it does not begin with GlobalMetadata") from None
        if stream.tell() == size:
            raise TraceError(f"trace {path}: truncated: record {number} at byte {at} "
                             f"runs past the end of the file ({size} bytes)") from None
        raise TraceError(f"trace {path}: not a Chakra execution trace: "
                         f"record {number} at byte {at} is no Node") from None


def _ordered(path, nodes) -> list[Op]:
    """Nodes as :class:`Op`, in the file's order as far as dependencies allow.

    In a trace recorded from PyTorch `ctrl_deps` is the node's caller, mostly one that the
    converter has dropped; the order is in `data_deps` alone, as MLCommons' own feeder reads it.
    Such a trace is known by `rf_id`, the number that PyTorch gave to an operator's call.
    """
    recorded = any(attribute.name == "rf_id" for node in nodes for attribute in node.attr)
    place = {}
    for index, node in enumerate(nodes):
        if place.setdefault(node.id, index) != index:
            raise TraceError(f"trace {path}: node {node.id} ({node.name}): id: not unique")
    before, after = [], [[] for _ in nodes]
    for index, node in enumerate(nodes):
        needed = dict.fromkeys([*node.data_deps, *(() if recorded else node.ctrl_deps)])
        for dep in needed:
            if dep not in place:
                field = "data_deps" if dep in node.data_deps else "ctrl_deps"
                raise TraceError(f"{_where(path, node)}: {field} = {dep}: no such node")
            after[place[dep]].append(index)
        before.append([place[dep] for dep in needed])

    waits = [len(deps) for deps in before]
    ready = [index for index, count in enumerate(waits) if not count]
    position, ops = {}, []
    while ready:
        index = heapq.heappop(ready)
        position[index] = len(ops)
        ops.append(_op(path, nodes[index], tuple(position[dep] for dep in before[index])))
        for following in after[index]:
            waits[following] -= 1
            if not waits[following]:
                heapq.heappush(ready, following)
    if len(ops) < len(nodes):
        stuck = next(node for index, node in enumerate(nodes) if waits[index])
        raise TraceError(f"{_where(path, stuck)}: ctrl_deps, data_deps: "
                         "part of, or behind, a cycle of dependencies")
    return ops


def _op(path, node, deps) -> Op:
    where = _where(path, node)
    kinds = [kind.value for kind in NodeType]
    if node.type not in kinds:
        raise TraceError(f"{where}: type = {node.type}: must be one of {_choices(NodeType)}")
    kind, attribute = NodeType(node.type), attributes(node)
    # PyTorch traces hold a collective twice: the host's call, which only takes time, and the
    # kernel, which carries the attributes.
    host_side = attribute.get("is_cpu_op") and "comm_type" not in attribute
    communicates = kind in (NodeType.COMM_SEND_NODE, NodeType.COMM_RECV_NODE)
    if kind == NodeType.COMM_COLL_NODE and not host_side:
        choice = _number(where, attribute, "comm_type")
        if choice not in [each.value for each in Collective]:
            raise TraceError(
                f"{where}: comm_type = {choice}: must be one of {_choices(Collective)}")
        collective = Collective(choice)
        root = _number(where, attribute, "root_rank") if "root_rank" in attribute else None
        return Op(node.id, node.name, kind, deps, collective=collective,
                  nbytes=_size(where, attribute, collective),
                  group=str(attribute.get("pg_name", "")), root=root)
    if communicates and not host_side:
        peer = "comm_dst" if kind == NodeType.COMM_SEND_NODE else "comm_src"
        tag = _number(where, attribute, "comm_tag") if "comm_tag" in attribute else 0
        return Op(node.id, node.name, kind, deps, nbytes=_size(where, attribute),
                  peer=_number(where, attribute, peer), tag=tag)
    return Op(node.id, node.name, NodeType.COMP_NODE, deps,
              delay_ns=1000 * node.duration_micros)


def _size(where, attribute, collective=None) -> int:
    if collective == Collective.BARRIER:
        return 1     # a barrier moves no data: one byte stands for its signal
    size = _number(where, attribute, "comm_size")
    if size <= 0:
        raise TraceError(f"{where}: comm_size = {size}: must be > 0 bytes")
    return size


def _number(where, attribute, name) -> int:
    if name not in attribute:
        raise TraceError(f"{where}: attribute {name}: missing, required")
    value = attribute[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TraceError(f"{where}: {name} = {value!r}: must be an integer")
    return value


def _where(path, node) -> str:
    return f"trace {path}: node {node.id} ({node.name})"


def _choices(enum) -> str:
    return ", ".join(f"{each.value} {each.name}" for each in enum)
