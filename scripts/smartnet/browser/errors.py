"""What is wrong with a case, by one classifier and one segmenter, and which cases are looked at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.files import read_json, read_table, write_table
from smartnet.metrics.predictions import dsc

POOR_DSC = 0.5  # below it an overlap is called poor
ERRORS = {
    "classification": "Classification: |truth - probability|",
    "overlap": "Segmentation: 1 - DSC",
    "false": "Segmentation: false volume",
    "missed": "Segmentation: missed volume",
}
"""Errors by which cases can be sorted; the first that the study has comes first."""

KINDS = {"missed": "Missed", "alarm": "False alarm", "overlap": "Poor overlap"}
TEXT = {"case": str, "patient": str, "dataset": str}
_KEYS = ["case", "patient", "dataset", "truth"]


def read_errors(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Read the predictions of one classifier, one segmenter, or both, on every test set: ``case_errors``.

    Args:
        runs: ``task``, ``table`` and ``threshold`` (paths) of each test set.
    """
    tables = {
        task: pd.concat(
            [read_table(run["table"], dtype=TEXT) for run in runs if run["task"] == task], ignore_index=True
        )
        for task in dict.fromkeys(run["task"] for run in runs)
    }
    points = {run["task"]: read_json(run["threshold"])["threshold"] for run in runs}
    return case_errors(tables, points.get("classification"))


def choose_browsed(runs: Sequence[Mapping[str, Any]], *, count: int, output: Path) -> None:
    """Write the cases that the browser shows: ``case dataset``, of every test set the worst first.

    Args:
        runs: as for ``read_errors``.
        count: cases per data set, at most.
        output: table to write.
    """
    cases = read_errors(runs)
    chosen = [worst_cases(part, count) for _, part in cases.groupby("dataset", sort=True)]
    write_table(pd.concat(chosen)[["case", "dataset"]], output)


def case_errors(tables: Mapping[str, pd.DataFrame], threshold: float | None) -> pd.DataFrame:
    """Measure every labelled test case.

    Args:
        tables: ``classification`` and ``segmentation``, or one of them -> the predictions of one model on all
            test sets.
        threshold: probability from which the classifier says hemorrhage, None without one.

    Returns:
        one row per case with 0/1 ``truth``: its predictions; ``called`` (0/1; without a classifier whether
        anything was drawn); the errors of ``ERRORS`` (NaN where a case cannot have one; volumes in mL); and
        ``kinds``, the words of ``KINDS`` that are true of it, joined by blanks.
    """
    cases = None
    for table in tables.values():
        cases = table if cases is None else cases.merge(table, on=_KEYS, how="outer")
    cases = cases[cases["truth"].notna()].sort_values(["dataset", "case"], ignore_index=True)
    for column in ("probability", "truth_ml", "predicted_ml", "overlap_ml"):
        if column not in cases:
            cases[column] = np.nan
    truth, drawn = cases["truth"].astype(int), cases["predicted_ml"]
    cases["called"] = (drawn > 0 if threshold is None else cases["probability"] >= threshold).astype(int)
    measured = (truth == 1) & (cases["truth_ml"] > 0)
    overlap = dsc(cases)
    cases["classification"] = (truth - cases["probability"]).abs()
    cases["overlap"] = 1 - overlap.where(measured)
    cases["false"] = (drawn - cases["overlap_ml"]).where(cases["truth_ml"].notna())
    cases["missed"] = (cases["truth_ml"] - cases["overlap_ml"]).where(measured)
    wrong = {
        "missed": (truth == 1) & (cases["called"] == 0),
        "alarm": (truth == 0) & (cases["called"] == 1),
        "overlap": measured & (overlap < POOR_DSC),
    }
    cases["kinds"] = [" ".join(kind for kind in KINDS if wrong[kind][row]) for row in cases.index]
    return cases


def worst_cases(cases: pd.DataFrame, count: int) -> pd.DataFrame:
    """Choose cases of one data set: the worst by each error in turn, until there are enough.

    Args:
        cases: of ``case_errors``.
        count: how many.

    Returns:
        their rows, in the order of choice; ties go by the name of the case.
    """
    orders = []
    for error in ERRORS:
        known = cases[cases[error].notna()]
        orders.append(known.sort_values([error, "case"], ascending=[False, True]).index.tolist())
    turns = [order[turn] for turn in range(len(cases)) for order in orders if turn < len(order)]
    chosen = list(dict.fromkeys([*turns, *cases.index]))
    return cases.loc[chosen[:count]]
