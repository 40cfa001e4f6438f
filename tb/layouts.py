"""Values of exported struct ports, field by field."""

from __future__ import annotations

import enum

from amaranth.lib.data import Layout


def decode(layout, value: int):
    """Nested dict or list of the fields of `value`; enumerations become their names."""
    try:
        layout = Layout.cast(layout)
    except TypeError:
        if isinstance(layout, enum.EnumMeta):
            return layout(value).name
        return value
    fields = {}
    for name, field in layout:
        part = value >> field.offset & (1 << field.width) - 1
        fields[name] = decode(field.shape, part)
    return fields
