"""Does this scan hold a hemorrhage: how well the volume classifier says so."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from smartnet.metrics.calibration import (
    brier,
    expected_calibration_error,
    recalibration,
)
from smartnet.metrics.tidy import metric_row
from smartnet.statistics.bootstrap import cluster_bootstrap, of_independent
from smartnet.statistics.delong import delong_auc
from smartnet.statistics.interval import Interval, undefined
from smartnet.statistics.prevalence import predictive_value
from smartnet.statistics.proportion import patient_proportion

HALF = 0.5
HALF_SUFFIX = "@0.5"
SCALED_SUFFIX = "@T"


def classification_rows(
    table: pd.DataFrame,
    point: Mapping[str, Any],
    *,
    settings: Mapping[str, Any],
    seed: int,
    whole: bool = True,
) -> list[dict]:
    """Measure one classifier on one test set, or on a subgroup of it.

    Args:
        table: one row per scan, ``patient``, ``truth`` (0/1), ``logit`` (for ranks and chances),
            ``probability`` (for calls).
        point: content of ``threshold.json``, fixed on validation; a scan is called positive from
            ``threshold`` upwards, and ``temperature``, if there, divides the logits of what ends in ``@T``.
        settings: ``evaluation`` of the configuration: ``replicates`` of the bootstrap and, if there,
            ``prevalence``, a list of numbers between 0 and 1.
        seed: of the bootstrap.
        whole: False of a subgroup, which has AUC, SEN and SPE at the operating point alone.

    Returns:
        Rows of AUC, AP; F1, SEN, SPE, PPV, NPV at the operating point and with ``@0.5`` at one half; at the
        operating point also ``alarms per 100`` scans without hemorrhage, and PPV and NPV at each prevalence
        (``PPV@prevalence=0.06``); Brier score, ECE, calibration intercept and slope, before and after
        (``@T``) temperature scaling; the threshold and the temperature.
        What needs both classes is empty with an ``undefined`` note when the set holds one only.
    """
    truth = table["truth"].to_numpy().astype(int)
    probability = table["probability"].to_numpy(dtype=np.float64)
    # Confident probabilities may be equal where their logits are not.
    logit = table["logit"].to_numpy(dtype=np.float64)
    patients = table["patient"].to_numpy()
    counts = {"n_positive": int(truth.sum()), "n_negative": int((truth == 0).sum())}
    reason = one_class_reason(**counts)
    estimates = {"AUC": undefined(reason) if reason else delong_auc(truth, logit, patients)}
    if not whole:
        estimates |= _found(truth, (probability >= point["threshold"]).astype(int), patients)
        return [metric_row(name, estimate, **counts) for name, estimate in estimates.items()]
    bootstrap = partial(cluster_bootstrap, patients=patients, replicates=settings["replicates"], seed=seed)
    estimates["AP"] = (
        undefined(reason) if reason else bootstrap(partial(weighted_average_precision, truth, logit))
    )
    for cut, suffix in ((point["threshold"], ""), (HALF, HALF_SUFFIX)):
        called = (probability >= cut).astype(int)
        for name, estimate in _at_threshold(truth, called, patients, bootstrap, reason).items():
            estimates[name + suffix] = estimate
    estimates |= _in_practice(estimates["SEN"], estimates["SPE"], settings.get("prevalence", ()))
    estimates |= _calibration(truth, logit, patients, bootstrap, "")
    if "temperature" in point:
        scaled = logit / point["temperature"]
        estimates |= _calibration(truth, scaled, patients, bootstrap, SCALED_SUFFIX)
        estimates["temperature"] = _fixed(
            point["temperature"], point.get("temperature_note", "from validation")
        )
    estimates["threshold"] = _fixed(point["threshold"], "operating point, from validation")
    return [metric_row(name, estimate, **counts) for name, estimate in estimates.items()]


def _fixed(value: float, note: str) -> Interval:
    return Interval(value, np.nan, np.nan, note)


def one_class_reason(n_positive: int, n_negative: int) -> str:
    """Say why a test set cannot be ranked, or nothing when both classes are there."""
    if n_positive and n_negative:
        return ""
    return f"one class only, {n_positive} scans with and {n_negative} without hemorrhage"


def _in_practice(sen: Interval, spe: Interval, prevalences: Sequence[float]) -> dict[str, Interval]:
    """Compute what a reader meets at the operating point: false alarms, predictive values by prevalence."""
    missed, alarms = (Interval(1 - part.value, 1 - part.high, 1 - part.low, part.note) for part in (sen, spe))
    estimates = {"alarms per 100": Interval(*(100 * value for value in alarms[:3]), alarms.note)}
    for prevalence in prevalences:
        estimates[f"PPV@prevalence={prevalence:g}"] = predictive_value(sen, alarms, prevalence)
        estimates[f"NPV@prevalence={prevalence:g}"] = predictive_value(spe, missed, 1 - prevalence)
    return estimates


def _calibration(
    truth: np.ndarray,
    logit: np.ndarray,
    patients: np.ndarray,
    bootstrap: partial,
    suffix: str,
) -> dict[str, Interval]:
    """Compute Brier score, ECE, calibration intercept and slope of the probabilities behind logits (n,)."""
    probability = expit(logit)
    fitted = recalibration(truth, logit)
    estimates = {
        "Brier": bootstrap(partial(brier, truth, probability)),
        "ECE": expected_calibration_error(truth, probability),
        **{f"calibration {name}": of_independent(fitted[name], patients, "Wald") for name in fitted},
    }
    return {name + suffix: estimate for name, estimate in estimates.items()}


def _share(
    truth: np.ndarray, called: np.ndarray, patients: np.ndarray, among: np.ndarray, empty: str
) -> Interval:
    """Share of right calls among some scans (n,) bool."""
    if not among.any():
        return undefined(empty)
    return patient_proportion((truth == called)[among], patients[among])


def _found(truth: np.ndarray, called: np.ndarray, patients: np.ndarray) -> dict[str, Interval]:
    """Compute SEN and SPE of calls (n,) 0/1."""
    share = partial(_share, truth, called, patients)
    return {
        "SEN": share(truth == 1, "no scan with hemorrhage"),
        "SPE": share(truth == 0, "no scan without hemorrhage"),
    }


def _at_threshold(
    truth: np.ndarray, called: np.ndarray, patients: np.ndarray, bootstrap: partial, reason: str
) -> dict[str, Interval]:
    """Compute F1, SEN, SPE, PPV, NPV of calls (n,) 0/1; predictive values and F1 need both classes."""
    estimates = _found(truth, called, patients)
    if reason:
        return estimates | dict.fromkeys(("F1", "PPV", "NPV"), undefined(reason))
    share = partial(_share, truth, called, patients)
    return estimates | {
        "F1": bootstrap(partial(weighted_f1, truth, called)),
        "PPV": share(called == 1, "no scan called positive"),
        "NPV": share(called == 0, "no scan called negative"),
    }


def weighted_f1(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """F1 of weighted samples.

    Args:
        truth: (n,) 0/1.
        called: (n,) 0/1.
        weights: (k, n).

    Returns:
        (k,) in [0, 1], NaN where a sample holds no scan with hemorrhage.
    """
    hit = weights @ (truth & called)
    wrong = weights @ (truth ^ called)
    with np.errstate(invalid="ignore"):
        return np.where(weights @ truth > 0, 2 * hit / (2 * hit + wrong), np.nan)


def weighted_average_precision(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision of weighted samples; scikit-learn's definition, for all samples at once.

    Args:
        truth: (n,) 0/1.
        score: (n,) higher means hemorrhage.
        weights: (k, n).

    Returns:
        (k,) in [0, 1], NaN where a sample holds no scan with hemorrhage.
    """
    order = np.argsort(-score, kind="stable")
    steps = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # last scan of each run of ties
    hits = np.cumsum(weights[:, order] * truth[order], axis=1)[:, steps]
    called = np.cumsum(weights[:, order], axis=1)[:, steps]
    with np.errstate(invalid="ignore"):
        precision = np.where(called > 0, hits / np.maximum(called, 1), 0)
        recall = hits / hits[:, -1:]
    return (np.diff(recall, axis=1, prepend=0) * precision).sum(axis=1)
