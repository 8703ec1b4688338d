"""Intervals of proportions such as sensitivity and specificity."""

from typing import Literal

import numpy as np
from scipy.stats import binomtest

from smartnet.statistics.interval import Interval


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
        return Interval(np.nan, np.nan, np.nan, "undefined: 0 scans in the denominator")
    limits = binomtest(int(count), int(total)).proportion_ci(confidence_level=level, method=method)
    return Interval(count / total, float(limits.low), float(limits.high))
