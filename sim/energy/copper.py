"""Power of the copper baseline: SerDes, switches, NICs and modules."""

from __future__ import annotations

import pandas as pd

from .constants import load_constants
from .frame import power_frame


def copper_power(layout, carried, delivered_gbps: float, *, constants=None) -> pd.DataFrame:
    """Power of the copper baseline, by cause.

    Parameters
    ----------
    layout : lightloom.sim.copper.Copper
    carried : dict
        Gb/s of payload over all channels of each tier ("scale-up", "nic", "spine"), both
        directions together; :meth:`lightloom.sim.copper.Copper.carried` of a run.
    delivered_gbps : float
        Payload at its destinations.
    constants : Constants, optional

    Returns
    -------
    pandas.DataFrame
        :func:`.frame.power_frame` of "scale-up SerDes", "scale-up crossbar", "NIC",
        "Ethernet switch", "pluggable module".
    """
    constants = constants or load_constants()
    idle = constants["common.idle_share"]

    def line(watts, share):
        """Full power of a set of lines, and the share of its capacity that is used."""
        return idle * watts, (1 - idle) * watts * share

    capacity = layout.capacity_gbps
    use = {tier: carried.get(tier, 0.0) / payload for tier, (_, payload) in capacity.items()}
    raw = {tier: gbps for tier, (gbps, _) in capacity.items()}
    switch = 1e-3 * constants["ethernet.switch_pj_per_bit"]
    # What goes into Ethernet switches: from NICs, and twice what crosses a spine (into the
    # spine, and into the far leaf).
    into_raw = raw["nic"] / 2 + raw["spine"]
    into_use = ((carried.get("nic", 0.0) / 2 + carried.get("spine", 0.0))
                / (capacity["nic"][1] / 2 + capacity["spine"][1]))
    return power_frame({
        "scale-up SerDes": line(1e-3 * constants["copper.serdes_pj_per_bit"] * raw["scale-up"],
                                use["scale-up"]),
        # A flit passes one crossbar for its two channels.
        "scale-up crossbar": (0.0, 1e-3 * constants["common.crossbar_pj_per_bit"]
                              * carried.get("scale-up", 0.0) / 2),
        "NIC": line(constants["ethernet.nic_watts"] * layout.gpus, use["nic"]),
        "Ethernet switch": line(switch * into_raw, into_use),
        "pluggable module": line(1e-3 * constants["ethernet.module_pj_per_bit"] * raw["spine"],
                                 use["spine"]),
    }, delivered_gbps)
