"""Operating points fixed on validation cases: where a score or a voxel probability becomes a yes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.errors import ConfigError
from smartnet.files import write_json
from smartnet.metrics.calibration import fit_temperature
from smartnet.validation import DSC_COLUMNS, GRID, read_validation

Criterion = str | Mapping[str, float]


def choose_operating_point(validation: Path, *, criterion: Criterion, output: Path) -> None:
    """Choose the operating point of one model and write it.

    Args:
        validation: ``validation.csv`` of the model.
        criterion: of a classifier ``youden`` or ``{"sensitivity": target}``, of a segmenter ``dsc`` or
            ``fixed`` (one half, where every voxel probability gives the same mask).
        output: ``threshold.json``: ``threshold criterion n_positive n_negative``, what was ``reached`` on
            validation, the ``target`` if there is one, and of a classifier the ``temperature``.

    Raises:
        ConfigError: a criterion that the task does not have.
        DataError: the table is none of a validation.
    """
    task, table = read_validation(validation)
    if task == "segmentation":
        write_json(segmenter_point(table, criterion), output)
        return
    truth, probability = (table[name].to_numpy(dtype=np.float64) for name in ("truth", "probability"))
    temperature = fit_temperature(truth, table["logit"].to_numpy(dtype=np.float64))
    write_json(classifier_point(truth, probability, criterion) | temperature, output)


def classifier_point(truth: np.ndarray, probability: np.ndarray, criterion: Criterion) -> dict[str, Any]:
    """Operating point of a classifier, with the sensitivity and specificity that it reached.

    Args:
        truth: (n,) 0 or 1.
        probability: (n,) in [0, 1].
        criterion: ``youden`` or ``{"sensitivity": target}``.

    Raises:
        ConfigError: another criterion.
    """
    if criterion == "youden":
        point = youden(truth, probability)
    elif isinstance(criterion, Mapping) and set(criterion) == {"sensitivity"}:
        point = at_sensitivity(truth, probability, criterion["sensitivity"])
    else:
        raise ConfigError(
            f"operating point {criterion!r} does not exist for a classifier: choose youden, or a target such "
            "as {sensitivity: 0.95}"
        )
    called = np.asarray(probability) >= point["threshold"]
    reached = {"sensitivity": _share(called[truth > 0]), "specificity": _share(~called[truth <= 0])}
    return point | {"reached": reached}


def _share(right: np.ndarray) -> float | None:
    return float(right.mean()) if len(right) else None


def _share_above(scores: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Share of scores (n,) that reach each of the candidates (k,): (k,)."""
    return 1 - np.searchsorted(np.sort(scores), candidates) / len(scores)


def youden(truth: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """Threshold that maximises SEN + SPE - 1 (Youden 1950); ``score >= threshold`` is positive.

    Candidates are the midpoints between neighbouring scores; among equals the one nearest to 0.5 is taken.

    Args:
        truth: (n,) 0 or 1.
        score: (n,) probabilities in [0, 1].

    Returns:
        ``threshold``, ``criterion``, ``n_positive``, ``n_negative``; with one class only there is nothing to
        optimise, and the threshold is 0.5 with criterion ``default``.
    """
    truth, score = np.asarray(truth) > 0, np.asarray(score, dtype=np.float64)
    counts = {"n_positive": int(truth.sum()), "n_negative": int((~truth).sum())}
    values = np.unique(score)
    if 0 in counts.values() or len(values) < 2:
        return {"threshold": 0.5, "criterion": "default", **counts}
    candidates = (values[1:] + values[:-1]) / 2
    index = _share_above(score[truth], candidates) - _share_above(score[~truth], candidates)
    best = candidates[np.isclose(index, index.max(), rtol=0, atol=1e-12)]
    return {"threshold": float(best[np.abs(best - 0.5).argmin()]), "criterion": "youden", **counts}


def at_sensitivity(truth: np.ndarray, score: np.ndarray, target: float) -> dict[str, Any]:
    """Highest threshold whose sensitivity is at least ``target``; ``score >= threshold`` is positive.

    Candidates are the midpoints between neighbouring scores, and half of the lowest score, which calls every
    scan positive.

    Args:
        truth: (n,) 0 or 1.
        score: (n,) probabilities in [0, 1].
        target: above 0, at most 1.

    Returns:
        as :func:`youden`, and ``target``; without a positive scan the threshold is 0.5 with criterion
        ``default``.
    """
    truth, score = np.asarray(truth) > 0, np.asarray(score, dtype=np.float64)
    counts = {"n_positive": int(truth.sum()), "n_negative": int((~truth).sum())}
    aim = {"target": {"sensitivity": float(target)}}
    if not counts["n_positive"]:
        return {"threshold": 0.5, "criterion": "default", **counts, **aim}
    values = np.unique(score)
    candidates = np.append(values[0] / 2, (values[1:] + values[:-1]) / 2)
    enough = candidates[_share_above(score[truth], candidates) >= target - 1e-12]
    return {"threshold": float(enough.max()), "criterion": "sensitivity", **counts, **aim}


def segmenter_point(table: pd.DataFrame, criterion: Criterion) -> dict[str, Any]:
    """Voxel probability with the highest mean DSC; among equals the one nearest to 0.5.

    Args:
        table: one row per scan, the DSC at every voxel probability of the grid, empty without lesion.
        criterion: ``dsc``, or ``fixed`` for one half.

    Returns:
        ``threshold``, ``criterion``, ``n_positive`` (scans with lesion), ``n_negative``, ``reached``
        (the mean DSC); without a lesion the threshold is 0.5 with criterion ``default``.

    Raises:
        ConfigError: another criterion.
    """
    if criterion not in ("dsc", "fixed"):
        raise ConfigError(
            f"operating point {criterion!r} does not exist for a segmenter: choose dsc or fixed"
        )
    scores = table[DSC_COLUMNS].dropna().to_numpy(dtype=np.float64)
    counts = {"n_positive": len(scores), "n_negative": len(table) - len(scores)}
    if not len(scores):
        return {"threshold": 0.5, "criterion": "default", **counts, "reached": {"dsc": None}}
    mean = scores.mean(axis=0)
    best = GRID if criterion == "fixed" else GRID[np.isclose(mean, mean.max(), rtol=0, atol=1e-12)]
    threshold = float(best[np.abs(best - 0.5).argmin()])
    reached = {"dsc": float(mean[np.searchsorted(GRID, threshold)])}
    return {"threshold": threshold, "criterion": criterion, **counts, "reached": reached}
