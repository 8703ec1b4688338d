"""Exact tests of two models on the same scans: McNemar's, and Wilcoxon's signed-rank test.

Both ask whether the signs of paired differences could be drawn by a coin, patient by patient: a patient with
several scans is one pair, since his or her scans are not independent. With one scan per patient these are the
tests as published.
"""

import numpy as np
from scipy.stats import rankdata, wilcoxon

from smartnet.statistics.interval import PairedTest

EXACT = 200  # pairs up to which the signed-rank test counts every drawing of signs
DIGITS = 9  # differences closer than this are ties: what is left of a subtraction is not


def mcnemar(right: np.ndarray, reference: np.ndarray, patients: np.ndarray) -> PairedTest:
    """McNemar's exact test (Psychometrika 1947;12:153): is one model right where the other is not?

    Args:
        right: (n,) whether the model is right on each scan.
        reference: (n,) the same of the reference.
        patients: (n,) the patient of each scan.

    Returns:
        Scans on which the model alone is right minus those on which the reference alone is, and p. Without a
        discordant pair p is 1.
    """
    gain = np.asarray(right).astype(int) - np.asarray(reference).astype(int)
    if not len(gain):
        return PairedTest(np.nan, np.nan, "p undefined: no scan")
    _, index = np.unique(patients, return_inverse=True)
    sums = np.bincount(index, weights=gain).astype(int)
    if not sums.any():
        return PairedTest(float(gain.sum()), 1.0, "no discordant pair")
    note = f"right alone on {int((gain > 0).sum())}, reference alone on {int((gain < 0).sum())} scans"
    return PairedTest(float(gain.sum()), _coin(np.abs(sums), int(sums.sum())), note)


def signed_rank(values: np.ndarray, reference: np.ndarray, patients: np.ndarray) -> PairedTest:
    """Wilcoxon's signed-rank test (Biometrics Bulletin 1945;1:80) of paired values.

    Zeros are ranked, then dropped (Pratt, JASA 1959;54:655): scans on which both models do the same are no
    reason to trust the others more, as dropping them first would have it, and unlike splitting their ranks
    this leaves an exact distribution. Exact, with ties, up to 200 patients; SciPy's normal approximation
    beyond.

    Args:
        values: (n,) of the model.
        reference: (n,) of the reference.
        patients: (n,) the patient of each scan; the difference of a patient is the mean over the scans.

    Returns:
        The smaller of both rank sums, and p. Where no patient shows a difference p is 1.
    """
    difference = np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    if not len(difference):
        return PairedTest(np.nan, np.nan, "p undefined: no scan")
    _, index = np.unique(patients, return_inverse=True)
    mean = np.round(np.bincount(index, weights=difference) / np.bincount(index), DIGITS)
    zeros = int((mean == 0).sum())
    if zeros == len(mean):
        return PairedTest(0.0, 1.0, "no scan on which the models differ")
    note = f"{zeros} of {len(mean)} patients without difference" if zeros else ""
    if len(mean) > EXACT:
        result = wilcoxon(mean, zero_method="pratt", method="asymptotic", correction=True)
        return PairedTest(float(result.statistic), float(result.pvalue), note)
    ranks = np.round(2 * rankdata(np.abs(mean))).astype(int)[mean != 0]  # doubled, mid-ranks are whole
    sign = np.sign(mean[mean != 0]).astype(int)
    smaller = min(ranks[sign > 0].sum(), ranks[sign < 0].sum()) / 2
    return PairedTest(float(smaller), _coin(ranks, int(ranks @ sign)), note)


def _coin(sizes: np.ndarray, observed: int) -> float:
    """Give the two-sided p of a sum of whole numbers (n,) >= 0 whose signs are drawn by a coin."""
    chances = np.ones(1)  # of each value of the sum of those with a plus
    for size in sizes[sizes > 0]:
        wider = np.zeros(len(chances) + size)
        wider[: len(chances)] = chances / 2
        wider[size:] += chances / 2
        chances = wider
    sums = 2 * np.arange(len(chances)) - sizes.sum()
    return float(min(1.0, chances[np.abs(sums) >= abs(observed)].sum()))
