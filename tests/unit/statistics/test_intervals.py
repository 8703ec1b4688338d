import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from smartnet.statistics import bootstrap
from smartnet.statistics.bootstrap import bootstrap_mean, cluster_bootstrap
from smartnet.statistics.proportion import patient_proportion, proportion_interval


def mean_of(values):
    return lambda weights: weights @ values / weights.sum(axis=1)


def test_wilson_matches_the_published_example():
    # Newcombe, Statistics in Medicine 1998;17:857, table I: 81 of 263 and 0 of 20, method 3
    interval = proportion_interval(81, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)
    zero = proportion_interval(0, 20)
    assert (zero.low, round(zero.high, 4)) == (0, 0.1611)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_exact_interval_is_clopper_pearson(pair):
    count, total = pair
    interval = proportion_interval(count, total, method="exact")
    low = beta.ppf(0.025, count, total - count + 1) if count else 0
    high = beta.ppf(0.975, count + 1, total - count) if count < total else 1
    assert interval.low == pytest.approx(low, abs=1e-9)
    assert interval.high == pytest.approx(high, abs=1e-9)


def test_no_trials_is_undefined():
    assert "undefined" in proportion_interval(0, 0).note


def test_share_of_patients_with_one_scan_each_is_wilson():
    for count in (0, 1, 13, 20):
        interval = patient_proportion(np.arange(20) < count, np.arange(20))
        assert interval[:3] == pytest.approx(proportion_interval(count, 20)[:3], abs=1e-12)
        assert interval.note == ""


def test_share_covers_what_it_promises_where_patients_have_several_scans():
    generator, patients, hits = np.random.default_rng(0), np.repeat(np.arange(25), 4), np.zeros(2)
    for _ in range(1500):
        right = generator.random((25, 4)) < generator.beta(2, 0.5, 25)[:, None]
        limits = patient_proportion(right.ravel(), patients), proportion_interval(int(right.sum()), 100)
        hits += [interval.low <= 0.8 <= interval.high for interval in limits]
    assert hits[0] / 1500 > 0.92
    assert hits[1] / 1500 < 0.90


def test_copies_of_a_scan_add_nothing_to_a_share():
    right, patients = np.arange(12) < 9, np.arange(12)
    alone = patient_proportion(right, patients)
    copies = patient_proportion(np.repeat(right, 5), np.repeat(patients, 5))
    assert copies.high - copies.low == pytest.approx(alone.high - alone.low, rel=0.05)
    assert copies.note == "60 scans of 12 patients"
    perfect = patient_proportion(np.ones(60), np.repeat(patients, 5))
    assert perfect[:3] == pytest.approx(proportion_interval(12, 12)[:3])
    one = patient_proportion([1, 0, 1], ["p", "p", "p"])
    assert one.low < 0.25
    assert one.high > 0.85
    assert "undefined" in patient_proportion([], []).note


def test_bootstrap_of_the_mean_has_the_width_of_its_standard_error():
    values = np.random.default_rng(1).normal(size=400)
    interval = cluster_bootstrap(mean_of(values), np.arange(400), replicates=2000, seed=5)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)


def test_scans_of_one_patient_move_together():
    values = np.repeat(np.random.default_rng(1).normal(size=50), 8)
    alone = cluster_bootstrap(mean_of(values), np.arange(400), replicates=1000, seed=5)
    clustered = cluster_bootstrap(mean_of(values), np.repeat(np.arange(50), 8), replicates=1000, seed=5)
    ratio = (clustered.high - clustered.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(np.sqrt(8), rel=0.12)


def test_bootstrap_repeats_itself_and_follows_its_seed():
    values = np.random.default_rng(1).normal(size=30)
    first, again, other = (
        cluster_bootstrap(mean_of(values), np.arange(30), replicates=300, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_undefined_replicates_are_counted():
    rare = np.array([1.0, 0, 0, 0])
    interval = cluster_bootstrap(
        lambda weights: np.where(weights @ rare > 0, weights @ rare, np.nan),
        np.arange(4),
        replicates=400,
        seed=0,
    )
    left_out = int(interval.note.split()[0])
    assert left_out / 400 == pytest.approx(0.75**4, abs=0.08)


def test_one_patient_gives_no_limits():
    interval = cluster_bootstrap(mean_of(np.ones(3)), np.array(["p", "p", "p"]), replicates=10, seed=0)
    assert interval.value == 1
    assert "one patient" in interval.note


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_equal_replicates_claim_no_certainty(value):
    interval = bootstrap_mean(np.full(8, value), np.arange(8), replicates=50, seed=0)
    assert interval.value == pytest.approx(value)
    assert np.isnan([interval.low, interval.high]).all()
    assert interval.note == "interval undefined: every replicate gives the same"


def test_no_replicate_with_a_value_gives_no_limits():
    interval = cluster_bootstrap(
        lambda weights: np.where((weights == 1).all(axis=1), 1.0, np.nan),
        np.arange(50),
        replicates=10,
        seed=0,
    )
    assert (interval.value, interval.note) == (1, "10 of 10 bootstrap replicates undefined")
    assert np.isnan(interval.low)


def test_a_difference_draws_the_same_patients_for_both_models():
    """What both models share cancels; of models drawn apart it would not."""
    generator = np.random.default_rng(3)
    shared = 5 * generator.normal(size=200)
    values, reference = shared + 0.1 * generator.normal(size=(2, 200))
    paired = bootstrap_mean(values - reference, np.arange(200), replicates=1000, seed=1)
    assert paired.value == pytest.approx(values.mean() - reference.mean())
    alone = bootstrap_mean(values, np.arange(200), replicates=1000, seed=1)
    assert paired.high - paired.low < 0.05 * (alone.high - alone.low)
    assert bootstrap_mean([], [], replicates=10, seed=1).note == "undefined: no scan"


def test_a_drawing_that_is_kept_is_the_drawing(monkeypatch):
    values = np.random.default_rng(1).normal(size=30)
    kept = bootstrap_mean(values, np.arange(30), replicates=600, seed=1)
    monkeypatch.setattr(bootstrap, "KEPT", 0)
    assert bootstrap_mean(values, np.arange(30), replicates=600, seed=1) == kept
