"""Reading per-case predictions and what was fixed on validation, checked."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_json, read_table

LIMITS = {"probability": (0.0, 1.0), "logit": (-np.inf, np.inf)}
NEEDED = {
    "classification": ["case", "patient", "truth", "probability", "logit"],
    "segmentation": [
        "case",
        "patient",
        "truth",
        "truth_ml",
        "predicted_ml",
        "overlap_ml",
        "predicted_half_ml",
        "overlap_half_ml",
    ],
}


def read_predictions(path: Path | str, task: str) -> pd.DataFrame:
    """Read one prediction table and check what the metrics rely on.

    Args:
        path: the table, one row per scan.
        task: ``classification`` or ``segmentation``.

    Raises:
        DataError: unknown task, a column is missing, a case is repeated, a truth is not 0 or 1, a
            probability leaves [0, 1] or a predicted volume is missing or negative.
    """
    if task not in NEEDED:
        raise DataError(f"{path}: unknown task {task!r}; use one of {', '.join(NEEDED)}")
    table = read_table(path, dtype={"case": str, "patient": str})
    missing = [name for name in NEEDED[task] if name not in table.columns]
    if missing:
        raise DataError(f"{path}: column {missing[0]} is missing; make the predictions of this model again")
    if table.empty:
        raise DataError(f"{path}: no scan was predicted; check the split and the data set's catalog")
    _refuse(table, table["case"].duplicated(), path, "case appears twice")
    _refuse(table, ~table["truth"].isin([0, 1]), path, "truth is not 0 or 1")
    numbers = [name for name in NEEDED[task][3:] if name != "truth_ml"]
    for name in numbers:
        values = table[name].astype(float)
        lower, upper = LIMITS.get(name, (0.0, np.inf))
        _refuse(
            table,
            ~(values.between(lower, upper) & np.isfinite(values)),
            path,
            f"{name} is missing or impossible",
        )
    return table


def dsc(table: pd.DataFrame, *, predicted: str = "predicted_ml", overlap: str = "overlap_ml") -> pd.Series:
    """Give the DSC of scans by their volumes; NaN where there is neither lesion nor prediction, or no mask.

    Args:
        table: ``truth_ml`` and the columns named.
        predicted: column of the predicted volume.
        overlap: column of what it shares with the reference.
    """
    return 2 * table[overlap] / (table["truth_ml"] + table[predicted])


def read_point(path: Path | str) -> dict[str, Any]:
    """Read what was fixed on validation: ``threshold``, a probability, and what belongs to it.

    Raises:
        DataError: the file holds no threshold.
    """
    content = read_json(path)
    if not isinstance(content.get("threshold"), int | float):
        raise DataError(f"{path}: no threshold in it; fix the operating point on validation first")
    return content


def _refuse(table: pd.DataFrame, wrong: pd.Series, path: Path | str, what: str) -> None:
    if wrong.any():
        case = table.loc[wrong, "case"].iloc[0]
        raise DataError(f"{path}: {what} (case {case}); make the predictions of this model again")


def bootstrap_seed(seed: int, dataset: str) -> int:
    """Give the seed of a data set's bootstrap: the same patients are drawn for every model of it."""
    return zlib.crc32(f"{seed}/{dataset}".encode())
