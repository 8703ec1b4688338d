"""How far a classifier's probabilities can be taken at their word.

Brier score, expected calibration error (ECE) in bins of equal mass, logistic recalibration, and one
temperature for all logits (Guo et al., *On calibration of modern neural networks*, ICML 2017).
"""

from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit
from scipy.stats import norm

from smartnet.statistics.interval import Interval, undefined

BINS, LEAST = 10, 8  # bins of a reliability diagram, and the fewest scans in one
LIMITS = (0.05, 20.0)  # of a temperature
ONE_CLASS = "one class only"


def fit_temperature(truth: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
    """Fit the temperature that minimises the negative log-likelihood of ``sigmoid(logits / temperature)``.

    Args:
        truth: (n,) 0 or 1, of validation scans.
        logits: (n,).

    Returns:
        ``temperature`` between 0.05 and 20, and ``temperature_note`` where it was not fitted or stands at a
        limit. Where there is one class, or every scan is on its side of one half, the likelihood has no
        maximum, and 1 is taken, which changes nothing.
    """
    truth, logits = np.asarray(truth, dtype=np.float64), np.asarray(logits, dtype=np.float64)
    right = np.where(truth > 0, logits >= 0, logits <= 0)
    if truth.min() == truth.max() or right.all():
        reason = ONE_CLASS if truth.min() == truth.max() else "every scan is on its side of one half"
        return {"temperature": 1.0, "temperature_note": f"not fitted: {reason}"}

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        return float(np.mean(np.logaddexp(0, scaled) - truth * scaled))

    found = minimize_scalar(
        lambda log: loss(np.exp(log)), bounds=np.log(LIMITS), method="bounded", options={"xatol": 1e-9}
    )
    best = min((round(float(np.exp(found.x)), 6), *LIMITS), key=loss)  # the search never tries a limit itself
    if best in LIMITS:
        return {"temperature": best, "temperature_note": "at its limit: the likelihood is higher beyond it"}
    return {"temperature": best}


def at_temperature(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (n,) of logits (n,) after temperature scaling."""
    return expit(np.asarray(logits, dtype=np.float64) / temperature)


def brier(truth: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Brier score of weighted samples: the mean squared distance of probability and truth.

    Args:
        truth: (n,) 0 or 1.
        probability: (n,) in [0, 1].
        weights: (k, n).

    Returns:
        (k,) in [0, 1]; lower is better.
    """
    return weights @ (probability - truth) ** 2 / weights.sum(axis=1)


def equal_mass_bins(probability: np.ndarray) -> np.ndarray:
    """Number (n,) of the bin of each scan, from 0.

    Ten bins between quantiles, or fewer, so that each has eight scans or more; equal probabilities share one,
    which may leave fewer to another.
    """
    count = max(1, min(BINS, len(probability) // LEAST))
    inner = np.quantile(probability, np.arange(1, count) / count)
    return np.unique(np.searchsorted(inner, probability), return_inverse=True)[1]


def expected_calibration_error(truth: np.ndarray, probability: np.ndarray) -> Interval:
    """ECE: the distance between a bin's mean probability and its share of hemorrhage, mean over the scans.

    Args:
        truth: (n,) 0 or 1.
        probability: (n,) in [0, 1].

    Returns:
        a value in [0, 1] without limits; the note has the number of bins.
    """
    number = equal_mass_bins(probability)
    gap = np.bincount(number, weights=probability - truth)
    note = f"{len(gap)} bins of equal mass; no interval: resampling adds to the bias of a mean of distances"
    return Interval(float(np.abs(gap).sum() / len(truth)), np.nan, np.nan, note)


def recalibration(truth: np.ndarray, logits: np.ndarray) -> dict[str, Interval]:
    """Logistic recalibration (Cox 1958; Van Calster et al., *BMC Medicine* 2019;17:230).

    Args:
        truth: (n,) 0 or 1.
        logits: (n,) of the probabilities to judge.

    Returns:
        ``intercept``: what must be added to every logit, so that probabilities add up to the number of
        hemorrhages (0 is ideal, below 0: probabilities too high), and ``slope``, their factor where an
        intercept is fitted too (1 is ideal, below 1: too extreme), with Wald limits. Both are undefined where
        a class is absent or no finite number fits best.
    """
    if truth.min() == truth.max():
        return dict.fromkeys(("intercept", "slope"), undefined(ONE_CLASS))
    return {"intercept": _intercept(truth, logits), "slope": _slope(truth, logits)}


def _intercept(truth: np.ndarray, logits: np.ndarray) -> Interval:
    limit = float(np.abs(logits).max()) + 40  # where every probability is 0 or 1
    value = brentq(lambda shift: (expit(logits + shift) - truth).sum(), -limit, limit)
    chance = expit(logits + value)
    information = (chance * (1 - chance)).sum()
    if information < 1e-6:
        return undefined("every probability is 0 or 1")
    return _wald(value, 1 / np.sqrt(information))


def _slope(truth: np.ndarray, logits: np.ndarray) -> Interval:
    from sklearn.linear_model import LogisticRegression

    positive, negative = logits[truth > 0], logits[truth <= 0]
    if positive.min() >= negative.max() or negative.min() >= positive.max():
        equal = logits.min() == logits.max()
        return undefined(
            "every score is the same" if equal else "the scores tell the classes apart without error"
        )
    scale = logits.std()  # large logits would slow the solver down
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=200)
    chance = model.fit(logits[:, None] / scale, truth).predict_proba(logits[:, None] / scale)[:, 1]
    design = np.stack([np.ones_like(logits), logits])
    covariance = np.linalg.inv((design * chance * (1 - chance)) @ design.T)
    return _wald(float(model.coef_[0, 0]) / scale, np.sqrt(covariance[1, 1]))


def _wald(value: float, error: float) -> Interval:
    half = norm.ppf(0.975) * error
    return Interval(value, float(value - half), float(value + half))
