"""What the proofs put in place of the CRC's arithmetic."""

from contextlib import ExitStack, contextmanager
from itertools import count
from unittest import mock

from ..hdl.link import framer, layer, receiver
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


def open_link(bench, cfg, name: str, **parts):
    """Put a whole :class:`~lightloom.hdl.link.layer.Link` on the bench, all its inputs free.

    `parts`: what takes the places of components that it is made of, by their names.
    """
    link = parts.pop("Link", layer.Link)
    with free_crc(bench), ExitStack() as stack:
        for part, copy in parts.items():
            stack.enter_context(mock.patch.object(layer, part, copy))
        end = bench.open(link(cfg), name, ("aligned", "wires", "control"))
    port = end.port
    for k, member in enumerate((port.i.valid, port.i.flit, port.tx.ready, port.rx.valid,
                                port.rx.beat, port.o.credit)):
        bench.m.d.comb += member.eq(bench.free(member.shape(), f"{name}_{k}"))
    return end
