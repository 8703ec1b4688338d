"""Area under the ROC curve with DeLong's variance, alone and as the difference of two.

DeLong, DeLong, Clarke-Pearson, Biometrics 1988;44:837, in the mid-rank form of Sun and Xu, IEEE Signal
Processing Letters 2014;21:1389, which needs O(n log n) instead of all pairs. Where a patient has several
scans the variance is Obuchowski's (Biometrics 1997;53:567): DeLong's terms are summed over the scans of a
patient. Of patients with one scan each it is DeLong's.
"""

import numpy as np
from scipy.stats import norm, rankdata

from smartnet.statistics.interval import Interval, PairedTest

NO_VARIANCE = 1e-15
LONELY = "one class is of a single patient"


def delong_covariance(
    truth: np.ndarray, scores: np.ndarray, patients: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the AUCs of classifiers on the same scans and their covariance.

    Args:
        truth: (n,) 0 or 1, both present.
        scores: (classifiers, n) any monotone score, higher means hemorrhage; ties count one half.
        patients: (n,) the patient of each scan; None: every scan is of another.

    Returns:
        AUC (classifiers,) and its covariance (classifiers, classifiers); NaN covariance when the scans of a
        class are of a single patient.

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
    _, index = np.unique(np.arange(len(truth)) if patients is None else patients, return_inverse=True)
    counts = [len(np.unique(index[truth])), len(np.unique(index[~truth]))]
    if min(counts) < 2:
        return auc, np.full((len(auc), len(auc)), np.nan)
    found = _sums(above - auc[:, None], index[truth], index.max() + 1) / positives
    alarmed = _sums(below - auc[:, None], index[~truth], index.max() + 1) / negatives
    factors = [count / (count - 1) for count in (*counts, index.max() + 1)]
    covariance = factors[0] * found @ found.T + factors[1] * alarmed @ alarmed.T
    return auc, covariance + factors[2] * (found @ alarmed.T + alarmed @ found.T)


def _sums(terms: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """Sum terms (classifiers, scans) over the scans of each patient: (classifiers, patients)."""
    return np.stack([np.bincount(index, weights=row, minlength=count) for row in terms])


def delong_auc(
    truth: np.ndarray, score: np.ndarray, patients: np.ndarray | None = None, *, level: float = 0.95
) -> Interval:
    """Give the AUC with DeLong's normal interval, cut to [0, 1].

    Args:
        truth: (n,) 0 or 1, both present.
        score: (n,) higher means hemorrhage.
        patients: as for ``delong_covariance``.
        level: coverage of the interval.

    Returns:
        AUC and limits. Without spread (perfect separation) the limits are left undefined, because DeLong's
        variance is then zero whatever the number of scans; the note says so.
    """
    auc, covariance = delong_covariance(truth, np.asarray(score)[None], patients)
    value, variance = float(auc[0]), float(covariance[0, 0])
    if np.isnan(variance):
        return Interval(value, np.nan, np.nan, f"interval undefined: {LONELY}")
    if variance < NO_VARIANCE:
        return Interval(value, np.nan, np.nan, "interval undefined: DeLong variance is zero")
    half = norm.ppf(0.5 + level / 2) * np.sqrt(variance)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def delong_difference(
    truth: np.ndarray,
    score: np.ndarray,
    reference: np.ndarray,
    patients: np.ndarray | None = None,
    *,
    level: float = 0.95,
) -> tuple[Interval, PairedTest]:
    """Compare the AUCs of two classifiers on the same scans.

    Args:
        truth: (n,) 0 or 1, both present.
        score: (n,) of one classifier, higher means hemorrhage.
        reference: (n,) of the other.
        patients: as for ``delong_covariance``.
        level: coverage of the interval.

    Returns:
        AUC minus the reference's with its normal limits; z and the two-sided p of equal AUCs. Without
        variance there are no limits, and p is 1 where the AUCs are equal, undefined where they differ.
    """
    auc, covariance = delong_covariance(truth, np.stack([score, reference]), patients)
    difference = float(auc[0] - auc[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if np.isnan(variance):
        reason = f"undefined: {LONELY}"
    elif variance >= NO_VARIANCE:
        error = np.sqrt(variance)
        half = norm.ppf(0.5 + level / 2) * error
        limits = max(-1.0, difference - half), min(1.0, difference + half)
        z = difference / error
        return Interval(difference, *limits), PairedTest(float(z), float(2 * norm.sf(abs(z))))
    elif abs(difference) < NO_VARIANCE:
        undefined = Interval(0.0, np.nan, np.nan, "interval undefined: DeLong variance is zero")
        return undefined, PairedTest(0.0, 1.0, "both order the scans equally well, without variance")
    else:
        reason = "undefined: DeLong variance is zero"
    return Interval(difference, np.nan, np.nan, f"interval {reason}"), PairedTest(
        np.nan, np.nan, f"p {reason}"
    )
