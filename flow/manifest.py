"""What a block's ports are: name, direction, width, meaning, and the fields of each."""

from __future__ import annotations

import re
from enum import EnumMeta

from amaranth.hdl import Shape
from amaranth.lib import data
from amaranth.lib.wiring import In

MEANINGS = {
    # Any stream and any AXI4-Stream, by the last name of the path.
    r".*\.ready": "the consumer takes the payload in a cycle with valid",
    r".*\.tdata": "payload of one flit, byte 0 in bits 7:0",
    r".*\.tkeep": "valid bytes; all ones but on the last beat",
    r".*\.tvalid": "a beat is offered",
    r".*\.tready": "the beat is taken in a cycle with tvalid",
    r".*\.tlast": "last beat of the packet",
    r".*\.tdest": "destination endpoint; in: on the first beat, out: all through the packet",
    r".*\.tid": "source endpoint; in: on the first beat, out: all through the packet",
    r".*\.tuser": "VC in the low bits, on the first beat; error in the top bit, on the last beat",
    # Flit ports.
    r".*\.flit": "one flit and its sideband (docs/units.md)",
    r".*\.credit": "a pulse on bit v returns one buffer slot of VC v",
    # Crossbar and chiplet.
    r"tables\.payload": "a table write (docs/crossbar.md)",
    r"tables\.valid": "a table write is offered",
    r"tables\.ready": "it is taken in a cycle with valid",
    r"up": "bit j: what is behind output j takes flits",
    r"clear": "a pulse restarts the statistics",
    r"stop\[\d+\]\[\d+\]": "bit j: the queue for output j holds voq_limit flits or more",
    r"(in|out)put_status\[\d+\]": "counters of a port, saturating (docs/crossbar.md)",
    r"counters(\[\d+\])?": "counters, 16 bits each, saturating",
    r"ports\[\d+\].*": "state and counters of an optical port (docs/chiplet.md)",
    r"hosts\[\d+\].*": "counters of a host port (docs/chiplet.md)",
    r"status.*": "state and counters of the link (docs/link.md)",
    # Which lanes are used (docs/link.md, Lanes).
    r"wires": "health of each received wire (docs/serdes.md, Health)",
    r"off": "bit l: the partner is to take out its lane l",
    r"removals": "a pulse for each wire that is taken out",
    r"lanes_off": "bit l: the transmitter is to take out lane l; all ones change nothing",
    r"heard": "lanes that the partner asked for",
    r"taken": "the partner asks for lanes in this cycle",
    r"struck": "the lane that strikes took out",
    r"asleep": "the link rests, on one lane",
    # Transceivers and the adapter.
    r"(tx_)?words(\[\d+\])+": "word of a lane, each cycle; bit 0 is first on the wire",
    r"rx_words(\[\d+\])+": "word of a lane, each cycle; bit 0 was first on the wire",
    r"((tx|rx)_)?words": "word of each lane, each cycle; lane 0 in the low bits, bit 0 first",
    r"word": "word of the lane, each cycle; bit 0 is first on the wire",
    r"signal": "the transceiver sees light",
    r"slip": "the transceiver is to drop a bit",
    r"entry": "what the lane passes to the core clock (docs/serdes.md, Lane)",
    r"en": "a line row is pulled",
    r"offset": "where the row begins in its word, in strides of gcd(66, word_bits) bits",
    r"parity": "with en: it is a parity row of the FEC",
    r"marker": "with en: the lane sends its marker",
    r"live": "what the marker says of the live lanes",
    r"phase": "what the marker says of the begun beat",
    r"block": "with en: the block to send, if it is no marker and no parity",
    r"aligned": "the port's lanes are locked and aligned",
    r"(.*\.)?tx_clk": "clock of the words that are sent",
    r"(.*\.)?rx_clk\[\d+\]": "clock of a lane's received words",
    r"rx_signal(\[\d+\])?": "bit l, on lane l's clock: its transceiver sees light",
    r"rx_slip(\[\d+\])?": "bit l, on lane l's clock: its transceiver is to drop a bit",
    r"control(\[\d+\])?": "control of the adapter (docs/serdes.md); all zero is normal operation",
    r".*\.payload": "what the stream carries: see fields",
    r".*valid": "the values beside it hold in this cycle",
    r".*beat": "one beat: a block for each element (docs/units.md)",
}
"""Path pattern to meaning; the first that matches the whole path holds."""


def describe(component) -> list[dict]:
    """Ports of `component` in the order of its signature, after clock and reset.

    Each is a dict of ``name`` (in the Verilog), ``path`` (in the signature), ``direction``
    (``"input"`` or ``"output"``), ``width`` in bits, ``meaning``, and, where it is not a plain
    number, ``fields`` or ``values``.
    """
    ports = [
        {"name": "clk", "path": "clk", "direction": "input", "width": 1,
         "meaning": "core clock; all ports belong to its rising edge"},
        {"name": "rst", "path": "rst", "direction": "input", "width": 1,
         "meaning": "synchronous reset, active high"},
    ]
    for path, member, _ in component.signature.flatten(component):
        readable = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)[1:]
        ports.append({
            "name": "__".join(map(str, path)),
            "path": readable,
            "direction": "input" if member.flow == In else "output",
            "width": Shape.cast(member.shape).width,
            "meaning": meaning(readable),
            **_structure(member.shape),
        })
    return ports


def meaning(path: str) -> str:
    """What the port at a signature path is for; empty when nobody has said."""
    return next((text for pattern, text in MEANINGS.items() if re.fullmatch(pattern, path)), "")


def _structure(shape) -> dict:
    """`fields` of a struct or an array, `values` of an enumeration, recursively."""
    if isinstance(shape, EnumMeta):
        return {"values": {member.name: member.value for member in shape}}
    try:
        layout = data.Layout.cast(shape)
    except TypeError:
        return {}
    fields = []
    for key, field in layout:
        fields.append({
            "name": f"[{key}]" if isinstance(key, int) else key,
            "offset": field.offset, "width": Shape.cast(field.shape).width,
            **_structure(field.shape),
        })
    return {"fields": fields}
