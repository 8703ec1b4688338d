"""Agreement, against worked examples of the papers."""

import numpy as np
import pytest

from smartnet.statistics.agreement import bland_altman, icc_agreement

# Shrout and Fleiss 1979, table 2: six targets, four judges.
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
# Bland and Altman 1986, table 1: peak flow, first measurements by two meters, litres per minute.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_icc_is_that_of_shrout_and_fleiss():
    interval = icc_agreement(RATINGS)
    assert round(interval.value, 2) == 0.29
    assert (round(interval.low, 3), round(interval.high, 3)) == (0.019, 0.761)  # R package psych, ICC2


def test_icc_counts_a_bias_and_ignores_the_order_of_raters():
    generator = np.random.default_rng(0)
    subject = generator.normal(size=(40, 1))
    ratings = subject + generator.normal(scale=0.1, size=(40, 2))
    assert icc_agreement(ratings).value > 0.95
    assert icc_agreement(ratings + np.array([0, 2])).value < 0.4
    assert icc_agreement(ratings).value == pytest.approx(icc_agreement(ratings[:, ::-1]).value)


def test_interval_of_the_icc_covers_its_share():
    generator = np.random.default_rng(1)
    truth, inside = 0.8, 0
    for _ in range(400):
        ratings = generator.normal(scale=2, size=(25, 1)) + generator.normal(size=(25, 2))
        interval = icc_agreement(ratings)
        inside += interval.low <= truth <= interval.high
    assert inside / 400 == pytest.approx(0.95, abs=0.035)


def test_limits_of_agreement_are_those_of_bland_and_altman():
    lines = bland_altman(WRIGHT, MINI)
    assert round(lines["bias"].value, 1) == -2.1
    assert (round(lines["bias"].low, 1), round(lines["bias"].high, 1)) == (-22.0, 17.8)
    # The paper takes 2 for 1.96: -79.7 [-114.3, -45.1] and 75.5 [40.9, 110.1].
    assert lines["LoA low"][:3] == pytest.approx((-79.7, -114.3, -45.1), abs=2)
    assert lines["LoA high"][:3] == pytest.approx((75.5, 40.9, 110.1), abs=2)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_pairs_are_undefined(count):
    lines = bland_altman(WRIGHT[:count], MINI[:count])
    assert {line.note for line in lines.values()} == {f"undefined: {count} pairs, needs two"}
    assert icc_agreement(RATINGS[:count]).note == f"undefined: {count} subjects, needs two"


def test_subjects_that_do_not_differ_are_undefined_and_equal_raters_agree():
    assert icc_agreement(np.ones((5, 2))).note == "undefined: subjects do not differ"
    equal = icc_agreement(np.repeat(RATINGS[:, :1], 2, axis=1))
    assert equal.value == 1
    assert equal.note == "interval undefined: no measurement differs from the other"


def test_subjects_that_do_not_differ_have_no_correlation_though_the_raters_do():
    found = icc_agreement(np.tile([2.0, 3.0], (4, 1)))
    assert np.isnan(found.value)
    assert found.note == "undefined: subjects do not differ"


def test_equal_differences_claim_no_certainty():
    found = bland_altman(np.array([3.0, 4.0, 7.0]), np.array([2.0, 3.0, 6.0]))
    for name in ("bias", "LoA low", "LoA high"):
        assert found[name].value == pytest.approx(1) and np.isnan(found[name].low)
        assert found[name].note == "interval undefined: the differences are all the same"
