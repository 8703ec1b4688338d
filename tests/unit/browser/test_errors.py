"""Errors of cases, and which are the worst."""

import numpy as np
import pandas as pd

from smartnet.browser.errors import ERRORS, case_errors, choose_browsed, worst_cases
from smartnet.files import read_table, write_json, write_table

KEYS = {"patient": "p", "dataset": "internal"}


def classification(*rows):
    return pd.DataFrame([KEYS | {"case": c, "truth": t, "logit": 0, "probability": p} for c, t, p in rows])


def segmentation(*rows):
    names = ("case", "truth", "truth_ml", "predicted_ml", "overlap_ml")
    return pd.DataFrame([KEYS | dict(zip(names, row, strict=True)) for row in rows])


TABLES = {
    "classification": classification(
        ("a", 1, 0.2), ("b", 0, 0.9), ("c", 1, 0.8), ("d", None, 0.5), ("e", 1, 0.5)
    ),
    "segmentation": segmentation(
        ("a", 1, 10.0, 6.0, 4.0),
        ("b", 0, 0.0, 3.0, 0.0),
        ("c", 1, 10.0, 2.0, 1.0),
        ("d", None, np.nan, 1, 0),
        ("e", 1, np.nan, 1.0, 0.0),
    ),
}


def test_errors_by_hand():
    cases = case_errors(TABLES, 0.5).set_index("case")
    assert cases.index.tolist() == ["a", "b", "c", "e"]  # d has no label
    assert np.allclose(cases["classification"], [0.8, 0.9, 0.2, 0.5])
    assert np.allclose(cases["overlap"], [0.5, np.nan, 1 - 2 / 12, np.nan], equal_nan=True)
    assert np.allclose(cases["false"], [2, 3, 1, np.nan], equal_nan=True)
    assert np.allclose(cases["missed"], [6, np.nan, 9, np.nan], equal_nan=True)
    assert cases["kinds"].tolist() == ["missed", "alarm", "overlap", ""]


def test_one_task_alone_has_the_errors_that_it_can_have():
    cases = case_errors({"classification": TABLES["classification"]}, 0.5)
    assert cases["overlap"].isna().all() and cases["false"].isna().all()
    cases = case_errors({"segmentation": TABLES["segmentation"]}, None)
    assert cases["classification"].isna().all()
    assert cases["kinds"].tolist() == ["", "alarm", "overlap", ""]


def test_the_worst_by_each_error_take_turns():
    cases = case_errors(TABLES, 0.5)
    # classification: b; overlap: c; false: b again; missed: c again; then the second of each
    assert worst_cases(cases, 2)["case"].tolist() == ["b", "c"]
    assert worst_cases(cases, 3)["case"].tolist() == ["b", "c", "a"]
    assert len(worst_cases(cases, 99)) == 4
    assert list(ERRORS) == ["classification", "overlap", "false", "missed"]


def test_the_cases_of_the_browser_are_the_worst_of_every_test_set(tmp_path):
    runs = []
    write_json({"threshold": 0.5}, tmp_path / "threshold.json")
    for dataset in ("public", "internal"):
        for task, table in TABLES.items():
            path = tmp_path / task / f"{dataset}.csv"
            write_table(table.assign(dataset=dataset), path)
            runs.append({"task": task, "table": path, "threshold": tmp_path / "threshold.json"})
    choose_browsed(runs, count=2, output=tmp_path / "browsed.tsv")
    chosen = read_table(tmp_path / "browsed.tsv")
    assert list(chosen["dataset"]) == ["internal", "internal", "public", "public"]
    expected = worst_cases(case_errors(TABLES, 0.5), 2)["case"]
    assert list(chosen["case"]) == [*expected, *expected]
