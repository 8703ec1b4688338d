"""Calibration against scikit-learn, known temperatures and formulas written out."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from smartnet.metrics.calibration import (
    at_temperature,
    brier,
    equal_mass_bins,
    expected_calibration_error,
    fit_temperature,
    recalibration,
)


def sample(n=400, seed=0, temperature=1.0):
    """Truths drawn with the probabilities of logits, and these logits times a temperature."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2, size=n)
    return (generator.random(n) < expit(logits)).astype(int), logits * temperature


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature):
    truth, logits = sample(20000, temperature=temperature)
    assert fit_temperature(truth, logits) == {"temperature": pytest.approx(temperature, rel=0.05)}


@pytest.mark.parametrize("seed", range(4))
def test_no_other_temperature_has_a_lower_loss(seed):
    truth, logits = sample(60, seed=seed, temperature=2)
    best = fit_temperature(truth, logits)["temperature"]
    losses = [log_loss(truth, at_temperature(logits, value)) for value in np.geomspace(0.05, 20, 400)]
    assert log_loss(truth, at_temperature(logits, best)) <= min(losses) + 1e-12


def test_where_no_temperature_fits_best_one_is_taken_and_noted():
    separable = fit_temperature(np.array([0, 0, 1, 1]), np.array([-2.0, -1.0, 1.0, 5.0]))
    assert separable["temperature"] == 1
    assert separable["temperature_note"] == "not fitted: every scan is on its side of one half"
    assert fit_temperature(np.ones(3), np.arange(3.0)) == {
        "temperature": 1.0,
        "temperature_note": "not fitted: one class only",
    }
    # apart, but not at one half: there is a best temperature
    assert 0.05 < fit_temperature(np.array([0, 0, 1, 1]), np.array([-2.0, 1.0, 2.0, 5.0]))["temperature"] < 20
    # ranks are rather worse than chance: the flatter the better
    inverse = fit_temperature(np.array([1, 0, 1, 0]), np.array([-2.0, -1.0, 1.0, 2.0]))
    assert inverse["temperature"] == 20 and inverse["temperature_note"].startswith("at its limit")


def test_brier_agrees_with_scikit_learn():
    truth, logits = sample(90)
    weights = np.random.default_rng(1).integers(0, 3, size=(5, 90))
    want = [brier_score_loss(truth, expit(logits), sample_weight=row) for row in weights]
    np.testing.assert_allclose(brier(truth, expit(logits), weights), want, rtol=1e-12)


@pytest.mark.parametrize(("scans", "bins"), [(400, 10), (80, 10), (40, 5), (24, 3), (9, 1)])
def test_bins_of_equal_mass_are_those_of_scikit_learn(scans, bins):
    truth, logits = sample(scans)
    number = equal_mass_bins(expit(logits))
    count = np.bincount(number)
    assert len(count) == bins and count.min() >= 8 and np.ptp(count) <= 1
    observed, predicted = calibration_curve(truth, expit(logits), n_bins=bins, strategy="quantile")
    np.testing.assert_allclose(np.bincount(number, weights=truth) / count, observed)
    np.testing.assert_allclose(np.bincount(number, weights=expit(logits)) / count, predicted)
    error = expected_calibration_error(truth, expit(logits))
    assert error.value == pytest.approx((np.abs(observed - predicted) * count).sum() / scans)
    assert error.note.startswith(f"{bins} bins of equal mass; no interval")


def test_equal_probabilities_share_a_bin():
    probability = np.array([0.0] * 30 + [0.4] * 5 + [1.0] * 5)
    number = equal_mass_bins(probability)
    assert all(len(set(number[probability == value])) == 1 for value in (0.0, 0.4, 1.0))
    assert set(number) == set(range(number.max() + 1))


def test_recalibration_is_the_maximum_of_the_likelihood():
    truth, logits = sample(300, temperature=1.7)
    logits = logits + 0.5

    def loss(parameters):
        return np.logaddexp(0, z := parameters[0] + parameters[1] * logits).sum() - (truth * z).sum()

    both = minimize(loss, [0.0, 1.0], method="BFGS")
    alone = minimize(lambda shift: loss([shift[0], 1.0]), [0.0], method="BFGS")
    found = recalibration(truth, logits)
    assert found["slope"].value == pytest.approx(both.x[1], abs=1e-4)
    assert found["intercept"].value == pytest.approx(alone.x[0], abs=1e-4)
    for name, result, index in (("slope", both, 1), ("intercept", alone, 0)):
        half = 1.959964 * np.sqrt(result.hess_inv[index, index])
        assert found[name].high - found[name].value == pytest.approx(half, rel=0.02)
    assert expit(logits + found["intercept"].value).sum() == pytest.approx(truth.sum())


def test_perfect_calibration_is_within_the_limits():
    found = recalibration(*sample(5000))
    assert found["intercept"].low < 0 < found["intercept"].high
    assert found["slope"].low < 1 < found["slope"].high


def test_what_cannot_be_recalibrated_says_why():
    logits = np.array([-2.0, -1.0, 1.0, 4.0])
    separable = recalibration(np.array([0, 0, 1, 1]), logits)
    assert np.isnan(separable["slope"].value) and np.isfinite(separable["intercept"].value)
    assert separable["slope"].note == "undefined: the scores tell the classes apart without error"
    assert (
        recalibration(np.array([0, 1, 0, 1]), np.ones(4))["slope"].note
        == "undefined: every score is the same"
    )
    certain = recalibration(np.array([0, 0, 1, 1]), 60 * np.array([-1.0, -1, 1, 1]))
    assert certain["intercept"].note == "undefined: every probability is 0 or 1"
    alone = recalibration(np.zeros(4), logits)
    assert {part.note for part in alone.values()} == {"undefined: one class only"}
