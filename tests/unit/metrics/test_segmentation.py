"""What becomes of a segmenter's measures in the tidy table."""

import numpy as np
import pandas as pd
import pytest

from smartnet.metrics.convention import bin_names, lower_edge
from smartnet.metrics.segmentation import segmentation_rows, weighted_quantile

SETTINGS = {"replicates": 200, "lesion_bins_ml": [1, 5]}


@pytest.fixture
def table():
    """Thirty scans with and thirty without hemorrhage; nothing was predicted in two of the first."""
    generator = np.random.default_rng(3)
    n = 60
    truth = np.arange(n) % 2
    names = [f"c{number}" for number in range(n)]
    result = pd.DataFrame({"case": names, "patient": names, "truth": truth})
    result["truth_ml"] = truth * generator.lognormal(2, 1, n)
    result["overlap_ml"] = result["truth_ml"] * generator.random(n)
    result["predicted_ml"] = result["overlap_ml"] + generator.exponential(2, n)
    for name in ("predicted", "overlap"):
        result[f"{name}_half_ml"] = result[f"{name}_ml"]
    bleeding = truth == 1
    result["surface_dice"] = np.where(bleeding, generator.random(n), np.nan)
    result["hd95_mm"] = np.where(bleeding, generator.exponential(20, n), np.nan)
    result["false_components"] = generator.poisson(1, n)
    empty = result.index[bleeding][:2]
    result.loc[empty, ["hd95_mm", "surface_dice", "predicted_ml", "overlap_ml"]] = [np.nan, 0, 0, 0]
    return result


@pytest.fixture
def lesions(table):
    cases = table.loc[table["truth"] == 1, "case"]
    volume = np.tile([0.5, 3.0, 40.0], 10)
    return pd.DataFrame({"case": cases, "volume_ml": volume, "found": np.tile([0, 0, 1, 0, 1, 1], 5)})


def measured(table, lesions=None):
    rows = segmentation_rows(table, {"threshold": 0.4}, settings=SETTINGS, seed=1, lesions=lesions)
    return pd.DataFrame(rows).set_index("metric")


def test_surfaces_are_of_scans_with_hemorrhage_and_an_undefined_distance_is_counted(table):
    result = measured(table)
    bleeding = table[table["truth"] == 1]
    assert result.loc["SurfaceDice", "value"] == pytest.approx(bleeding["surface_dice"].mean())
    row = result.loc["HD95"]
    assert row["value"] == pytest.approx(bleeding["hd95_mm"].mean())
    assert row["low"] < row["value"] < row["high"]
    assert (row["n_positive"], result.loc["SurfaceDice", "n_positive"]) == (28, 30)
    assert row["note"] == "2 of 30 scans left out: nothing predicted, no distance"


def test_nothing_predicted_anywhere_has_no_distance(table):
    row = measured(table.assign(hd95_mm=np.nan)).loc["HD95"]
    assert np.isnan(row["value"])
    assert row["note"].startswith("undefined: nothing predicted in any scan with hemorrhage")


def test_false_components_and_volumes_are_of_scans_without_hemorrhage(table):
    result = measured(table)
    normal = table[table["truth"] == 0]
    assert result.loc["FPC", "value"] == pytest.approx(normal["false_components"].mean())
    assert result.loc["FP scans", "value"] == pytest.approx((normal["false_components"] > 0).mean())
    for metric, share in (("FPV median", 0.5), ("FPV P95", 0.95)):
        wanted = np.quantile(normal["predicted_ml"], share, method="inverted_cdf")
        assert result.loc[metric, "value"] == pytest.approx(wanted)
        assert result.loc[metric, "low"] <= wanted <= result.loc[metric, "high"]


def test_agreement_is_of_scans_with_hemorrhage_and_names_repeated_scans(table):
    difference = (table["predicted_ml"] - table["truth_ml"])[table["truth"] == 1]
    result = measured(table)
    assert result.loc["bias", "value"] == pytest.approx(difference.mean())
    limit = difference.mean() + 1.959964 * difference.std()
    assert result.loc["LoA high", "value"] == pytest.approx(limit)
    assert 0 < result.loc["ICC", "value"] < 1
    assert result.loc["ICC", "note"] == ""
    table.loc[3, "patient"] = table.loc[1, "patient"]
    assert "1 are repeated scans of a patient" in measured(table).loc["ICC", "note"]


def test_lesions_are_counted_by_volume_and_those_of_other_cases_left_out(table, lesions):
    other = pd.DataFrame({"case": ["elsewhere"], "volume_ml": 2.0, "found": 1})
    result = measured(table, pd.concat([lesions, other]))
    every, small, middle, large = (
        result.loc[name] for name in ("lesion SEN", "lesion SEN@<1mL", "lesion SEN@1-5mL", "lesion SEN@>=5mL")
    )
    assert every["value"] == pytest.approx(0.5)
    assert (every["n_positive"], small["n_positive"], every["n_negative"]) == (30, 10, 0)
    assert middle["value"] == pytest.approx(0.5)
    assert 0 < middle["low"] < 0.5 < middle["high"] < 1
    # All alike: a bootstrap would say that there is no doubt.
    assert (small["value"], large["value"]) == (0, 1)
    assert 0.25 < small["high"] < 0.3
    assert small["note"] == "all equal: Wilson interval of 10 patients"


def test_a_volume_without_lesion_is_undefined(table, lesions):
    result = measured(table, lesions[lesions["volume_ml"] < 5])
    assert result.loc["lesion SEN@>=5mL", "note"] == "undefined: no such lesion"


@pytest.mark.parametrize("kept", [0, 1])
def test_one_class_leaves_undefined_what_needs_the_other(table, lesions, kept):
    result = measured(table[table["truth"] == kept], lesions)
    without = ["SurfaceDice", "HD95", "bias", "ICC", "lesion SEN"]
    needs = {0: without, 1: ["FPV", "FPV median", "FPC", "FP scans"]}[kept]
    assert result.loc[needs, "value"].isna().all()
    assert result.loc[needs, "note"].str.startswith("undefined: ").all()


def test_lesions_of_a_patient_move_together(table, lesions):
    table["patient"] = [f"p{number // 12}" for number in range(len(table))]
    alone, clustered = (
        measured(table.assign(patient=names), lesions).loc["lesion SEN"]
        for names in (table["case"], table["patient"])
    )
    assert alone["value"] == clustered["value"]
    assert alone["high"] - alone["low"] != clustered["high"] - clustered["low"]


def test_weighted_quantile_is_that_of_the_repeated_sample():
    generator = np.random.default_rng(0)
    values, weights = generator.normal(size=30), generator.integers(0, 4, size=(20, 30))
    for share in (0.5, 0.95):
        wanted = [np.quantile(np.repeat(values, row), share, method="inverted_cdf") for row in weights]
        np.testing.assert_array_equal(weighted_quantile(values, share, weights), wanted)


def test_bins_are_named_by_their_edges_and_ordered_by_their_names():
    names = bin_names([0.5, 5, 30])
    assert names == ["<0.5mL", "0.5-5mL", "5-30mL", ">=30mL"]
    assert [lower_edge(name) for name in names] == [-1, 0.5, 5, 30]
