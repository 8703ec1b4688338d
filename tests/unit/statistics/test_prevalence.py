"""Predictive values by prevalence: a published example, formulas, and how often the limits hold the truth."""

import numpy as np
import pytest

from smartnet.statistics.interval import Interval
from smartnet.statistics.prevalence import predictive_value
from smartnet.statistics.proportion import proportion_interval


def complement(part):
    return Interval(1 - part.value, 1 - part.high, 1 - part.low, part.note)


def values(found, positives, correct, negatives, prevalence):
    sen, spe = proportion_interval(found, positives), proportion_interval(correct, negatives)
    ppv = predictive_value(sen, complement(spe), prevalence)
    return ppv, predictive_value(spe, complement(sen), 1 - prevalence)


def test_the_liver_scan_of_altman_and_bland():
    # BMJ 1994;309:102: 231 of 258 abnormal and 54 of 86 normal livers, at a prevalence of 0.25: 0.45 and 0.95
    ppv, npv = values(231, 258, 54, 86, 0.25)
    assert (round(ppv.value, 2), round(npv.value, 2)) == (0.45, 0.95)
    own = values(231, 258, 54, 86, 258 / 344)  # at the prevalence of the study itself they are simple shares
    assert own[0].value == pytest.approx(231 / 263) and own[1].value == pytest.approx(54 / 81)


def test_limits_agree_with_the_logit_method_where_both_hold():
    # Mercaldo, Lau and Zhou, Stat Med 2007;26:2170: large samples, no proportion near 0 or 1
    found, positives, correct, negatives, prevalence = 1600, 2000, 2800, 4000, 0.06
    ppv, _ = values(found, positives, correct, negatives, prevalence)
    sen, spe = found / positives, correct / negatives
    centre = np.log(prevalence * sen / ((1 - prevalence) * (1 - spe)))
    half = 1.96 * np.sqrt((1 - sen) / sen / positives + spe / (1 - spe) / negatives)
    low, high = 1 / (1 + np.exp(-(centre + np.array([-half, half]))))
    assert ppv.low == pytest.approx(low, rel=0.01) and ppv.high == pytest.approx(high, rel=0.01)


@pytest.mark.parametrize(("sen", "spe"), [(0.9, 0.8), (0.8, 0.97), (0.97, 0.6)])
def test_limits_hold_the_truth_nineteen_times_in_twenty(sen, spe):
    generator = np.random.default_rng(0)
    truth = 0.06 * sen / (0.06 * sen + 0.94 * (1 - spe))
    drawn = zip(generator.binomial(40, sen, 1500), generator.binomial(60, spe, 1500), strict=True)
    made = [values(found, 40, correct, 60, 0.06)[0] for found, correct in drawn]
    held = [part.low <= truth <= part.high for part in made if not np.isnan(part.value)]
    assert 0.935 < np.mean(held) < 0.985


@pytest.mark.parametrize("found", [0, 1, 19, 20])
@pytest.mark.parametrize("correct", [0, 1, 29, 30])
def test_limits_surround_the_value_at_the_borders_too(found, correct):
    for part in values(found, 20, correct, 30, 0.1):
        if np.isnan(part.value):
            assert (found, correct) in {(0, 30), (20, 0)}
            assert part.note == "undefined: no scan gets this call"
        else:
            assert 0 <= part.low <= part.value <= part.high <= 1
            assert part.high - part.low > 0.01


def test_what_is_undefined_says_why():
    missing = Interval(np.nan, np.nan, np.nan, "undefined: no scan with hemorrhage")
    part = predictive_value(missing, proportion_interval(1, 4), 0.1)
    assert np.isnan(part.value) and part.note == missing.note
