import itertools

import numpy as np
import pytest
from scipy.stats import PermutationMethod, binomtest, wilcoxon

from smartnet.statistics.multiplicity import holm
from smartnet.statistics.paired import mcnemar, signed_rank

EACH = np.arange(1000)  # every scan is of another patient


def table_of(both, alone, reference_alone, neither):
    """Paired answers with these counts."""
    pairs = [(1, 1)] * both + [(1, 0)] * alone + [(0, 1)] * reference_alone + [(0, 0)] * neither
    right, reference = np.array(pairs).T
    return right, reference, EACH[: len(pairs)]


def test_mcnemar_matches_the_published_example():
    # Fagerland, Lydersen, Laake, BMC Medical Research Methodology 2013;13:91: 21 children before and after
    # transplantation (Bentur et al. 2009), exact conditional test
    test = mcnemar(*table_of(both=1, alone=1, reference_alone=7, neither=12))
    assert round(test.p, 3) == 0.070
    assert (test.statistic, test.note) == (-6, "right alone on 1, reference alone on 7 scans")


@pytest.mark.parametrize(("alone", "other"), [(0, 1), (3, 3), (5, 0), (30, 14), (150, 86)])
def test_mcnemar_of_single_scans_is_the_binomial_test(alone, other):
    test = mcnemar(*table_of(both=40, alone=alone, reference_alone=other, neither=2))
    assert test.p == pytest.approx(binomtest(alone, alone + other).pvalue, rel=1e-9)


def by_every_drawing(gain, patients):
    sums = np.array([gain[patients == name].sum() for name in np.unique(patients)])
    drawn = [np.dot(signs, sums) for signs in itertools.product((-1, 1), repeat=len(sums))]
    return np.mean(np.abs(drawn) >= abs(sums.sum()) - 1e-9)


def test_mcnemar_of_repeated_scans_turns_patients_not_scans():
    generator = np.random.default_rng(2)
    patients = generator.integers(0, 10, size=30)
    right, reference = generator.random((2, 30)) < [[0.8], [0.4]]
    test = mcnemar(right, reference, patients)
    assert test.p == pytest.approx(by_every_drawing(right.astype(int) - reference.astype(int), patients))
    assert test.p > mcnemar(right, reference, EACH[:30]).p


def test_mcnemar_without_a_discordant_pair_is_one_and_without_a_scan_undefined():
    test = mcnemar(*table_of(both=5, alone=0, reference_alone=0, neither=3))
    assert (test.p, test.note) == (1.0, "no discordant pair")
    nothing = mcnemar(np.array([]), np.array([]), np.array([]))
    assert np.isnan(nothing.p) and nothing.note == "p undefined: no scan"


def test_signed_rank_matches_the_published_example():
    # Darwin's cross- and self-fertilised maize, as in Wilcoxon's own setting; SciPy's documentation has the p
    difference = np.array([6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75])
    test = signed_rank(difference, np.zeros(15), EACH[:15])
    assert (test.statistic, test.p) == (24, pytest.approx(0.041259765625))


@pytest.mark.parametrize("n", [5, 9, 12])
def test_signed_rank_with_zeros_and_ties_agrees_with_every_permutation(n):
    generator = np.random.default_rng(n)
    values, reference = generator.integers(0, 5, size=(2, n)) / 10
    test = signed_rank(values, reference, EACH[:n])
    difference = np.round(values - reference, 9)
    assert (difference == 0).any()
    expected = wilcoxon(difference, zero_method="pratt", method=PermutationMethod(n_resamples=2**n))
    assert test.p == pytest.approx(expected.pvalue)
    assert test.statistic == expected.statistic
    assert test.note == f"{(difference == 0).sum()} of {n} patients without difference"


@pytest.mark.parametrize("n", [199, 200, 201, 400])
def test_signed_rank_of_many_is_near_the_normal_approximation(n):
    generator = np.random.default_rng(3)
    difference = (generator.normal(size=n) + 0.15).round(1)
    expected = wilcoxon(difference, zero_method="pratt", method="asymptotic", correction=True)
    assert signed_rank(difference, np.zeros(n), EACH[:n]).p == pytest.approx(expected.pvalue, abs=5e-4)


def test_scans_of_a_patient_are_one_pair():
    generator = np.random.default_rng(4)
    difference = generator.normal(size=12) + 0.5
    once = signed_rank(difference, np.zeros(12), EACH[:12])
    thrice = signed_rank(np.tile(difference, 3), np.zeros(36), np.tile(EACH[:12], 3))
    assert thrice.p == pytest.approx(once.p)


def test_what_is_left_of_a_subtraction_is_no_difference():
    test = signed_rank(np.array([0.3, 0.3]), np.array([0.1 + 0.2, 0.3]), EACH[:2])
    assert (test.p, test.note) == (1.0, "no scan on which the models differ")
    assert np.isnan(signed_rank(np.array([]), np.array([]), np.array([])).p)


def test_holm_by_hand():
    # sorted 0.005, 0.01, 0.03, 0.04; times 4, 3, 2, 1; never below the one before
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1.0, 1.0])


def test_holm_does_not_count_what_is_undefined():
    np.testing.assert_allclose(holm([np.nan, 0.01, np.nan, 0.02]), [np.nan, 0.02, np.nan, 0.02])
    assert np.isnan(holm([np.nan])).all()
    assert len(holm([])) == 0


def test_holm_keeps_the_chance_of_a_false_star():
    generator = np.random.default_rng(0)
    families = generator.random((4000, 8))
    wrong = [(holm(p) < 0.05).any() for p in families]
    assert np.mean(wrong) == pytest.approx(0.05, abs=0.012)
