import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, wilcoxon

from smartnet.errors import DataError
from smartnet.files import write_json, write_table
from smartnet.metrics.comparisons import compare
from smartnet.metrics.tidy import COMPARISON, read_comparisons
from smartnet.statistics.delong import delong_difference
from smartnet.statistics.multiplicity import holm

REFERENCES = {"classification": "ours", "segmentation": "drawn"}
N = 60


def answers(strength, seed, dataset="internal"):
    generator = np.random.default_rng(seed)
    truth = np.arange(N) % 2
    logit = (generator.normal(size=N) + strength * (truth - 0.5)).round(6)
    keys = keys_of(dataset).assign(truth=truth)
    return keys.assign(logit=logit, probability=(1 / (1 + np.exp(-logit))).round(6))


def masks(share, seed):
    generator = np.random.default_rng(seed)
    truth = np.arange(N) % 2
    truth_ml = truth * np.random.default_rng(9).lognormal(2, 1, N)
    overlap = truth_ml * np.clip(share + 0.1 * generator.normal(size=N), 0, 1)
    false = generator.exponential(2, N) * (generator.random(N) < 0.7)
    volumes = {"truth_ml": truth_ml, "predicted_ml": overlap + false, "overlap_ml": overlap}
    volumes |= {"predicted_half_ml": overlap, "overlap_half_ml": overlap}
    return keys_of("internal").assign(truth=truth, **volumes).round(6)


def keys_of(dataset):
    names = [f"c{i:02d}" for i in range(N)]
    return pd.DataFrame({"case": names, "patient": [f"p{name}" for name in names], "dataset": dataset})


@pytest.fixture
def run(tmp_path):
    def _run(tables, references=REFERENCES):
        items = []
        for number, (model, task, dataset, table) in enumerate(tables):
            write_table(table, tmp_path / f"{number}.csv")
            write_json({"threshold": 0.5}, tmp_path / f"{number}.json")
            item = {"model": model, "task": task, "seed": 1, "dataset": dataset}
            items.append(
                item | {"table": tmp_path / f"{number}.csv", "threshold": tmp_path / f"{number}.json"}
            )
        output = tmp_path / "comparisons.csv"
        compare(items, references, output=output, settings={"replicates": 200}, seed=7)
        return read_comparisons(output)

    return _run


@pytest.fixture
def tables():
    return [
        ("ours", "classification", "internal", answers(3, 1)),
        ("weak", "classification", "internal", answers(0.5, 2)),
        ("near", "classification", "internal", answers(2.5, 3)),
        ("ours", "classification", "public", answers(3, 4)),
        ("weak", "classification", "public", answers(0.5, 5)),
        ("drawn", "segmentation", "internal", masks(0.8, 1)),
        ("poor", "segmentation", "internal", masks(0.3, 2)),
    ]


def one(table, **keys):
    for name, value in keys.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_tests_are_those_of_the_statistics_on_paired_scans(run, tables):
    result = run(tables)
    ours, weak = tables[0][3], tables[1][3]
    truth = ours["truth"].to_numpy()
    row = one(result, model="weak", dataset="internal", metric="AUC")
    interval, test = delong_difference(truth, weak["logit"], ours["logit"])
    assert (row["test"], row["reference"], row["n"]) == ("DeLong", "ours", N)
    assert (row["difference"], row["low"]) == pytest.approx((interval.value, interval.low), abs=1e-6)
    assert (row["statistic"], row["p"]) == pytest.approx((test.statistic, test.p), abs=1e-6)

    row = one(result, model="weak", dataset="internal", metric="SEN")
    right, reference = ((table["probability"] >= 0.5)[truth == 1] for table in (weak, ours))
    alone, other = int((right & ~reference).sum()), int((reference & ~right).sum())
    assert row["p"] == pytest.approx(binomtest(alone, alone + other).pvalue, abs=1e-6)
    assert row["difference"] == pytest.approx(right.mean() - reference.mean(), abs=1e-6)
    assert row["low"] <= row["difference"] <= row["high"]
    assert (row["n"], row["statistic"]) == (N // 2, alone - other)


def test_segmenters_are_compared_on_bleeding_scans_and_on_the_others(run, tables):
    result = run(tables)
    drawn, poor = tables[5][3], tables[6][3]
    bleeding = drawn["truth"] == 1
    dsc = [2 * t["overlap_ml"] / (t["truth_ml"] + t["predicted_ml"]) for t in (poor, drawn)]
    row = one(result, model="poor", metric="DSC")
    assert row["p"] == pytest.approx(wilcoxon(*(x[bleeding] for x in dsc)).pvalue, abs=1e-6)
    assert row["difference"] == pytest.approx((dsc[0] - dsc[1])[bleeding].mean(), abs=1e-6)
    assert row["n"] == N // 2
    row = one(result, model="poor", metric="FPV")
    gain = (poor["predicted_ml"] - drawn["predicted_ml"])[~bleeding]
    assert row["difference"] == pytest.approx(gain.mean(), abs=1e-6)
    assert row["p"] == pytest.approx(wilcoxon(gain, zero_method="pratt").pvalue, abs=0.02)
    assert "patients without difference" in row["note"]


def test_holm_is_over_models_and_data_sets_of_a_metric(run, tables):
    result = run(tables)
    assert list(result.columns) == COMPARISON
    auc = result[result["metric"] == "AUC"]
    assert len(auc) == 3
    np.testing.assert_allclose(auc["p_holm"], holm(auc["p"].to_numpy()), atol=3e-6)
    assert one(result, metric="DSC")["p_holm"] == one(result, metric="DSC")["p"]


def test_a_scan_without_reference_mask_is_left_out(run, tables):
    model, task, dataset, table = tables[5]
    lost = table.assign(truth_ml=table["truth_ml"].where(table["case"] != "c01"))
    other = (*tables[6][:3], tables[6][3].assign(truth_ml=lost["truth_ml"]))
    assert one(run([(model, task, dataset, lost), other]), metric="DSC")["n"] == N // 2 - 1


def test_scans_of_one_patient_count_once(run, tables):
    twice = [
        (*names, pd.concat([table, table.assign(case=table["case"] + "b")])) for *names, table in tables[:2]
    ]
    once, both = run(tables[:2]), run(twice)
    for metric in ("AUC", "SEN", "SPE"):
        p, expected = (one(table, metric=metric)["p"] for table in (both, once))
        assert p == pytest.approx(expected, abs=1e-5)
        row = one(both, metric=metric)
        assert row["note"].endswith(f"of {row['n'] // 2} patients")
    width = [one(table, metric="SEN")[["low", "high"]].diff().iloc[-1] for table in (once, both)]
    assert width[0] == pytest.approx(width[1], abs=0.06)


def test_one_class_says_why_there_is_no_p(run, tables):
    result = run([(*names, table[table["truth"] == 1]) for *names, table in tables[:2]])
    row = one(result, metric="AUC")
    assert np.isnan(row["p"]) and np.isnan(row["p_holm"]) and row["note"] == "undefined: one class only"
    assert one(result, metric="SPE")["note"] == "undefined: no scan; p undefined: no scan"
    assert one(result, metric="SEN")["p"] <= 1


def test_equal_models_have_no_difference(run, tables):
    ours, drawn = tables[0], tables[5]
    result = run([ours, ("copy", *ours[1:]), drawn, ("copied", *drawn[1:])])
    assert (result["difference"] == 0).all()
    assert (result["p"] == 1).all()
    assert result["note"].str.len().min() > 0


def test_the_table_does_not_depend_on_the_order_and_a_task_without_reference_has_no_rows(run, tables):
    first = run(tables)
    pd.testing.assert_frame_equal(first, run(tables[::-1]))
    assert set(run(tables, {"segmentation": "drawn"})["task"]) == {"segmentation"}
    assert list(run(tables, {}).columns) == COMPARISON


def test_a_reference_that_was_not_evaluated_is_named(run, tables):
    with pytest.raises(DataError, match=r"the reference gone has no classification on internal; predict"):
        run(tables, {"classification": "gone"})


@pytest.mark.parametrize(
    "change", [lambda t: t.iloc[1:], lambda t: t.assign(truth=t["truth"].where(t["case"] != "c00", 1))]
)
def test_models_of_other_scans_or_truths_are_refused(run, tables, change):
    model, task, dataset, table = tables[1]
    with pytest.raises(
        DataError, match=r"weak and ours have different scans or truths on internal \(case c00\)"
    ):
        run([tables[0], (model, task, dataset, change(table))])
