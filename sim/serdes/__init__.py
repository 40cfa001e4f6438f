"""Golden model of the SerDes adapter (docs/serdes.md)."""

from .lane import receive_lane
from .linecode import descramble, encode, marker, scramble
from .rx import Beats, receive
from .tx import transmit

__all__ = ["Beats", "descramble", "encode", "marker", "receive", "receive_lane", "scramble",
           "transmit"]
