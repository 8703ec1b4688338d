"""Area under the ROC curve with DeLong's variance.

DeLong, DeLong, Clarke-Pearson, Biometrics 1988;44:837, in the mid-rank form of Sun and Xu, IEEE Signal
Processing Letters 2014;21:1389, which needs O(n log n) instead of all pairs.
"""

import numpy as np
from scipy.stats import norm, rankdata

from smartnet.statistics.interval import Interval


def delong_covariance(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the AUCs of classifiers on the same scans and their covariance.

    Args:
        truth: (n,) 0 or 1, both present.
        scores: (classifiers, n) any monotone score, higher means hemorrhage; ties count one half.

    Returns:
        AUC (classifiers,) and its covariance (classifiers, classifiers); NaN covariance when a class has
        a single scan.

    Raises:
        ValueError: when one class is absent.
    """
    truth = np.asarray(truth).astype(bool)
    scores = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        raise ValueError(f"AUC needs both classes; got {positives} positive, {negatives} negative")
    ranks = rankdata(scores, axis=1)
    # V10 of a positive: share of the negatives below it; V01 of a negative: share of the positives above it.
    above = (ranks[:, truth] - rankdata(scores[:, truth], axis=1)) / negatives
    below = 1 - (ranks[:, ~truth] - rankdata(scores[:, ~truth], axis=1)) / positives
    auc = above.mean(axis=1)
    if positives < 2 or negatives < 2:
        return auc, np.full((len(auc), len(auc)), np.nan)
    return auc, np.atleast_2d(np.cov(above) / positives + np.cov(below) / negatives)


def delong_auc(truth: np.ndarray, score: np.ndarray, *, level: float = 0.95) -> Interval:
    """Give the AUC with DeLong's normal interval, cut to [0, 1].

    Args:
        truth: (n,) 0 or 1, both present.
        score: (n,) higher means hemorrhage.
        level: coverage of the interval.

    Returns:
        AUC and limits. Without spread (perfect separation) the limits are left undefined, because DeLong's
        variance is then zero whatever the number of scans; the note says so.
    """
    auc, covariance = delong_covariance(truth, np.asarray(score)[None])
    value, variance = float(auc[0]), float(covariance[0, 0])
    if np.isnan(variance):
        return Interval(value, np.nan, np.nan, "interval undefined: one class has a single scan")
    if variance < 1e-15:
        return Interval(value, np.nan, np.nan, "interval undefined: DeLong variance is zero")
    half = norm.ppf(0.5 + level / 2) * np.sqrt(variance)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))
