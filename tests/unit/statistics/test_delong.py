import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from smartnet.statistics.bootstrap import cluster_bootstrap
from smartnet.statistics.delong import delong_auc, delong_covariance, delong_difference


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
    assert "single patient" in lonely.note


def test_one_class_has_no_auc():
    with pytest.raises(ValueError, match="0 negative"):
        delong_auc(np.ones(3), np.arange(3))


def obuchowski(truth, scores, patients):
    """Obuchowski 1997, section 3, patient by patient and over every pair of scans."""
    positive, negative = scores[:, truth == 1], scores[:, truth == 0]
    psi = (positive[:, :, None] > negative[:, None, :]) + 0.5 * (positive[:, :, None] == negative[:, None, :])
    auc = psi.mean(axis=(1, 2))
    v10, v01 = psi.mean(axis=2), psi.mean(axis=1)
    m, n = positive.shape[1], negative.shape[1]
    names = sorted(set(patients))
    found = [(v10[:, patients[truth == 1] == name] - auc[:, None]).sum(1) for name in names]
    alarmed = [(v01[:, patients[truth == 0] == name] - auc[:, None]).sum(1) for name in names]
    with_positive, with_negative = (len(set(patients[truth == kind])) for kind in (1, 0))
    covariance = np.zeros((len(auc), len(auc)))
    for a, b in zip(found, alarmed, strict=True):
        covariance += with_positive / (with_positive - 1) * np.outer(a, a) / m**2
        covariance += with_negative / (with_negative - 1) * np.outer(b, b) / n**2
        covariance += len(names) / (len(names) - 1) * (np.outer(a, b) + np.outer(b, a)) / (m * n)
    return covariance


def test_variance_of_repeated_scans_agrees_with_the_formula_of_obuchowski():
    truth, scores = sample(n=90)
    patients = np.random.default_rng(1).integers(0, 40, size=90)  # many with scans of both classes
    _, covariance = delong_covariance(truth, scores, patients)
    np.testing.assert_allclose(covariance, obuchowski(truth, scores, patients), rtol=1e-10)


def test_copies_of_the_scans_add_nothing_where_they_are_known_as_such():
    truth, scores = sample()
    _, once = delong_covariance(truth, scores)
    patients = np.tile(np.arange(len(truth)), 3)
    _, thrice = delong_covariance(np.tile(truth, 3), np.tile(scores, 3), patients)
    np.testing.assert_allclose(thrice, once, rtol=1e-10)
    _, fooled = delong_covariance(np.tile(truth, 3), np.tile(scores, 3))
    assert (np.diag(fooled) < 0.4 * np.diag(once)).all()


@pytest.mark.parametrize("seed", range(3))
def test_difference_agrees_with_the_sum_over_all_pairs(seed):
    truth, scores = sample(seed=seed)
    interval, test = delong_difference(truth, scores[1], scores[0])
    auc, covariance = all_pairs(truth, scores)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert interval.value == pytest.approx(auc[1] - auc[0])
    assert test.statistic == pytest.approx((auc[1] - auc[0]) / error)
    assert test.p == pytest.approx(2 * norm.cdf(-abs(test.statistic)))
    assert interval.high - interval.value == pytest.approx(1.959964 * error, rel=1e-6)
    swapped, other = delong_difference(truth, scores[0], scores[1])
    assert (swapped.value, other.statistic) == (-interval.value, -test.statistic)
    assert other.p == pytest.approx(test.p)


def test_p_of_equally_good_classifiers_is_uniform():
    generator = np.random.default_rng(0)
    truth = np.repeat([0, 1], [60, 40])
    p = []
    for _ in range(500):
        shared = generator.normal(size=100) + truth
        one, other = shared + generator.normal(size=(2, 100))
        p.append(delong_difference(truth, one, other)[1].p)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.025)
    assert np.mean(p) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("score", "reference", "p", "reason"),
    [
        ([0.1, 0.2, 0.8, 0.9], [1, 2, 3, 4], 1.0, "both order the scans equally well"),
        ([0.1, 0.2, 0.8, 0.9], [4, 3, 2, 1], np.nan, "p undefined: DeLong variance is zero"),
    ],
)
def test_a_difference_without_variance_says_so(score, reference, p, reason):
    interval, test = delong_difference(np.array([0, 0, 1, 1]), np.array(score), np.array(reference))
    assert test.p == pytest.approx(p, nan_ok=True)
    assert reason in test.note
    assert np.isnan(interval.low) and interval.note.startswith("interval undefined")


def test_a_class_of_one_patient_has_no_p():
    truth, scores = np.array([0, 0, 1, 1]), np.array([[1, 3, 2, 4], [1, 2, 3, 4]])
    interval, test = delong_difference(truth, *scores, np.array(["a", "b", "c", "c"]))
    assert interval.value == pytest.approx(-0.25)
    assert np.isnan(test.p) and test.note == "p undefined: one class is of a single patient"
