"""What a model answers on validation scans: the table from which its operating point is chosen.

Training and the baseline write it and know nothing of the choice: another one trains nothing again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_table, write_table

GRID = np.round(np.arange(0.05, 0.951, 0.05), 2)
"""Voxel probabilities that are tried for a segmenter."""
DSC_COLUMNS = [f"dsc_{probability:.2f}" for probability in GRID]
COLUMNS = {"classification": ["logit", "probability"], "segmentation": DSC_COLUMNS}
_NAMES = ["case", "patient", "dataset", "truth"]


def dsc_curve(probability: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """DSC of one scan at every voxel probability of ``GRID``.

    Args:
        probability: (z, y, x), or any other axes, in [0, 1].
        mask: of the same shape, above 0 is lesion.

    Returns:
        (19,) in [0, 1]; NaN without lesion.
    """
    lesion = np.asarray(mask) > 0
    if not lesion.any():
        return np.full(len(GRID), np.nan)
    level = np.searchsorted(GRID, np.asarray(probability).ravel(), side="right")
    predicted = _at_least(np.bincount(level, minlength=len(GRID) + 1))
    overlap = _at_least(np.bincount(level[lesion.ravel()], minlength=len(GRID) + 1))
    return 2 * overlap / (predicted + lesion.sum())


def _at_least(histogram: np.ndarray) -> np.ndarray:
    """How many voxels reach each probability, from how many lie between neighbouring ones."""
    return np.cumsum(histogram[::-1])[::-1][1:]


def write_validation(
    cases: pd.DataFrame, answers: Sequence[Mapping[str, float]], task: str, output: Path | str
) -> None:
    """Write ``validation.csv``, one row per scan.

    Args:
        cases: ``case patient dataset hemorrhage`` (0/1, empty where unlabelled), a row per answer.
        answers: of each scan ``logit`` and ``probability``, or the values of :func:`dsc_curve` by
            ``DSC_COLUMNS``; written with all their digits: rounded ones might tie, or give another threshold.
        task: ``classification`` or ``segmentation``.
        output: CSV to write.
    """
    table = cases.rename(columns={"hemorrhage": "truth"})[_NAMES].reset_index(drop=True)
    numbers = pd.DataFrame(answers, columns=COLUMNS[task]).map(str, na_action="ignore")
    write_table(table.astype({"truth": "Int64"}).join(numbers), output)


def read_validation(path: Path | str) -> tuple[str, pd.DataFrame]:
    """Read ``validation.csv``.

    Returns:
        the task that its columns belong to, and the table.

    Raises:
        DataError: other columns, or no scan.
    """
    table = read_table(path, dtype=dict.fromkeys(_NAMES[:3], str))
    found = [task for task, columns in COLUMNS.items() if list(table.columns) == [*_NAMES, *columns]]
    if not found or table.empty:
        what = "no scan" if found else f"columns {' '.join(table.columns[:6])}"
        raise DataError(f"{path}: {what}, which is no table of a validation; train this model again")
    return found[0], table
