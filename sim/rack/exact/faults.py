"""What is wrong on the fibres of an exact run, word by word."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from lightloom.config import ConfigError


@dataclass(frozen=True)
class LineFaults:
    """Bit errors and dead lanes, at the receiver: fibre and direction are the link end that hears.

    `flips`: (end, cycle, lane, bit): that bit of the word that the lane's receiver sees in that
    cycle is inverted; one that is named twice is inverted once. `dark`: (end, lane, cycle): from
    that cycle on the lane's words are 0 and its `rx_signal` is 0, for good.
    """

    flips: tuple[tuple[int, int, int, int], ...] = ()
    dark: tuple[tuple[int, int, int], ...] = ()

    def check(self, cfg, ends: int) -> None:
        """Raise ConfigError for a place that a rack with so many link ends does not have."""
        limits = {"end": ends, "lane": cfg.serdes.lanes, "bit": cfg.serdes.word_bits,
                  "cycle": 2**31}
        for names, entries in ((("end", "cycle", "lane", "bit"), self.flips),
                               (("end", "lane", "cycle"), self.dark)):
            for entry in entries:
                for name, value in zip(names, entry, strict=True):
                    if not 0 <= value < limits[name]:
                        raise ConfigError(f"fault {entry}: {name} = {value}: must be "
                                          f"0 to {limits[name] - 1}")

    def masks(self, lanes: int) -> list[dict[int, list[int]]]:
        """Of each end up to the last one named: {cycle: bits to invert in each lane's word}."""
        ends = max((flip[0] for flip in self.flips), default=-1) + 1
        found = [defaultdict(lambda: [0] * lanes) for _ in range(ends)]
        for end, cycle, lane, bit in self.flips:
            found[end][cycle][lane] |= 1 << bit
        return [dict(each) for each in found]

    def first_dark(self, end: int, lane: int) -> int | None:
        """The first cycle in which the lane is dark."""
        return min((cycle for e, number, cycle in self.dark if (e, number) == (end, lane)),
                   default=None)
