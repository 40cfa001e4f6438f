"""Constants of a message on its own: the closed forms of docs/rack.md (docs/flows.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightloom.config import STAGES, ConfigError
from lightloom.sim.link.goodput import efficiency, timing

HOST = 2
"""Cycles from the last crossbar's output to the beat at the host, beside one from the host to the
first crossbar's input."""

TWO_STAGES = 3
"""Cycles that a crossbar of two stages takes more."""


@dataclass(frozen=True)
class Timing:
    """Core cycles and flits, of what the modelled planes carry.

    Attributes
    ----------
    planes : int
        Into which a message is cut.
    modelled : int
        Of which so many are modelled.
    flit_bytes, packet_flits, frame_flits : int
    crossbar : int
        Input to output.
    link : float
        Input to output of a link, apart from the frame and the fibre.
    beat : float
        Cycles that a beat takes on a link, line code and markers included; 0: links are wires,
        which wait for no frame.
    rates : float64[packet_flits + 1]
        Flits a cycle that a link carries in packets of so many flits.
    """

    planes: int
    modelled: int
    flit_bytes: int
    packet_flits: int
    frame_flits: int
    crossbar: int
    link: float
    beat: float
    rates: np.ndarray

    @classmethod
    def of(cls, cfg) -> Timing:
        """Of a configuration whose links the rack model knows.

        Raises
        ------
        ConfigError
            There is FEC, or the words' clock is not the core clock.
        """
        derived, serdes, most = cfg.derived, cfg.serdes, cfg.xbar.max_packet_flits
        ideal = cfg.rack.links == "ideal"
        if serdes.fec != "none" and not ideal:
            raise ConfigError(f"config {cfg.name}: serdes.fec = {serdes.fec!r}: the model of a "
                              "link has no FEC: must be 'none'")
        if not derived.common_clock and not ideal:
            raise ConfigError(
                f"config {cfg.name}: chiplet.core_mhz = {cfg.chiplet.core_mhz:g}: the model of a "
                f"link knows one clock: must be serdes.lane_gbps / serdes.word_bits = "
                f"{derived.word_mhz:g} MHz")
        crossbar = STAGES.xbar + (TWO_STAGES if cfg.xbar.stages == 2 else 0)
        common = (max(1, cfg.chiplet.optical_ports), cfg.rack.planes, cfg.chiplet.flit_bytes,
                  most)
        if ideal:
            return cls(*common, 0, crossbar, 0.0, 0.0, np.ones(most + 1))
        line = serdes.lanes * derived.lane_bits / derived.flit_bits
        rates = np.array([efficiency(cfg, packet or 1) * line for packet in range(most + 1)])
        link = (STAGES.link_tx + STAGES.adapter_tx + STAGES.adapter_rx + STAGES.link_rx
                + -(-66 // serdes.word_bits) - 1)
        # As the rest of a frame comes in at a beat a cycle, a faster line has no use.
        return cls(*common, cfg.link.frame_flits, crossbar, link, max(1.0, timing(cfg).beat),
                   rates)

    def flits(self, nbytes) -> np.ndarray:
        """Flits of messages of so many bytes over all planes, on those modelled, int64."""
        share = np.maximum(-(-np.asarray(nbytes, np.int64) * self.modelled // self.planes), 1)
        return -(-share // self.flit_bytes)

    def rate(self, flits) -> np.ndarray:
        """Flits a cycle that a link carries of messages of so many flits."""
        return self.rates[np.minimum(flits, self.packet_flits)]

    def alpha(self, flits, switches, flight) -> np.ndarray:
        """Latency of a message: what its time has beside flits / rate where it is alone.

        From its start to the delivery of its last flit.

        Parameters
        ----------
        flits, switches : int
            Switches on the way; -1 on one chiplet.
        flight : float
            Cycles in fibres, all links together.
        """
        flits, switches = np.asarray(flits), np.asarray(switches)
        frame = np.minimum(flits, self.frame_flits)
        # A frame is delivered when its tail has come: (n + 1) beats, of which one is the offer's.
        wait = (frame + 1) * self.beat - 1 if self.beat else 0.0
        links = switches + 1
        head = 1 + self.crossbar * (switches + 2) + links * (self.link + wait) + flight + HOST
        rate = np.where(links, self.rate(flits), 1.0)
        return head + frame - frame / rate
