"""Does this scan hold a hemorrhage: how well the volume classifier says so."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from smartnet.metrics.tidy import metric_row
from smartnet.statistics.bootstrap import cluster_bootstrap
from smartnet.statistics.delong import delong_auc
from smartnet.statistics.interval import Interval
from smartnet.statistics.proportion import proportion_interval

HALF = 0.5
HALF_SUFFIX = "@0.5"


def classification_rows(
    table: pd.DataFrame, point: Mapping[str, Any], *, settings: Mapping[str, Any], seed: int
) -> list[dict]:
    """Measure one classifier on one test set.

    Args:
        table: one row per scan, ``patient``, ``truth`` (0/1), ``logit`` (ranks), ``probability`` (calls).
        point: content of ``threshold.json``, fixed on validation; a scan is called positive from
            ``threshold`` upwards.
        settings: ``evaluation`` of the configuration.
        seed: of the bootstrap.

    Returns:
        Rows of AUC, AP, then F1, SEN, SPE, PPV, NPV at the operating point and with ``@0.5`` at one half.
        What needs both classes is empty with an ``undefined`` note when the set holds one only.
    """
    truth = table["truth"].to_numpy().astype(int)
    probability = table["probability"].to_numpy(dtype=np.float64)
    # Confident probabilities are equal in six decimals, their logits are not.
    logit = table["logit"].to_numpy(dtype=np.float64)
    patients = table["patient"].to_numpy()
    counts = {"n_positive": int(truth.sum()), "n_negative": int((truth == 0).sum())}
    bootstrap = partial(cluster_bootstrap, patients=patients, replicates=settings["replicates"], seed=seed)
    rows = []
    reason = one_class_reason(**counts)
    if reason:
        undefined = Interval(np.nan, np.nan, np.nan, reason)
        estimates = {"AUC": undefined, "AP": undefined}
    else:
        estimates = {
            "AUC": delong_auc(truth, logit, patients),
            "AP": bootstrap(partial(weighted_average_precision, truth, logit)),
        }
    for cut, suffix in ((point["threshold"], ""), (HALF, HALF_SUFFIX)):
        called = (probability >= cut).astype(int)
        for name, estimate in _at_threshold(truth, called, bootstrap, reason).items():
            estimates[name + suffix] = estimate
    rows += [metric_row(name, estimate, **counts) for name, estimate in estimates.items()]
    point = Interval(point["threshold"], np.nan, np.nan, "operating point, from validation")
    return [*rows, metric_row("threshold", point, **counts)]


def one_class_reason(n_positive: int, n_negative: int) -> str:
    """Say why a test set cannot be ranked, or nothing when both classes are there."""
    if n_positive and n_negative:
        return ""
    return f"undefined: one class only, {n_positive} scans with and {n_negative} without hemorrhage"


def _at_threshold(
    truth: np.ndarray, called: np.ndarray, bootstrap: partial, reason: str
) -> dict[str, Interval]:
    """Compute F1, SEN, SPE, PPV, NPV of calls (n,) 0/1; predictive values and F1 need both classes."""
    hit = int((truth & called).sum())
    correct = int(((1 - truth) & (1 - called)).sum())
    positives, negatives = int(truth.sum()), int((1 - truth).sum())
    estimates = {
        "SEN": _proportion(hit, positives, "no scan with hemorrhage"),
        "SPE": _proportion(correct, negatives, "no scan without hemorrhage"),
    }
    if reason:
        undefined = Interval(np.nan, np.nan, np.nan, reason)
        return estimates | dict.fromkeys(("F1", "PPV", "NPV"), undefined)
    return estimates | {
        "F1": bootstrap(partial(weighted_f1, truth, called)),
        "PPV": _proportion(hit, int(called.sum()), "no scan called positive"),
        "NPV": _proportion(correct, int((1 - called).sum()), "no scan called negative"),
    }


def _proportion(count: int, total: int, empty: str) -> Interval:
    if total == 0:
        return Interval(np.nan, np.nan, np.nan, f"undefined: {empty}")
    return proportion_interval(count, total)


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
    if len(weights) == 1:
        return np.array([average_precision_score(truth, score, sample_weight=weights[0])])
    order = np.argsort(-score, kind="stable")
    steps = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # last scan of each run of ties
    hits = np.cumsum(weights[:, order] * truth[order], axis=1)[:, steps]
    called = np.cumsum(weights[:, order], axis=1)[:, steps]
    with np.errstate(invalid="ignore"):
        precision = np.where(called > 0, hits / np.maximum(called, 1), 0)
        recall = hits / hits[:, -1:]
    return (np.diff(recall, axis=1, prepend=0) * precision).sum(axis=1)
