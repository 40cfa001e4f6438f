"""Power of the photonic rack: lasers, tuning, SerDes and crossbars."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from lightloom.config import ConfigError

from .constants import load_constants
from .frame import power_frame


class Activity(NamedTuple):
    """What the modelled planes of a rack do in a core cycle, in the mean."""

    link_ends: int       # ends of links: each sends all its wavelengths
    link_flits: float    # flits that links deliver
    hops: float          # flits through crossbars, those of the endpoints too
    delivered: float     # flits at their destinations


def activity_of(result, planes: int = 1) -> Activity:
    """What a run of the rack model did.

    Parameters
    ----------
    result : lightloom.sim.rack.RackResult or LoadResult
        Of a load: its measured window.
    planes : int
        Planes modelled, `rack.planes`: a load's rates are those of one.
    """
    ends = len(result.link_names)
    if hasattr(result, "accepted") and hasattr(result, "link_use"):
        links = float(result.link_use.sum())
        delivered = result.accepted * len(result.received_by) * planes
        # A crossbar at each end of each link of a flit's way.
        return Activity(ends, links, links + delivered, delivered)
    return Activity(ends, result.link_flits.sum() / result.cycles,
                    result.flit_hops / result.cycles,
                    result.delivered_flits.sum() / result.cycles)


def energy(cfg, result, *, constants=None, dark_wavelengths: int = 0) -> pd.DataFrame:
    """Power of the whole rack during a run of the rack model, by cause.

    Parameters
    ----------
    cfg : lightloom.config.Config
    result : lightloom.sim.rack.RackResult or LoadResult
        Of the planes modelled; all planes are taken to do the same.
    constants : Constants, optional
    dark_wavelengths : int
        Wavelengths of a direction, over all planes, whose laser module is off. One that is dead
        for another reason is not among them: its laser and its rings burn as before.

    Returns
    -------
    pandas.DataFrame
        :func:`.frame.power_frame` of "laser", "thermal tuning", "SerDes", "crossbar".
    """
    return photonic_power(cfg, activity_of(result, cfg.rack.planes), constants=constants,
                          dark_wavelengths=dark_wavelengths)


def photonic_power(cfg, activity: Activity, *, constants=None,
                   dark_wavelengths: int = 0) -> pd.DataFrame:
    """As :func:`energy`, of an :class:`Activity`.

    Raises
    ------
    ConfigError
        When more wavelengths are dark than there are, or the tuning alone takes more than
        `photonic.chiplet_pj_per_bit` of all.
    """
    constants = constants or load_constants()
    scale = cfg.chiplet.optical_ports / cfg.rack.planes
    wavelengths = activity.link_ends * cfg.serdes.lanes * scale
    if not 0 <= dark_wavelengths <= wavelengths:
        raise ConfigError(f"energy: dark_wavelengths = {dark_wavelengths}: the rack has "
                          f"{wavelengths:.0f}")
    lit = wavelengths - dark_wavelengths
    # A wavelength has a ring that modulates and one that filters.
    tuning = 2e-3 * constants["photonic.ring_mw"]
    serdes = 1e-3 * constants["photonic.chiplet_pj_per_bit"] * cfg.serdes.lane_gbps - tuning
    if serdes < 0:
        raise ConfigError(
            f"constants: photonic.ring_mw = {constants['photonic.ring_mw']:g}: tuning of "
            f"{1e3 * tuning / cfg.serdes.lane_gbps:.3g} pJ/bit is more than "
            f"photonic.chiplet_pj_per_bit = {constants['photonic.chiplet_pj_per_bit']:g}")
    idle = constants["common.idle_share"]
    # Flits in a cycle, against what a line can carry.
    flit_gbps = 8 * cfg.chiplet.flit_bytes * cfg.chiplet.core_mhz / 1000
    carried = activity.link_flits * scale * flit_gbps
    line = cfg.serdes.lane_gbps * cfg.derived.code_rate
    hop_watts = 1e-3 * constants["common.crossbar_pj_per_bit"] * flit_gbps
    return power_frame({
        "laser": (1e-3 * constants["photonic.laser_mw"] * lit, 0.0),
        "thermal tuning": (tuning * lit, 0.0),
        "SerDes": (idle * serdes * wavelengths, (1 - idle) * serdes * carried / line),
        "crossbar": (0.0, hop_watts * activity.hops * scale),
    }, activity.delivered * scale * flit_gbps)
