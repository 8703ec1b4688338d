import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from smartnet.errors import DataError
from smartnet.files import read_table, write_json, write_table
from smartnet.metrics.classification import weighted_average_precision
from smartnet.metrics.evaluate import evaluate
from smartnet.metrics.tidy import COLUMNS, read_metrics


def classified(n=80, seed=0, prevalence=0.4, dataset="internal"):
    generator = np.random.default_rng(seed)
    truth = (generator.random(n) < prevalence).astype(int)
    logit = (generator.normal(size=n) + 2.2 * truth - 1).round(1)
    return pd.DataFrame(
        {
            "case": [f"c{i:012x}" for i in range(n)],
            "patient": [f"p{i:012x}" for i in range(n)],
            "dataset": dataset,
            "truth": truth,
            "logit": logit,
            "probability": 1 / (1 + np.exp(-logit)),
        }
    )


def segmented(n=40, seed=0):
    generator = np.random.default_rng(seed)
    table = classified(n, seed)[["case", "patient", "dataset", "truth"]]
    table["truth_ml"] = table["truth"] * generator.lognormal(2, 1, n)
    for half in ("", "_half"):
        table[f"overlap{half}_ml"] = table["truth_ml"] * generator.random(n)
        table[f"predicted{half}_ml"] = table[f"overlap{half}_ml"] + generator.exponential(2, n)
    return table


@pytest.fixture
def run(tmp_path):
    def _run(tables, threshold=0.3, **options):
        items = []
        for number, (model, task, table) in enumerate(tables):
            path, cut = tmp_path / f"{number}.csv", tmp_path / f"{number}.json"
            write_table(table, path)
            write_json({"threshold": threshold}, cut)
            dataset = table["dataset"].iloc[0] if len(table) else "internal"
            items.append(
                {"model": model, "task": task, "seed": 1, "dataset": dataset, "table": path, "threshold": cut}
            )
        output = tmp_path / "metrics.csv"
        evaluate(items, output=output, settings={"replicates": options.pop("replicates", 200)}, seed=7)
        return read_metrics(output)

    return _run


def value(table, metric, **keys):
    rows = table[table["metric"] == metric]
    for name, wanted in keys.items():
        rows = rows[rows[name] == wanted]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize(("cut", "suffix"), [(0.3, ""), (0.5, "@0.5")])
def test_classification_agrees_with_scikit_learn(run, cut, suffix):
    table = classified()
    result = run([("smartnet", "classification", table)])
    truth, probability = table["truth"], table["probability"].round(6)
    called = (probability >= cut).astype(int)
    assert value(result, "AUC")["value"] == pytest.approx(sk.roc_auc_score(truth, probability), abs=1e-6)
    assert value(result, "AP")["value"] == pytest.approx(
        sk.average_precision_score(truth, probability), abs=1e-6
    )
    expected = {
        "F1": sk.f1_score(truth, called),
        "SEN": sk.recall_score(truth, called),
        "SPE": sk.recall_score(truth, called, pos_label=0),
        "PPV": sk.precision_score(truth, called),
        "NPV": sk.precision_score(truth, called, pos_label=0),
    }
    for metric, wanted in expected.items():
        row = value(result, metric + suffix)
        assert row["value"] == pytest.approx(wanted, abs=1e-6)
        assert row["low"] <= row["value"] <= row["high"]
        assert (row["n_positive"], row["n_negative"]) == (truth.sum(), (1 - truth).sum())


def test_weighted_average_precision_agrees_with_scikit_learn():
    table = classified()
    truth, score = table["truth"].to_numpy(), table["probability"].to_numpy()
    weights = np.random.default_rng(0).integers(0, 3, size=(20, len(table)))
    expected = [sk.average_precision_score(truth, score, sample_weight=row) for row in weights]
    np.testing.assert_allclose(weighted_average_precision(truth, score, weights), expected, rtol=1e-10)
    np.testing.assert_allclose(
        weighted_average_precision(truth, score, weights[:1]), expected[:1], rtol=1e-10
    )
    assert np.isnan(weighted_average_precision(truth, score, (1 - truth)[None]))


def test_segmentation_keeps_scans_with_and_without_blood_apart(run):
    table = segmented().round(6)
    result = run([("smartnet", "segmentation", table)])
    bleeding, normal = table[table["truth"] == 1], table[table["truth"] == 0]
    dsc = 2 * bleeding["overlap_ml"] / (bleeding["truth_ml"] + bleeding["predicted_ml"])
    assert value(result, "DSC")["value"] == pytest.approx(dsc.mean(), abs=1e-6)
    assert value(result, "FPV")["value"] == pytest.approx(normal["predicted_ml"].mean(), abs=1e-6)
    assert value(result, "FPV@0.5")["value"] == pytest.approx(normal["predicted_half_ml"].mean(), abs=1e-6)
    missed = (bleeding["truth_ml"] - bleeding["overlap_ml"]).mean()
    assert value(result, "FNV")["value"] == pytest.approx(missed, abs=1e-6)
    assert value(result, "DSC")["low"] < dsc.mean() < value(result, "DSC")["high"]


def test_scan_without_reference_mask_is_left_out_and_counted(run):
    table = segmented()
    first = table.index[table["truth"] == 1][0]
    table.loc[first, "truth_ml"] = np.nan
    row = value(run([("smartnet", "segmentation", table)]), "DSC")
    assert row["n_positive"] == table["truth"].sum() - 1
    assert row["note"].startswith("1 scans with hemorrhage left out")


@pytest.mark.parametrize(("kept", "defined", "lost"), [(1, "SEN", "SPE"), (0, "SPE", "SEN")])
def test_one_class_is_undefined_with_the_reason_and_the_counts(run, kept, defined, lost):
    table = classified()
    table = table[table["truth"] == kept]
    result = run([("smartnet", "classification", table)])
    for metric in ("AUC", "AP", "F1", "PPV", "NPV@0.5"):
        row = value(result, metric)
        assert np.isnan(row["value"])
        assert row["note"].startswith("undefined: one class only")
        assert f"{len(table) if kept else 0} scans with" in row["note"]
    assert value(result, defined)["value"] > 0.5
    assert value(result, lost)["note"].startswith("undefined")


def test_segmentation_of_one_class_is_undefined_with_the_reason(run):
    table = segmented()
    result = run([("smartnet", "segmentation", table[table["truth"] == 0])])
    assert value(result, "DSC")["note"] == "undefined: no scan with hemorrhage and reference mask"
    assert value(result, "FPV")["value"] > 0


def test_table_does_not_depend_on_the_order_and_repeats_byte_for_byte(run, tmp_path):
    tables = [("b", "classification", classified()), ("a", "segmentation", segmented())]
    first = run(tables)
    text = (tmp_path / "metrics.csv").read_bytes()
    second = run(tables[::-1])
    assert (tmp_path / "metrics.csv").read_bytes() == text
    assert list(first.columns) == COLUMNS
    assert list(second["model"].unique()) == ["a", "b"]


def test_repeated_scans_of_a_patient_widen_the_interval_of_the_auc(run):
    table = classified()
    alone = value(run([("m", "classification", table)]), "AUC")
    twice = pd.concat([table, table.assign(case=table["case"] + "b")])
    clustered = value(run([("m", "classification", twice)]), "AUC")
    assert clustered["high"] - clustered["low"] == pytest.approx(alone["high"] - alone["low"], rel=0.02)
    apart = value(run([("m", "classification", twice.assign(patient=twice["case"]))]), "AUC")
    assert apart["high"] - apart["low"] < 0.8 * (alone["high"] - alone["low"])


def test_undefined_value_is_an_empty_field(run, tmp_path):
    table = classified()
    run([("m", "classification", table[table["truth"] == 1])])
    line = next(x for x in (tmp_path / "metrics.csv").read_text().splitlines() if ",AUC," in x)
    assert ",AUC,,,," in line
    assert read_table(tmp_path / "metrics.csv")["value"].isna().any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(probability=1.5), "probability is missing or impossible"),
        (lambda t: t.assign(probability=np.nan), "probability is missing or impossible"),
        (lambda t: t.assign(truth=2), "truth is not 0 or 1"),
        (lambda t: t.drop(columns="patient"), "column patient is missing"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "case appears twice"),
        (lambda t: t.iloc[:0], "no scan was predicted"),
    ],
)
def test_impossible_predictions_are_refused(run, change, message):
    with pytest.raises(DataError, match=message):
        run([("m", "classification", change(classified()))])


def test_measures_of_other_cases_are_refused(tmp_path):
    write_table(segmented(), tmp_path / "t.csv")
    write_table(pd.DataFrame({"case": ["c0"], "surface_dice": 1.0}), tmp_path / "m.csv")
    write_json({"threshold": 0.5}, tmp_path / "p.json")
    item = {
        "model": "m",
        "task": "segmentation",
        "seed": 1,
        "dataset": "internal",
        "table": tmp_path / "t.csv",
    }
    item |= {"threshold": tmp_path / "p.json", "measures": tmp_path / "m.csv", "lesions": tmp_path / "l.csv"}
    with pytest.raises(DataError, match="measures are of other cases; measure the masks again"):
        evaluate([item], output=tmp_path / "metrics.csv", settings={"replicates": 10}, seed=1)


def test_the_same_table_twice_is_refused(run):
    with pytest.raises(DataError, match="would be written twice"):
        run([("m", "classification", classified()), ("m", "classification", classified())])
