"""Warm-up, intervals and stability of a series of batches (docs/load.md, Statistics)."""

from __future__ import annotations

import numpy as np
from scipy import stats

GROUPS = 20
"""Least number of batches of an interval."""

TREND_P, TREND_GROWTH = 1e-4, 0.25
"""A trend counts when noise has it less often, and it makes so much of the mean."""


def mser(series: np.ndarray) -> int:
    """Values at the begin of a series to leave out, at most half of them (White 1997)."""
    series = np.asarray(series, float)
    size = series.size
    if size < 2:
        return 0
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


def growth(values: np.ndarray) -> float:
    """What a line through a series gains over it, as a part of the mean; 0 if it may be noise.

    A one-sided t-test of the slope, for residuals that are an AR(1) series.
    """
    values = np.asarray(values, float)
    size, mean = values.size, values.mean()
    if size < 4 or mean <= 0:
        return 0.0
    place = np.arange(size) - (size - 1) / 2
    slope = (place * values).sum() / (place ** 2).sum()
    rest = values - mean - slope * place
    if slope <= 0:
        return 0.0
    gain = slope * size / mean
    spread = (rest ** 2).sum()
    if spread <= 1e-12 * mean ** 2:
        return gain
    lag = min(max((rest[1:] * rest[:-1]).sum() / spread, 0.0), 0.95)
    count = max(size * (1 - lag) / (1 + lag), 3.0)
    error = (spread / size * size / (size - 2) / (place ** 2).sum() * size / count) ** 0.5
    return gain if stats.t.sf(slope / error, count - 2) < TREND_P else 0.0


def percentile(histogram: np.ndarray, part: float) -> float:
    """The least bin that `part` of what is counted does not exceed; NaN in the last bin."""
    total = histogram.sum()
    if total == 0:
        return float("nan")
    found = int(np.searchsorted(histogram.cumsum(), np.ceil(part * total)))
    return float("nan") if found == histogram.size - 1 else float(found)
