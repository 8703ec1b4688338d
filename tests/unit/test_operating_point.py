"""Operating points: against every possible threshold, by hand, and who may depend on them."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartnet.errors import ConfigError
from smartnet.fingerprint import modules_behind
from smartnet.operating_point import (
    at_sensitivity,
    choose_operating_point,
    classifier_point,
    segmenter_point,
    youden,
)
from smartnet.validation import DSC_COLUMNS, GRID, write_validation

SCANS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.6, 0.61, 0.9, 1.0])), min_size=1
)


def rates(truth, score, threshold):
    called = score >= threshold
    return called[truth == 1].mean(), (~called)[truth == 0].mean()


def every_cut(score):
    """A threshold for each way to part the scans in two by their score."""
    return np.unique(score)[1:]


def test_youden_takes_the_highest_index_however_close_the_next():
    """With 1009 scans of one class and 1013 of the other, indices differ by as little as one in a million."""
    truth = np.repeat([1, 0], [1009, 1013])
    score = np.random.default_rng(15).random(2022) * 0.5 + 0.25 * truth
    threshold = youden(truth, score)["threshold"]
    index = [(score[truth == 1] >= cut).mean() - (score[truth == 0] >= cut).mean() for cut in np.sort(score)]
    reached = (score[truth == 1] >= threshold).mean() - (score[truth == 0] >= threshold).mean()
    assert reached == pytest.approx(max(index), abs=1e-12)


def test_youden_by_hand():
    truth = np.array([0, 0, 1, 0, 1, 1])
    score = np.array([0.1, 0.2, 0.3, 0.6, 0.8, 0.9])
    # J is 2/3 at 0.25 (SEN 1, SPE 2/3) and at 0.7 (SEN 2/3, SPE 1); 0.7 is nearer to 0.5
    assert youden(truth, score) == {
        "threshold": pytest.approx(0.7),
        "criterion": "youden",
        "n_positive": 3,
        "n_negative": 3,
    }
    assert youden(np.ones(3), score[:3])["criterion"] == "default"


@given(SCANS)
def test_no_threshold_has_a_higher_youden_index(scans):
    truth, score = np.array(scans).T
    point = youden(truth, score)
    if point["criterion"] == "default":
        assert min(point["n_positive"], point["n_negative"]) == 0 or len(set(score)) == 1
        return
    best = max(sum(rates(truth, score, cut)) for cut in every_cut(score))
    assert sum(rates(truth, score, point["threshold"])) == pytest.approx(best)


@given(SCANS, st.floats(0.01, 1))
def test_no_higher_threshold_reaches_the_sensitivity(scans, target):
    truth, score = np.array(scans).T
    point = at_sensitivity(truth, score, target)
    if not truth.any():
        assert (point["threshold"], point["criterion"]) == (0.5, "default")
        return
    found = (score[truth == 1] >= point["threshold"]).mean()
    assert found >= target - 1e-12
    # a threshold that calls one more group of equal scores negative finds too few
    above = score[score >= point["threshold"]].min() + 1e-9
    assert (score[truth == 1] >= above).mean() < target
    assert point["target"] == {"sensitivity": target}


def test_a_target_is_reached_exactly_where_it_can_be():
    truth, score = np.repeat([0, 1], 20), np.concatenate([np.arange(20) / 40, np.arange(20) / 40 + 0.3])
    point = classifier_point(truth, score, {"sensitivity": 0.95})
    assert point["threshold"] == pytest.approx((0.3 + 0.325) / 2)
    assert point["reached"] == {"sensitivity": 0.95, "specificity": 0.65}
    assert point["criterion"] == "sensitivity"
    everything = classifier_point(1 - truth, score, {"sensitivity": 1})
    assert everything["reached"]["sensitivity"] == 1 and everything["threshold"] == 0


def test_one_class_reaches_nothing_of_the_other():
    point = classifier_point(np.ones(3), np.array([0.2, 0.6, 0.7]), "youden")
    assert point["reached"] == {"sensitivity": pytest.approx(2 / 3), "specificity": None}


def scores(*curves):
    return pd.DataFrame(curves, columns=DSC_COLUMNS)


def test_a_segmenter_takes_the_voxel_probability_of_the_highest_mean():
    peaks = [np.where(np.abs(GRID - at) < 0.06, 0.9, 0.1) for at in (0.3, 0.35)]
    point = segmenter_point(scores(*peaks, np.full(19, np.nan)), "dsc")
    assert point == {
        "threshold": 0.35,  # 0.3 and 0.35 are equal, the second is nearer to 0.5
        "criterion": "dsc",
        "n_positive": 2,
        "n_negative": 1,
        "reached": {"dsc": pytest.approx(0.9)},
    }
    fixed = segmenter_point(scores(*peaks), "fixed")
    assert (fixed["threshold"], fixed["criterion"]) == (0.5, "fixed")
    none = segmenter_point(scores(np.full(19, np.nan)), "dsc")
    assert (none["threshold"], none["criterion"], none["reached"]) == (0.5, "default", {"dsc": None})


@pytest.mark.parametrize("criterion", ["dsc", {"specificity": 0.9}, {"sensitivity": 0.9, "specificity": 0.9}])
def test_a_criterion_that_a_classifier_does_not_have(criterion):
    with pytest.raises(ConfigError, match="does not exist for a classifier: choose youden, or a target such"):
        classifier_point(np.array([0, 1]), np.array([0.1, 0.9]), criterion)


def test_a_criterion_that_a_segmenter_does_not_have():
    with pytest.raises(ConfigError, match="operating point 'youden' does not exist for a segmenter"):
        segmenter_point(scores(GRID), "youden")


def test_a_classifier_gets_its_temperature_too(tmp_path):
    logits = np.array([-3.0, 2.0, -1.0, 1.0, 2.5, -2.0])
    cases = pd.DataFrame({"case": list("abcdef"), "patient": list("abcdef"), "dataset": "dev"})
    cases["hemorrhage"] = [0, 1, 1, 0, 1, 0]
    answers = [{"logit": value, "probability": 1 / (1 + np.exp(-value))} for value in logits]
    write_validation(cases, answers, "classification", tmp_path / "v.csv")
    choose_operating_point(tmp_path / "v.csv", criterion="youden", output=tmp_path / "t.json")
    point = json.loads((tmp_path / "t.json").read_text())
    assert set(point) == {
        *("threshold", "criterion", "n_positive", "n_negative", "reached", "temperature"),
    }
    assert 0.5 < point["temperature"] < 10


def test_another_choice_trains_nothing_again():
    """Training, and predictions that need no threshold, do not depend on the code of the choice."""
    for module in ("training.downstream", "predict.classification", "predict.baseline"):
        behind = modules_behind(f"smartnet.{module}")
        assert "smartnet.validation" in behind or module == "predict.classification"
        assert not {"smartnet.operating_point", "smartnet.metrics.calibration"} & set(behind)
