"""Blast radius: which endpoints lose how much by a fault (docs/faults.md)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lightloom.config import ConfigError


def blast_radius(base, faulty, names=None) -> pd.DataFrame:
    """What each endpoint loses, of two runs of the same traffic.

    Parameters
    ----------
    base, faulty : lightloom.sim.rack.load.LoadResult
        Without and with the faults; `sent_by` and `received_by`, flits of each endpoint in the
        `cycles` after `warmup`.
    names : sequence of str, optional
        Of the endpoints, "gpu 0" and so on by default.

    Returns
    -------
    pandas.DataFrame
        A row for each endpoint: flits a cycle `sent`, `received` without faults, `sent_faulty`,
        `received_faulty` with them, and the share of the first that is lost, `sent_loss`,
        `received_loss`: 0 none, 1 all.

    Raises
    ------
    ConfigError
        The runs are of racks of different size.
    """
    before, after = ([np.asarray(getattr(run, name)) / (run.cycles - run.warmup)
                      for name in ("sent_by", "received_by")] for run in (base, faulty))
    if before[0].size != after[0].size:
        raise ConfigError(f"blast radius: runs of {before[0].size} and of {after[0].size} "
                          "endpoints; they must have the same")
    names = [f"gpu {k}" for k in range(before[0].size)] if names is None else list(names)
    table = pd.DataFrame({"sent": before[0], "received": before[1], "sent_faulty": after[0],
                          "received_faulty": after[1]},
                         index=pd.Index(names[:before[0].size], name="endpoint"))
    for name in ("sent", "received"):
        some = table[name].where(table[name] > 0)
        table[f"{name}_loss"] = (1 - table[f"{name}_faulty"] / some).fillna(0.0)
    return table


def summary(radius, thresholds=(0.01, 0.1, 0.5, 0.99)) -> pd.DataFrame:
    """Share of the endpoints that lose more than each threshold, of what they send and receive."""
    return pd.DataFrame(
        {name: [(radius[f"{name}_loss"] > least).mean() for least in thresholds]
         for name in ("sent", "received")}, index=pd.Index(thresholds, name="loses more than"))
