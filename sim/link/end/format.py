"""Tails and trains as numbers, and the CRC of a frame (docs/link.md, Frame)."""

from __future__ import annotations

from typing import NamedTuple

import crcmod

TAIL, TRAIN = 0x78, 0x55

_VERSION = 1
_crc32c = crcmod.mkCrcFun(0x11EDC6F41, initCrc=0, rev=True, xorOut=0xFFFFFFFF)


class Tail(NamedTuple):
    """Fields of a tail; `limit` one for each VC, `meta` (vc, first, end) and `head` (src, dst)."""

    count: int
    seq: int
    ack: int
    nak: int
    nak_epoch: int
    epoch: int
    off: int
    limit: tuple
    meta: tuple
    head: tuple


class Train(NamedTuple):
    """Fields of a train; `shared` is what both ends must have alike, in the order of `mismatch`."""

    hears: int
    fresh: int
    session: int
    echo: int
    off: int
    shared: tuple


class Format:
    """Layouts of one configuration."""

    def __init__(self, cfg):
        d, chiplet = cfg.derived, cfg.chiplet
        self.bytes = chiplet.flit_bytes
        self._crc_at = d.flit_bits - 32
        frame, vcs = cfg.link.frame_flits, chiplet.vcs
        meta, head = (d.vc_bits, 1, 2), (d.id_bits, d.id_bits)
        self._tail = _places((
            8, d.count_bits, d.seq_bits, d.seq_bits, 1, 2, 2, cfg.serdes.lanes,
            *[d.credit_bits] * vcs, *meta * frame, *head * d.frame_heads))
        self._vcs, self._frame = vcs, frame
        self._train = _places((8, 1, 1, 6, 8, 8, 16, 4, 2, 3, 4, 4, 6, 4, 14))
        self.shared = (
            _VERSION, (chiplet.flit_bytes // 16).bit_length() - 1, vcs - 1, d.id_bits,
            cfg.serdes.lanes - 1, frame - 1, cfg.link.replay_flits.bit_length() - 1,
            cfg.xbar.vc_depth)

    def crc(self, payload: int, before: int) -> int:
        """CRC with a flit added. `before`: that of the beats before it, or, for the first beat,
        what all ones are XORed with to give the initial register."""
        return _crc32c(payload.to_bytes(self.bytes, "little"), before)

    def close(self, payload: int, before: int) -> int:
        """A tail or train with its CRC in place."""
        return payload | self._crc_below(payload, before) << self._crc_at

    def closes(self, payload: int, before: int) -> bool:
        """Whether the CRC in a tail or train is right."""
        return payload >> self._crc_at == self._crc_below(payload, before)

    def _crc_below(self, payload, before):
        below = payload & (1 << self._crc_at) - 1
        return _crc32c(below.to_bytes(self.bytes - 4, "little"), before)

    def tail(self, fields: Tail) -> int:
        """The tail but for its CRC."""
        values = [TAIL, *fields[:7], *fields.limit]
        meta = [part for flit in fields.meta for part in flit]
        values += meta + [0] * (3 * self._frame - len(meta))
        values += [part for flit in fields.head for part in flit]
        return _pack(self._tail, values)

    def read_tail(self, payload: int) -> Tail:
        """Fields of a tail; all of `meta` and `head`."""
        values = _unpack(self._tail, payload)
        metas = 8 + self._vcs
        heads = metas + 3 * self._frame
        return Tail(*values[1:8], tuple(values[8:metas]),
                    tuple(zip(*[iter(values[metas:heads])] * 3, strict=True)),
                    tuple(zip(*[iter(values[heads:])] * 2, strict=True)))

    def train(self, fields: Train) -> int:
        """The train but for its CRC."""
        return _pack(self._train, [TRAIN, fields.hears, fields.fresh, 0, fields.session,
                                   fields.echo, fields.off, *fields.shared])

    def read_train(self, payload: int) -> Train:
        _, hears, fresh, _, session, echo, off, *shared = _unpack(self._train, payload)
        return Train(hears, fresh, session, echo, off, tuple(shared))


def _places(widths):
    """(offset, mask) of each field."""
    places, at = [], 0
    for width in widths:
        places.append((at, (1 << width) - 1))
        at += width
    return places


def _pack(places, values) -> int:
    word = 0
    for (at, mask), value in zip(places, values, strict=False):
        word |= (value & mask) << at
    return word


def _unpack(places, word) -> list[int]:
    return [word >> at & mask for at, mask in places]
