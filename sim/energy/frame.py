"""Power by cause, as a table."""

from __future__ import annotations

import pandas as pd


def power_frame(causes: dict[str, tuple[float, float]], delivered_gbps: float) -> pd.DataFrame:
    """A row for each cause, and their total.

    Parameters
    ----------
    causes : dict
        Cause -> (watts that are there without traffic, watts of the traffic).
    delivered_gbps : float
        Payload at its destinations.

    Returns
    -------
    pandas.DataFrame
        Indexed by cause: `static_watts`, `dynamic_watts`, `watts`, and `pj_per_bit` of what is
        delivered, infinite when that is nothing. `attrs["delivered_gbps"]`.
    """
    frame = pd.DataFrame.from_dict(causes, orient="index",
                                   columns=["static_watts", "dynamic_watts"])
    frame.loc["total"] = frame.sum()
    frame["watts"] = frame.static_watts + frame.dynamic_watts
    # 1 W for 1 Gb/s is 1,000 pJ/bit.
    frame["pj_per_bit"] = (1000 * frame.watts / delivered_gbps if delivered_gbps
                           else float("inf"))
    frame.index.name = "cause"
    frame.attrs["delivered_gbps"] = delivered_gbps
    return frame
