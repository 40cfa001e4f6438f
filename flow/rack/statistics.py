"""Curves over the seeds of a sweep: means, confidence intervals, saturation said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...sim.rack.load.statistics import interval

SURE = 4.0
"""Of 1,024 GPUs that lose nothing, chance shows a loss of so many deviations of one in 30 runs."""


def of_loads(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of loads, with their columns only."""
    if "collective" not in table:
        return table
    return _without(table[table.collective.isna()], "load")


def of_collectives(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of collectives, with their columns only."""
    if "collective" not in table:
        return table.iloc[:0]
    return _without(table[table.collective.notna()], "collective").astype({"nbytes": int})


def _without(rows: pd.DataFrame, kept: str) -> pd.DataFrame:
    empty = [name for name in rows if rows[name].isna().all() and name != kept]
    return rows.drop(columns=empty) if len(rows) else rows


def names(table: pd.DataFrame) -> list[str]:
    """Columns that together name a curve."""
    axes = list(table.columns[:list(table.columns).index("seed")])
    return [name for name in axes if name != "load"]


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each curve and load, over its seeds.

    `accepted` and its interval are always there. The latency of a load at which *any* seed was
    unstable is NaN: such a run has no mean latency, and a mean over the others would be one of
    the lucky seeds. `saturated` counts those seeds, and `why` is what the first of them said.

    Parameters
    ----------
    table : DataFrame
        Rows of points, as `Store.rows` gives them.

    Returns
    -------
    DataFrame
        The curve's names, `load`, `seeds`, `saturated`, `why`; `accepted`, `latency_mean`, each
        with `_ci`, the half width of the 95 % interval of the mean over the seeds (of one seed:
        the run's own); `latency_p50`, `latency_p99`: means over the seeds; `latency_max`.
    """
    rows, table = [], of_loads(table)
    if not len(table):
        return pd.DataFrame()
    for axes, group in table.groupby([*names(table), "load"], sort=False, dropna=False):
        bad = group[~group.stable.astype(bool)]
        several = len(group) > 1
        row = dict(zip([*names(table), "load"], axes, strict=True))
        row |= {"seeds": len(group), "saturated": len(bad),
                "why": "" if bad.empty else bad.why.iloc[0],
                "accepted": group.accepted.mean(),
                "accepted_ci": interval(group.accepted.to_numpy(float))}
        latency = {
            "latency_mean": group.latency_mean.mean(),
            "latency_ci": interval(group.latency_mean.to_numpy(float)) if several
            else group.latency_ci.iloc[0],
            "latency_p50": group.latency_p50.mean(), "latency_p99": group.latency_p99.mean(),
            "latency_max": group.latency_max.max()}
        rows.append(row | (latency if bad.empty else dict.fromkeys(latency, float("nan"))))
    return pd.DataFrame(rows)


def saturation(curve: pd.DataFrame) -> pd.DataFrame:
    """Of each curve: the highest load below which all seeds are stable, the lowest at which one
    is not (NaN: none was tried), and the most that was accepted."""
    if not len(curve):
        return curve
    axes = [name for name in curve.columns[:list(curve.columns).index("seeds")] if name != "load"]
    rows = []
    groups = curve.groupby(axes, sort=False, dropna=False) if axes else [((), curve)]
    for values, group in groups:
        unstable = group[group.saturated > 0].load
        first = unstable.min() if len(unstable) else float("nan")
        stable = group[(group.saturated == 0) & ~(group.load >= first)].load
        rows.append({**dict(zip(axes, values, strict=True)),
                     "stable_to": stable.max() if len(stable) else float("nan"),
                     "saturated_from": first, "accepted_most": group.accepted.max()})
    return pd.DataFrame(rows)


def gpu_losses(before: np.ndarray, after: np.ndarray, *, cycles=(1, 1),
                 packet_flits: float = 1) -> pd.DataFrame:
    """Who loses how much to a fault: a row for each endpoint, the worst first.

    Parameters
    ----------
    before, after : int64[endpoints]
        Flits received without and with the fault.
    cycles : pair of int
        In so many cycles each.
    packet_flits : float
        Flits that arrive together.

    Returns
    -------
    DataFrame
        `gpu`; `before`, `after` in flits a cycle; `lost`, a share of `before`; `sure`: whether
        the loss is more than `SURE` standard deviations of the difference of two Poisson counts.
    """
    (first, second), flits = cycles, max(packet_flits, 1)
    counts = np.asarray(before, float), np.asarray(after, float)
    rates = counts[0] / first, counts[1] / second
    lost = np.divide(rates[0] - rates[1], rates[0], out=np.zeros(len(rates[0])),
                     where=rates[0] > 0)
    spread = np.sqrt(flits * (counts[0] / first**2 + counts[1] / second**2))
    table = pd.DataFrame({"gpu": np.arange(len(lost)), "before": rates[0], "after": rates[1],
                          "lost": lost, "sure": rates[0] - rates[1] > SURE * spread})
    return table.sort_values("lost", ascending=False, kind="stable", ignore_index=True)
