import zlib

import numpy as np
import pandas as pd
import pytest

from smartnet.errors import DataError
from smartnet.files import read_table, write_table
from smartnet.metrics.evaluate import evaluate
from smartnet.metrics.explanation import MAPS, MEASURES, explanation_items, explanation_rows
from smartnet.statistics.bootstrap import cluster_bootstrap

SETTINGS = {"replicates": 200}


def table(count=6, *, lost=(), empty=()):
    """Six scans of three patients; scan n has pointing n % 2, energy n / 10 and AUPRC n / 20 in every map."""
    rows = [
        {
            "case": f"c{n}",
            "patient": f"p{n // 2}",
            "dataset": "internal",
            "map": name,
            "pointing": n % 2,
            "energy": n / 10,
            "auprc": np.nan if n in lost else n / 20,
            "lesion_share": 0.0 if n in lost else 0.01 * (n + 1),
            "empty": int(n in empty),
        }
        for n in range(count)
        for name in MAPS
    ]
    return pd.DataFrame(rows)


def by_metric(rows):
    return {row["metric"]: row for row in rows}


def test_rows_are_means_over_scans_with_intervals_over_patients():
    rows = by_metric(explanation_rows(table(), settings=SETTINGS, seed=7))
    assert set(rows) == {f"{metric}:{name}" for metric in MEASURES for name in MAPS} | {"lesion-share"}
    assert rows["pointing:gradcam"]["value"] == pytest.approx(0.5)
    assert rows["energy:segcam"]["value"] == pytest.approx(0.25)
    assert rows["AUPRC:random"]["value"] == pytest.approx(0.125)
    assert rows["lesion-share"]["value"] == pytest.approx(0.035)
    numbers = np.arange(6) / 10
    expected = cluster_bootstrap(
        lambda weights: weights @ numbers / weights.sum(axis=1),
        np.arange(6) // 2,
        replicates=200,
        seed=7,
    )
    found = rows["energy:gradcam"]
    assert (found["value"], found["low"], found["high"]) == expected[:3]
    assert (found["n_positive"], found["n_negative"], found["note"]) == (6, 0, "")


def test_a_lesion_whose_share_rounds_to_zero_is_not_lost():
    data = table()
    data.loc[data["case"] == "c0", "lesion_share"] = 0.0  # four of ten million voxels
    found = by_metric(explanation_rows(data, settings=SETTINGS, seed=7))["energy:gradcam"]
    assert (found["n_positive"], found["note"]) == (6, "")


def test_lost_lesions_are_left_out_and_empty_maps_counted_in_the_note():
    data = table(lost=(5,), empty=(0, 1))
    data.loc[data["case"] == "c5", list(MEASURES.values())] = np.nan
    row = by_metric(explanation_rows(data, settings=SETTINGS, seed=7))["energy:ideal"]
    assert row["value"] == pytest.approx(0.2)
    assert row["n_positive"] == 5
    assert row["note"] == "1 scans left out: lesion lost at the networks' resolution; 2 of 5 maps empty"


def test_a_test_set_without_measured_scans_is_undefined():
    rows = explanation_rows(table().iloc[:0], settings=SETTINGS, seed=7)
    assert len(rows) == 3 * len(MAPS) + 1
    assert all(np.isnan(row["value"]) for row in rows)
    assert {row["note"] for row in rows} == {"undefined: no scan with hemorrhage and reference mask"}


def item(path, **changes):
    return {"model": "smartnet", "seed": 1, "datasets": ["internal", "public"], "table": path} | changes


def test_rows_reach_the_tidy_table(tmp_path):
    write_table(table(), tmp_path / "a.csv")
    items = [item(tmp_path / "a.csv")]
    evaluate([], output=tmp_path / "metrics.csv", settings=SETTINGS, seed=3, localisations=items)
    metrics = read_table(tmp_path / "metrics.csv")
    assert set(metrics["task"]) == {"explanation"} and set(metrics["dataset"]) == {"internal", "public"}
    own = metrics[(metrics["dataset"] == "internal") & (metrics["metric"] == "energy:gradcam")].iloc[0]
    rows = explanation_rows(table(), settings=SETTINGS, seed=zlib.crc32(b"3/internal"))
    assert own["low"] == pytest.approx(by_metric(rows)["energy:gradcam"]["low"], abs=1e-6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (table().drop(columns="auprc"), "column auprc is missing; measure the localisation again"),
        (
            pd.concat([table(), table().iloc[:1]]),
            "map gradcam of case c0 stands there twice; measure it again",
        ),
    ],
)
def test_a_broken_table_is_refused(tmp_path, data, message):
    write_table(data, tmp_path / "a.csv")
    with pytest.raises(DataError) as error:
        explanation_items([item(tmp_path / "a.csv")], settings=SETTINGS, seed=1)
    assert str(error.value) == f"{tmp_path / 'a.csv'}: {message}"
