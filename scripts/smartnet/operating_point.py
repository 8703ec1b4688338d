"""Operating points fixed on validation cases: where a score or a voxel probability becomes a yes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

GRID = np.round(np.arange(0.05, 0.951, 0.05), 2)
"""Voxel probabilities that are tried for a segmenter."""


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
    above = score[None] >= candidates[:, None]
    index = above[:, truth].mean(1) - above[:, ~truth].mean(1)
    best = candidates[np.isclose(index, index.max())]
    return {"threshold": float(best[np.abs(best - 0.5).argmin()]), "criterion": "youden", **counts}


class DiceCurve:
    """Mean DSC of the positive cases at every threshold of ``GRID``, filled case by case."""

    def __init__(self) -> None:
        """Keep the arguments."""
        self.scores: list[np.ndarray] = []
        self.negatives = 0

    def add(self, probability: np.ndarray, mask: np.ndarray) -> None:
        """Add one case: voxel probabilities in [0, 1] and its mask (above 0 is lesion), same shape."""
        lesion = np.asarray(mask) > 0
        if not lesion.any():
            self.negatives += 1
            return
        level = np.searchsorted(GRID, np.asarray(probability).ravel(), side="right")
        predicted = _at_least(np.bincount(level, minlength=len(GRID) + 1))
        overlap = _at_least(np.bincount(level[lesion.ravel()], minlength=len(GRID) + 1))
        self.scores.append(2 * overlap / (predicted + lesion.sum()))

    def operating_point(self) -> dict[str, Any]:
        """Threshold with the highest mean DSC; among equals the one nearest to 0.5."""
        counts = {"n_positive": len(self.scores), "n_negative": self.negatives}
        if not self.scores:
            return {"threshold": 0.5, "criterion": "default", **counts}
        mean = np.mean(self.scores, axis=0)
        best = GRID[np.isclose(mean, mean.max(), rtol=0, atol=1e-12)]
        return {"threshold": float(best[np.abs(best - 0.5).argmin()]), "criterion": "dsc", **counts}


def _at_least(histogram: Sequence[int]) -> np.ndarray:
    """How many voxels reach each threshold, from how many lie between neighbouring ones."""
    return np.cumsum(np.asarray(histogram)[::-1])[::-1][1:]
