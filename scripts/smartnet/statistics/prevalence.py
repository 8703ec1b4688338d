"""Predictive values where hemorrhage is as rare, or as common, as one says."""

import numpy as np

from smartnet.statistics.interval import Interval, join_notes, undefined


def predictive_value(right: Interval, wrong: Interval, prior: float) -> Interval:
    """Give the predictive value of a call by Bayes' theorem, with its interval.

    The odds after the call are the odds before it times the likelihood ratio ``right / wrong``. The limits of
    this ratio of two independent proportions come from theirs (MOVER-R: Newcombe, *Stat Methods Med Res*
    2016;25:1774); unlike those of the logit method they need no correction where a proportion is 0 or 1.

    Args:
        right: share of the scans of the called class that get this call, with limits; for PPV it is SEN, for
            NPV SPE.
        wrong: share of the scans of the other class that get it, with limits; 1 - SPE, or 1 - SEN.
        prior: share of the called class among all scans, between 0 and 1; the prevalence, or one minus it.

    Returns:
        value and limits in [0, 1]; undefined where no scan gets the call or a proportion is undefined.
    """
    reasons = [part.note for part in (right, wrong) if np.isnan(part.value)]
    if reasons:
        return Interval(np.nan, np.nan, np.nan, join_notes(*reasons))
    if right.value == wrong.value == 0:
        return undefined("no scan gets this call")
    low, high = _ratio_limits(right, wrong)
    odds = prior / (1 - prior) * np.array([low, high])
    with np.errstate(invalid="ignore"):
        limits = np.where(np.isinf(odds), 1.0, odds / (1 + odds))
    value = prior * right.value / (prior * right.value + (1 - prior) * wrong.value)
    return Interval(value, float(limits[0]), float(limits[1]), join_notes(right.note, wrong.note))


def _ratio_limits(first: Interval, second: Interval) -> tuple[float, float]:
    """Limits of ``first / second``; without an upper one where ``second`` may be 0."""
    product = first.value * second.value
    above = first.low * (2 * first.value - first.low), second.high * (2 * second.value - second.high)
    below = first.high * (2 * first.value - first.high), second.low * (2 * second.value - second.low)
    low = above[0] / (product + np.sqrt(product**2 - above[0] * above[1])) if above[0] > 0 else 0.0
    high = (product + np.sqrt(product**2 - below[0] * below[1])) / below[1] if below[1] > 0 else np.inf
    return float(low), float(high)
