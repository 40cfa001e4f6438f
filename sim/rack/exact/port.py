"""An optical port: a link end over its adapter, a cycle at a time."""

from __future__ import annotations

from typing import NamedTuple

from lightloom.sim.link.end import EndModel, Inputs, Outputs

from .receive import AdapterReceiver
from .transmit import AdapterTransmitter


class PortState(NamedTuple):
    """What the status of an optical port shows in a cycle; `live`: lanes of the partner that carry
    data, a set, 0 while the port is not `aligned`."""

    state: int
    aligned: int
    live: int


class OpticalPort:
    """Out of reset; the first step is cycle 0.

    Parameters
    ----------
    cfg : lightloom.config.Config
        Without FEC; lanes slip in their gearboxes, one clock.
    """

    def __init__(self, cfg):
        self._end = EndModel(cfg)
        self._tx, self._rx = AdapterTransmitter(cfg), AdapterReceiver(cfg)
        self.shown = PortState(0, 0, 0)

    def step(self, words, signals, flit, credit) -> tuple[list[int], Outputs]:
        """One cycle.

        Parameters
        ----------
        words, signals : lists of int
            The word that each lane's receiver sees, and its `rx_signal`.
        flit : lightloom.sim.link.end.Flit or None
            What the crossbar brings.
        credit : int
            VCs of which the crossbar gives a slot back, bit v.

        Returns
        -------
        The words that are sent in this cycle, and what the link end shows in it.
        """
        end, tx, rx = self._end, self._tx, self._rx
        off = end.lanes_off
        ready, offered = tx.ready(off), end.beat
        aligned, live = int(rx.aligned), rx.live if rx.aligned else 0
        outputs = end.step(Inputs(flit, credit, int(ready), rx.beat, aligned, rx.wires))
        sent = tx.step(offered if ready else None, off)
        rx.step(words, signals)
        self.shown = PortState(int(outputs.status.state), aligned, live)
        return sent, outputs
