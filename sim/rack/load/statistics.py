"""Warm-up, intervals and stability of a series of batches (docs/load.md, Statistics)."""

from __future__ import annotations

import numpy as np
from scipy import stats

GROUPS = 20
"""Least number of batches of an interval."""

TREND_P, TREND_GROWTH, DEFICIT = 1e-3, 0.25, 0.05
"""A backlog grows when noise shows as much less often and it gains so much of its mean, or when so
much of what is offered does not arrive."""


def mser(series: np.ndarray) -> int:
    """Values at the begin of a series to leave out, at most half of them (White 1997)."""
    series = np.asarray(series, float)
    size = series.size
    if size < 2:
        return 0
    series = series - series.mean()      # keeps the digits of the squares
    rest = size - np.arange(size // 2 + 1)
    total, squares = series[::-1].cumsum()[::-1], (series[::-1] ** 2).cumsum()[::-1]
    total, squares = total[:rest.size], squares[:rest.size]
    return int(np.argmin((squares - total ** 2 / rest) / rest ** 2))


def interval(values: np.ndarray) -> float:
    """Half width of the 95 % interval of the mean of independent values; NaN of less than two."""
    values = np.asarray(values, float)
    if values.size < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, values.size - 1) * values.std(ddof=1) / values.size ** 0.5)


def grouped(rows: np.ndarray) -> np.ndarray:
    """Sums of GROUPS to 2 GROUPS - 1 groups of equal length; the first rows may be left out."""
    each = max(1, len(rows) // GROUPS)
    count = len(rows) // each
    return rows[len(rows) - count * each:].reshape(count, each, *rows.shape[1:]).sum(axis=1)


def surplus_p(surplus: np.ndarray) -> float:
    """Chance that a series of what came in less what went out has such a mean, or a higher one,
    when the true mean is 0: one-sided t-test.

    In a steady state the sum is bounded, so that the terms make up for one another and the chance
    is even smaller; in an overloaded one each has the surplus and noise of its own.
    """
    surplus = np.asarray(surplus, float)
    mean, spread = surplus.mean(), surplus.std(ddof=1) if surplus.size > 1 else 0.0
    if mean <= 0 or surplus.size < 2:
        return 1.0
    return 0.0 if spread == 0 else float(
        stats.t.sf(mean / spread * surplus.size ** 0.5, surplus.size - 1))


def percentile(histogram: np.ndarray, part: float) -> float:
    """The least bin that `part` of what is counted does not exceed; NaN in the last bin."""
    total = histogram.sum()
    if total == 0:
        return float("nan")
    found = int(np.searchsorted(histogram.cumsum(), np.ceil(part * total)))
    return float("nan") if found == histogram.size - 1 else float(found)
