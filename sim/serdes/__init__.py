"""Golden model of the SerDes adapter (docs/serdes.md)."""

from .lane import Kind, receive_lane
from .linecode import descramble, encode, marker, scramble
from .rx import Beats, Received, receive, receive_all
from .tx import transmit

__all__ = ["Beats", "Kind", "Received", "descramble", "encode", "marker", "receive",
           "receive_all", "receive_lane", "scramble", "transmit"]
