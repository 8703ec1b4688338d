import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from smartnet.metrics.features import feature_rows, weighted_auc


def slices(n=40):
    generator = np.random.default_rng(0)
    truth = np.arange(n) % 2
    return pd.DataFrame(
        {
            "patient": [f"p{i // 4}" for i in range(n)],
            "dataset": np.where(np.arange(n) < n // 2, "a", "b"),
            "hemorrhage": truth,
            "same_class": generator.random(n).round(1),
            "same_dataset": 0.5,
            "probe": (generator.normal(size=n) + truth).round(1),
            "probe_transfer": np.nan,
            "dataset_found": 1.0,
        }
    )


def test_rows_are_means_and_areas_with_intervals():
    table = slices()
    rows = {row["metric"]: row for row in feature_rows(table, table, settings={"replicates": 200}, seed=1)}
    assert rows["kNN purity"]["value"] == pytest.approx(table["same_class"].mean())
    assert rows["kNN purity"]["note"] == "chance 0.500"
    assert rows["probe AUC"]["value"] == pytest.approx(roc_auc_score(table["hemorrhage"], table["probe"]))
    assert rows["probe AUC"]["low"] < rows["probe AUC"]["value"] < rows["probe AUC"]["high"]
    assert np.isnan(rows["transfer AUC"]["value"])
    assert rows["transfer AUC"]["note"].startswith("undefined")
    assert (rows["data set found"]["n_positive"], rows["data set found"]["n_negative"]) == (20, 20)


def test_chance_of_one_data_set_is_its_share_of_all_among_which_neighbours_are_looked_for():
    table = slices()
    table["dataset"] = np.where(np.arange(40) < 30, "a", "b")
    rows = {}
    for name, part in (*table.groupby("dataset"), ("all", table)):
        for row in feature_rows(part, table, settings={"replicates": 50}, seed=1):
            rows[name, row["metric"]] = row["note"]
    for metric in ("kNN data set", "data set found"):
        notes = [rows[name, metric].split("; ")[-1] for name in ("a", "b", "all")]
        assert notes == ["chance 0.750", "chance 0.250", "chance 0.625"]
    assert rows["b", "kNN purity"] == "chance 0.500"


def test_weighted_auc_is_that_of_the_repeated_sample():
    generator = np.random.default_rng(3)
    truth, score = np.arange(30) % 2, generator.integers(0, 8, 30)
    weights = generator.multinomial(30, np.full(30, 1 / 30), size=20)
    expected = [roc_auc_score(np.repeat(truth, w), np.repeat(score, w)) for w in weights]
    np.testing.assert_allclose(weighted_auc(truth, score, weights), expected)
    assert np.isnan(weighted_auc(truth, score, (truth == 1)[None].astype(int)))[0]
