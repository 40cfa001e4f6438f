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


class StructCodec:
    """Packs objects as the exported Verilog does: first field at the LSB.

    Parameters
    ----------
    fields : list of (name, width)
    """

    def __init__(self, fields: list[tuple[str, int]]):
        self.fields = fields
        self.offsets, at = {}, 0
        for name, width in fields:
            self.offsets[name] = at
            at += width
        self.bits = at

    def pack(self, values) -> int:
        """The word of an object that has the fields as attributes."""
        word = 0
        for name, width in self.fields:
            field = getattr(values, name)
            if field >> width:
                raise ValueError(f"{name} = {field} does not fit {width} bits")
            word |= field << self.offsets[name]
        return word

    def split(self, word: int) -> dict[str, int]:
        """Fields by name."""
        return {name: word >> self.offsets[name] & (1 << width) - 1 for name, width in self.fields}
