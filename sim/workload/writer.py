"""Write Chakra execution traces."""

from __future__ import annotations

import io
from pathlib import Path

from google.protobuf.proto import serialize_length_prefixed

from .schema import VERSION, GlobalMetadata, Node, NodeType, set_attributes


def make_node(number: int, name: str, kind: NodeType, *, data_deps=(), ctrl_deps=(), micros=0,
              **attributes):
    """A `Node`, with attributes in the kinds that Chakra's own tools write."""
    node = Node(id=number, name=name, type=kind, data_deps=data_deps, ctrl_deps=ctrl_deps,
                duration_micros=micros)
    set_attributes(node, **attributes)
    return node


def write(path: str | Path, nodes, **metadata) -> None:
    """Write an `.et` file: a `GlobalMetadata` with these attributes, then the nodes."""
    head = GlobalMetadata(version=VERSION)
    set_attributes(head, schema=VERSION, **metadata)
    stream = io.BytesIO()
    for message in (head, *nodes):
        serialize_length_prefixed(message, stream)
    Path(path).write_bytes(stream.getvalue())
