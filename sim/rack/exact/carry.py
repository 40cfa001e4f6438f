"""Payloads: flit words of the rack's models to whole flits of a link end, and back."""

from __future__ import annotations

from collections import deque

from lightloom.sim.flits import PARTIAL, dst_of, end_of, first_of, src_of, tag_of, vc_of
from lightloom.sim.link.end import Flit


class Carrier:
    """One direction of a link, from crossbar to crossbar.

    The rack's models move words that name a packet; a link end moves the bytes. VCs keep their
    order and packets of one do not mix, so the place of a flit in its packet is counted, and what
    comes out is, VC by VC, what went in: anything else is an error.

    Parameters
    ----------
    cfg : lightloom.config.Config
    packets : sequence of objects with `data`
        By `tag` of the words.
    """

    def __init__(self, cfg, packets):
        self._size, self._packets = cfg.chiplet.flit_bytes, packets
        self._place = [0] * cfg.chiplet.vcs
        self._under_way = [deque() for _ in range(cfg.chiplet.vcs)]

    def take(self, word: int) -> Flit:
        """The flit of a word."""
        vc, first, end = vc_of.py_func(word), first_of.py_func(word), end_of.py_func(word)
        place = self._place[vc] = 0 if first else self._place[vc] + 1
        size = self._size
        data = self._packets[tag_of.py_func(word)].data[place * size:(place + 1) * size]
        if end == PARTIAL:
            # The last byte says how many there are (docs/units.md).
            data = data.ljust(size - 1, b"\0") + bytes([len(data)])
        flit = Flit(vc, first, end, src_of.py_func(word), dst_of.py_func(word),
                    int.from_bytes(data, "little"))
        self._under_way[vc].append((word, flit))
        return flit

    def give(self, flit: Flit) -> int:
        """The word of a flit that has arrived.

        Raises
        ------
        RuntimeError
            It is not the next one of its VC.
        """
        waiting = self._under_way[flit.vc]
        word, sent = waiting.popleft() if waiting else (None, None)
        if sent != flit:
            raise RuntimeError(f"a link delivered {flit} in place of {sent}")
        return word
