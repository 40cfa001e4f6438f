"""Messages of a Chakra execution trace that the workload needs.

MLCommons Chakra, `schema/protobuf/et_def.proto`, package `ChakraProtoMsg`. Field numbers and
names are the standard's; what is left out here (inputs, outputs, doc strings, most list-valued
attributes) is skipped by the parser as unknown fields.
"""

from __future__ import annotations

from enum import IntEnum

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

VERSION = "1.0.1"
"""Of the schema that is written."""


class NodeType(IntEnum):
    INVALID_NODE = 0
    METADATA_NODE = 1
    MEM_LOAD_NODE = 2
    MEM_STORE_NODE = 3
    COMP_NODE = 4
    COMM_SEND_NODE = 5
    COMM_RECV_NODE = 6
    COMM_COLL_NODE = 7


class Collective(IntEnum):
    """`CollectiveCommType`, the value of the attribute `comm_type`."""

    ALL_REDUCE = 0
    REDUCE = 1
    ALL_GATHER = 2
    GATHER = 3
    SCATTER = 4
    BROADCAST = 5
    ALL_TO_ALL = 6
    REDUCE_SCATTER = 7
    REDUCE_SCATTER_BLOCK = 8
    BARRIER = 9


_ATTRIBUTE_VALUES = {
    "double_val": 3, "float_val": 5, "int32_val": 7, "int64_val": 9, "int64_list": 10,
    "uint32_val": 11, "uint64_val": 13, "sint32_val": 15, "sint64_val": 17, "fixed32_val": 19,
    "fixed64_val": 21, "sfixed32_val": 23, "sfixed64_val": 25, "bool_val": 27, "string_val": 29,
}
_MESSAGES = {
    "Int64List": [("values", "int64", 1, True)],
    "AttributeProto": [("name", "string", 1, False), *(
        (name, "Int64List" if name == "int64_list" else name.removesuffix("_val"), number, False)
        for name, number in _ATTRIBUTE_VALUES.items())],
    "GlobalMetadata": [("version", "string", 1, False), ("attr", "AttributeProto", 2, True)],
    # The standard's `type` is an enum: int32 is the same on the wire, and keeps unknown values.
    "Node": [("id", "uint64", 1, False), ("name", "string", 2, False), ("type", "int32", 3, False),
             ("ctrl_deps", "uint64", 4, True), ("data_deps", "uint64", 5, True),
             ("start_time_micros", "uint64", 6, False), ("duration_micros", "uint64", 7, False),
             ("attr", "AttributeProto", 10, True)],
}


def _build():
    package = "lightloom.chakra"
    file = descriptor_pb2.FileDescriptorProto(
        name="lightloom/chakra.proto", package=package, syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for name, kind, number, repeated in fields:
            field = message.field.add(
                name=name, number=number,
                label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL)
            if kind in _MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                field.type = getattr(kinds, f"TYPE_{kind.upper()}")
            if name in _ATTRIBUTE_VALUES:
                field.oneof_index = 0
        if message_name == "AttributeProto":
            message.oneof_decl.add(name="value")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
            for name in ("GlobalMetadata", "Node")]


GlobalMetadata, Node = _build()


def attributes(message) -> dict[str, object]:
    """Attributes of a `GlobalMetadata` or a `Node` by name; lists become tuples."""
    found = {}
    for attribute in message.attr:
        kind = attribute.WhichOneof("value")
        if kind is not None:
            value = getattr(attribute, kind)
            found[attribute.name] = tuple(value.values) if kind == "int64_list" else value
    return found


def set_attributes(message, **values) -> None:
    """Append attributes, in the kinds that Chakra's own tools write."""
    for name, value in values.items():
        attribute = message.attr.add(name=name)
        if isinstance(value, bool):
            attribute.bool_val = value
        elif isinstance(value, int):
            attribute.int64_val = value
        elif isinstance(value, str):
            attribute.string_val = value
        else:
            attribute.int64_list.values.extend(value)
