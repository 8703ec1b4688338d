"""What one classifier's predictions on one test set give beyond ranks and calls (test_evaluate.py)."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn import metrics as sk

from smartnet.metrics.calibration import expected_calibration_error
from smartnet.metrics.classification import classification_rows

SETTINGS = {"replicates": 200, "prevalence": [0.02, 0.5]}
POINT = {"threshold": 0.3, "temperature": 2.0}


def predictions(n=80, seed=0, patients=None):
    generator = np.random.default_rng(seed)
    truth = (generator.random(n) < 0.4).astype(int)
    logit = generator.normal(size=n) + 2.2 * truth - 1
    names = [f"p{number % (patients or n)}" for number in range(n)]
    return pd.DataFrame({"patient": names, "truth": truth, "logit": logit, "probability": expit(logit)})


def measured(table, point=POINT, settings=SETTINGS):
    rows = classification_rows(table, point, settings=settings, seed=1)
    frame = pd.DataFrame(rows).set_index("metric")
    assert frame.index.is_unique
    return frame


def test_brier_and_ece_before_and_after_temperature():
    table = predictions()
    result = measured(table)
    for suffix, probability in (("", table["probability"]), ("@T", expit(table["logit"] / 2))):
        row = result.loc["Brier" + suffix]
        assert row["value"] == pytest.approx(sk.brier_score_loss(table["truth"], probability))
        assert row["low"] < row["value"] < row["high"]
        want = expected_calibration_error(table["truth"].to_numpy(), np.asarray(probability))
        assert result.loc["ECE" + suffix, "value"] == want.value
        assert np.isnan(result.loc["ECE" + suffix, "low"])
    assert result.loc["calibration slope@T", "value"] == pytest.approx(
        2 * result.loc["calibration slope", "value"]
    )
    assert result.loc["temperature", "value"] == 2


def test_alarms_are_what_specificity_leaves_of_a_hundred():
    result = measured(predictions())
    spe, alarms = result.loc["SPE"], result.loc["alarms per 100"]
    assert alarms["value"] == pytest.approx(100 * (1 - spe["value"]))
    assert (alarms["low"], alarms["high"]) == pytest.approx((100 * (1 - spe["high"]), 100 * (1 - spe["low"])))


def test_predictive_values_at_a_prevalence():
    result = measured(predictions(), POINT | {"threshold": 0.5})
    sen, spe = result.loc["SEN", "value"], result.loc["SPE", "value"]
    assert result.loc["PPV@prevalence=0.5", "value"] == pytest.approx(sen / (sen + 1 - spe))
    assert result.loc["NPV@prevalence=0.5", "value"] == pytest.approx(spe / (spe + 1 - sen))
    assert result.loc["PPV@prevalence=0.02", "value"] < result.loc["PPV@prevalence=0.5", "value"]
    assert result.loc["NPV@prevalence=0.02", "value"] > result.loc["NPV@prevalence=0.5", "value"]


def test_a_prevalence_of_ones_own_needs_no_other_test_set():
    table = predictions()
    result = measured(table, settings=SETTINGS | {"prevalence": [float(table["truth"].mean())]})
    names = [name for name in result.index if name.startswith("PPV@prev")]
    assert result.loc[names[0], "value"] == pytest.approx(result.loc["PPV", "value"])


def test_repeated_scans_are_named_beside_wald_limits():
    result = measured(predictions(patients=60))
    assert "Wald takes scans as independent, 20 are repeated" in result.loc["calibration slope", "note"]
    assert result.loc["Brier", "note"] == ""


def test_copies_of_scans_narrow_no_proportion():
    table = predictions()
    alone, copied = measured(table), measured(pd.concat([table] * 4))
    for name in ("SEN", "SPE", "PPV", "NPV", "SEN@0.5", "PPV@prevalence=0.02"):
        width = [result.loc[name, "high"] - result.loc[name, "low"] for result in (alone, copied)]
        assert width[1] == pytest.approx(width[0], rel=0.1)
        assert "patients" in copied.loc[name, "note"] and alone.loc[name, "note"] == ""


def test_undefined_predictive_values_say_why_where_patients_have_several_scans():
    table = predictions(patients=20)
    note = measured(table[table["truth"] == 0]).loc["NPV@prevalence=0.02", "note"]
    assert note == "undefined: no scan with hemorrhage"


@pytest.mark.parametrize("kept", [0, 1])
def test_one_class_has_a_brier_score_but_no_slope(kept):
    table = predictions()
    result = measured(table[table["truth"] == kept])
    assert result.loc["Brier", "value"] > 0
    for name in ("calibration intercept@T", "calibration slope"):
        assert np.isnan(result.loc[name, "value"]) and result.loc[name, "note"] == "undefined: one class only"
    missing = {0: "undefined: no scan with hemorrhage", 1: "undefined: no scan without hemorrhage"}[kept]
    for name in ("PPV@prevalence=0.02", "NPV@prevalence=0.5"):
        assert np.isnan(result.loc[name, "value"]) and result.loc[name, "note"] == missing
    assert (result.loc["alarms per 100", "note"] == missing) == (kept == 1)


def test_a_temperature_that_was_not_fitted_says_so():
    point = POINT | {"temperature": 1.0, "temperature_note": "not fitted: one class only"}
    assert measured(predictions(), point).loc["temperature", "note"] == "not fitted: one class only"
