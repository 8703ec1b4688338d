"""How well two measurements of the same thing agree."""

import numpy as np
from scipy.stats import f, norm, t

from smartnet.statistics.interval import Interval, undefined

LIMITS = ("bias", "LoA low", "LoA high")


def bland_altman(values: np.ndarray, reference: np.ndarray, *, level: float = 0.95) -> dict[str, Interval]:
    """Bias and limits of agreement (Bland and Altman, Lancet 1986;1:307; Stat Methods Med Res 1999;8:135).

    Args:
        values: (n,) measured.
        reference: (n,) of the same things.
        level: share of the differences between the limits, and coverage of the intervals.

    Returns:
        ``bias``, the mean of values - reference, and ``LoA low`` and ``LoA high``, each with its interval
        from the t distribution, in the unit of the values; undefined below two pairs, without intervals where
        all differences are the same.
    """
    difference = np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    count = len(difference)
    if count < 2:
        return dict.fromkeys(LIMITS, undefined(f"{count} pairs, needs two"))
    bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    wide = float(norm.ppf(0.5 + level / 2))
    quantile = float(t.ppf(0.5 + level / 2, count - 1))
    half = quantile * spread / np.sqrt(count)
    half_limit = quantile * spread * np.sqrt(1 / count + wide**2 / (2 * (count - 1)))
    rows = ((bias, half), (bias - wide * spread, half_limit), (bias + wide * spread, half_limit))
    if np.isclose(spread, 0, rtol=0, atol=1e-12):
        reason = "interval undefined: the differences are all the same"
        return {
            name: Interval(value, np.nan, np.nan, reason)
            for name, (value, _) in zip(LIMITS, rows, strict=True)
        }
    intervals = [Interval(value, float(value - width), float(value + width)) for value, width in rows]
    return dict(zip(LIMITS, intervals, strict=True))


def icc_agreement(ratings: np.ndarray, *, level: float = 0.95) -> Interval:
    """Intraclass correlation for absolute agreement of single measurements, ICC(A,1).

    Two-way, raters random: ICC(2,1) of Shrout and Fleiss (Psychol Bull 1979;86:420), with the interval of
    McGraw and Wong (Psychol Methods 1996;1:30), table 7.

    Args:
        ratings: (n, k), one row per subject, one column per rater.
        level: coverage of the interval.

    Returns:
        At most 1, maybe below 0; undefined below two subjects or where nothing tells them apart.
    """
    ratings = np.asarray(ratings, dtype=np.float64)
    n, k = ratings.shape
    if n < 2:
        return undefined(f"{n} subjects, needs two")
    deviation = ratings - ratings.mean()
    of_rows, of_columns = deviation.mean(axis=1), deviation.mean(axis=0)
    rest = deviation - of_rows[:, None] - of_columns
    rows = k * (of_rows**2).sum() / (n - 1)
    columns = n * (of_columns**2).sum() / (k - 1)
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    total = rows + (k - 1) * error + k / n * (columns - error)
    if np.isclose(rows + error, 0, rtol=0, atol=1e-12):  # whether or not the raters differ
        return undefined("subjects do not differ")
    value = (rows - error) / total
    if np.isclose(value, 1, rtol=0, atol=1e-12):
        return Interval(1.0, np.nan, np.nan, "interval undefined: no measurement differs from the other")
    a, b = k * value / (n * (1 - value)), 1 + k * value * (n - 1) / (n * (1 - value))
    freedom = (a * columns + b * error) ** 2 / (
        (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    )
    lower, upper = (f.ppf(0.5 + level / 2, *pair) for pair in ((n - 1, freedom), (freedom, n - 1)))
    noise = k * columns + (k * n - k - n) * error
    low = n * (rows - lower * error) / (lower * noise + n * rows)
    high = n * (upper * rows - error) / (noise + n * upper * rows)
    return Interval(float(value), float(low), float(high))
