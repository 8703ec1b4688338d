"""Intervals of proportions such as sensitivity and specificity."""

from typing import Literal

import numpy as np
from scipy.stats import binomtest, norm

from smartnet.statistics.interval import Interval, undefined


def proportion_interval(
    count: int, total: int, *, method: Literal["wilson", "exact"] = "wilson", level: float = 0.95
) -> Interval:
    """Give ``count / total`` with its interval.

    Args:
        count: successes.
        total: trials; 0 gives an undefined estimate.
        method: ``wilson`` (score interval) or ``exact`` (Clopper-Pearson).
        level: coverage of the interval.
    """
    if total == 0:
        return undefined("0 scans in the denominator")
    limits = binomtest(int(count), int(total)).proportion_ci(confidence_level=level, method=method)
    return Interval(count / total, float(limits.low), float(limits.high))


def patient_proportion(right: np.ndarray, patients: np.ndarray, *, level: float = 0.95) -> Interval:
    """Give the share of scans that are right, with Wilson's interval for as many scans as these are worth.

    Scans of one patient tell less than scans of as many patients: their number is divided by the design
    effect, the variance of the share among patients over that of independent scans (Rao and Scott, Biometrics
    1992;48:577), at least 1. With one scan per patient it is Wilson's interval as published. Where all scans
    are right, or none, nothing can be said of the design effect, and patients count.

    Args:
        right: (n,) 0/1.
        patients: (n,) the patient of each scan.
        level: coverage of the interval.
    """
    right = np.asarray(right, dtype=np.float64)
    count = len(right)
    if count == 0:
        return proportion_interval(0, 0)
    _, index = np.unique(np.asarray(patients), return_inverse=True)
    groups, share = int(index.max()) + 1, float(right.mean())
    worth = float(groups)
    if 1 < groups < count and 0 < share < 1:
        among = groups / (groups - 1) * (np.bincount(index, weights=right - share) ** 2).sum() / count**2
        worth = count / max(1.0, among / (share * (1 - share) / (count - 1)))
    square = norm.ppf(0.5 + level / 2) ** 2
    centre = (share + square / (2 * worth)) / (1 + square / worth)
    half = np.sqrt(square * (share * (1 - share) / worth + square / (4 * worth**2))) / (1 + square / worth)
    low = 0.0 if share == 0 else float(centre - half)
    high = 1.0 if share == 1 else float(centre + half)
    return Interval(share, low, high, f"{count} scans of {groups} patients" if groups < count else "")
