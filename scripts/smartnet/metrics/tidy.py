"""The tidy tables of metrics and comparisons: their columns, their order, how they are read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_table
from smartnet.statistics.interval import Interval, join_notes

COLUMNS = [
    "model",
    "task",
    "seed",
    "dataset",
    "subgroup",
    "metric",
    "value",
    "low",
    "high",
    "n_positive",
    "n_negative",
    "note",
]
KEYS = COLUMNS[:6]
EXPLANATION = "explanation"
"""Task of rows on how well a start's maps lie on lesions."""
FEATURES = "features"
"""Task of rows on what an encoder's features hold."""
EVERY = "all"
"""Stands for all data sets together, or all cases of one."""
COMPARISON = [
    "task",
    "seed",
    "dataset",
    "metric",
    "test",
    "model",
    "reference",
    "difference",
    "low",
    "high",
    "statistic",
    "p",
    "p_holm",
    "n",
    "note",
]


def metric_row(metric: str, estimate: Interval, *, n_positive: int, n_negative: int, note: str = "") -> dict:
    """Make one row (without model, task, seed and dataset); the notes are joined with a semicolon."""
    return {
        "metric": metric,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n_positive": n_positive,
        "n_negative": n_negative,
        "note": join_notes(estimate.note, note),
    }


def tidy(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Order rows by their keys, so that the table does not depend on the order of the predictions."""
    table = pd.DataFrame(list(rows), columns=COLUMNS)
    repeated = table.duplicated(KEYS)
    if repeated.any():
        key = " ".join(str(part) for part in table.loc[repeated, KEYS].iloc[0])
        raise DataError(f"metrics: {key} would be written twice; pass each prediction table once")
    return table.sort_values(KEYS, kind="stable").reset_index(drop=True)


def read_metrics(path: Path | str) -> pd.DataFrame:
    """Read ``metrics.csv``; an undefined value is NaN and its note says why.

    Raises:
        DataError: a column is missing.
    """
    return _read(path, COLUMNS, rule="metrics")


def read_comparisons(path: Path | str) -> pd.DataFrame:
    """Read ``comparisons.csv``; an undefined p is NaN and its note says why.

    Raises:
        DataError: a column is missing.
    """
    return _read(path, COMPARISON, rule="comparisons")


def _read(path: Path | str, columns: Sequence[str], *, rule: str) -> pd.DataFrame:
    text = ["model", "reference", "dataset", "subgroup", "note"]
    table = read_table(path, dtype={name: str for name in text if name in columns})
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(f"{path}: column {missing[0]} is missing; make the table again with the rule {rule}")
    table["note"] = table["note"].fillna("")
    return table
