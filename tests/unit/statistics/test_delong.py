import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from smartnet.statistics.bootstrap import cluster_bootstrap
from smartnet.statistics.delong import delong_auc, delong_covariance


def all_pairs(truth, scores):
    """DeLong 1988, equations 3 to 6, over every pair of scans."""
    positive, negative = scores[:, truth == 1], scores[:, truth == 0]
    psi = (positive[:, :, None] > negative[:, None, :]) + 0.5 * (positive[:, :, None] == negative[:, None, :])
    v10, v01 = psi.mean(axis=2), psi.mean(axis=1)
    s10 = (v10 - v10.mean(1, keepdims=True)) @ (v10 - v10.mean(1, keepdims=True)).T / (v10.shape[1] - 1)
    s01 = (v01 - v01.mean(1, keepdims=True)) @ (v01 - v01.mean(1, keepdims=True)).T / (v01.shape[1] - 1)
    return psi.mean(axis=(1, 2)), s10 / v10.shape[1] + s01 / v01.shape[1]


def sample(n=120, seed=3, digits=1):
    generator = np.random.default_rng(seed)
    truth = (generator.random(n) < 0.4).astype(int)
    scores = generator.normal(size=(3, n)) + truth * np.array([[0.5], [1.0], [2.0]])
    return truth, scores.round(digits)  # rounding makes ties


@pytest.mark.parametrize("seed", range(5))
def test_delong_agrees_with_the_sum_over_all_pairs(seed):
    truth, scores = sample(seed=seed)
    auc, covariance = delong_covariance(truth, scores)
    expected_auc, expected = all_pairs(truth, scores)
    np.testing.assert_allclose(auc, expected_auc, rtol=1e-12)
    np.testing.assert_allclose(covariance, expected, rtol=1e-10)
    np.testing.assert_allclose(auc, [roc_auc_score(truth, score) for score in scores], rtol=1e-12)


def test_delong_interval_agrees_with_a_bootstrap():
    truth, scores = sample(n=300)
    score = scores[1]

    def auc(weights):
        # the probability that a positive outranks a negative, both drawn with their weights
        psi = (score[:, None] > score[None, :]) + 0.5 * (score[:, None] == score[None, :])
        positive, negative = weights * truth, weights * (1 - truth)
        return ((positive @ psi) * negative).sum(1) / (positive.sum(1) * negative.sum(1))

    bootstrap = cluster_bootstrap(auc, np.arange(300), replicates=2000, seed=0)
    interval = delong_auc(truth, score)
    assert interval.value == pytest.approx(bootstrap.value)
    assert interval.high - interval.low == pytest.approx(bootstrap.high - bootstrap.low, rel=0.1)
    assert interval.low == pytest.approx(bootstrap.low, abs=0.01)


def test_limits_are_left_open_where_delong_has_no_variance():
    interval = delong_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))
    assert interval.value == 1
    assert np.isnan(interval.low)
    assert "variance is zero" in interval.note
    lonely = delong_auc(np.array([0, 0, 1]), np.array([0.1, 0.9, 0.8]))
    assert lonely.value == pytest.approx(0.5)
    assert "single scan" in lonely.note


def test_one_class_has_no_auc():
    with pytest.raises(ValueError, match="0 negative"):
        delong_auc(np.ones(3), np.arange(3))
