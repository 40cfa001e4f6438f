"""What the proofs put in place of the CRC's arithmetic."""

from contextlib import contextmanager
from itertools import count
from unittest import mock

from ..hdl.link import framer, receiver
from ..hdl.link.crc import CRC_BITS


@contextmanager
def free_crc(bench):
    """Each register value that the CRC would take is any value, in each cycle another.

    So the receiver finds a tail's CRC good or bad as the solver likes, and the framer seals a beat
    with any CRC. What a good CRC means, each proof says by an assumption.
    """
    def update(state, data):
        return bench.free(CRC_BITS, f"crc_{next(number)}")

    number = count()
    with mock.patch.object(framer, "update", update), mock.patch.object(
            receiver, "update", update):
        yield
