import numpy as np
import pandas as pd
import pytest

from smartnet.errors import DataError
from smartnet.files import write_json, write_table
from smartnet.metrics import evaluate as module
from smartnet.metrics.evaluate import evaluate
from smartnet.metrics.segmentation import segmentation_rows
from smartnet.metrics.subgroups import read_cases, subgroups
from smartnet.metrics.tidy import read_metrics
from smartnet.strata import by_volume

N = 24


def scans(dataset="internal", n=N):
    """Every second scan bleeds; the volume grows with the number."""
    number = np.arange(n)
    bleeds = number % 2
    table = pd.DataFrame(
        {
            "case": [f"{dataset}{i:02d}" for i in number],
            "patient": [f"p{dataset}{i:02d}" for i in number],
            "dataset": dataset,
            "verdict": "accepted",
            "hemorrhage": bleeds,
            **dict.fromkeys(("EDH", "IVH", "SAH", "SDH"), 0),
            "IPH": bleeds * (number < 8),
            "mask": np.where(bleeds, "reference", "empty"),
            "lesion_ml": bleeds * (number + 1.0),
            "tilt_deg": np.where(number < 6, -15.0, 0.5),
            "slice_thickness_mm": np.where(number < 4, 2.5, np.where(number < 8, 5.0, 7.5)),
            "manufacturer": np.where(number < 10, "A & B", "C"),
        }
    )
    return table


def members(found, name):
    return {group.name: group for group in found}[name].cases


def test_subgroups_hold_the_scans_that_their_names_say():
    table = scans()
    found = subgroups(table, seed=1)["internal"]
    names = [group.name for group in found]
    assert names == [
        *["kind=IPH", "volume=mild", "volume=moderate", "volume=severe"],
        *["thickness=up to 2.5 mm", "thickness=2.5 to 5 mm", "thickness=above 5 mm"],
        *["tilt=no", "tilt=yes", "vendor=A & B", "vendor=C"],
    ]
    normal = set(table.loc[table["hemorrhage"] == 0, "case"])
    assert members(found, "kind=IPH") == normal | set(table.loc[table["IPH"] == 1, "case"])
    assert members(found, "tilt=yes") == set(table["case"][:6])  # 0.5 degrees are straight
    assert members(found, "thickness=up to 2.5 mm") == set(table["case"][:4])
    assert members(found, "thickness=above 5 mm") == set(table["case"][8:])
    assert members(found, "vendor=C") == set(table["case"][10:])
    severe = set(table["case"][N - 8 :])  # the largest four of twelve lesions
    assert members(found, "volume=severe") - normal == severe - normal


def test_thirds_of_the_volume_are_of_all_test_sets_together():
    small, large = scans("internal"), scans("public").assign(lesion_ml=lambda t: t["lesion_ml"] * 100)
    found = subgroups(pd.concat([small, large]), seed=1)
    assert "volume=severe" not in [group.name for group in found["internal"]]
    assert "volume=mild" not in [group.name for group in found["public"]]
    ranked = by_volume(pd.concat([small, large]).query("lesion_ml > 0"), seed=1)
    assert list(ranked["severity"].value_counts(sort=False)) == [8, 8, 8]
    assert ranked["lesion_ml"].is_monotonic_decreasing


def test_scans_of_equal_volume_are_ordered_by_the_seed_not_by_the_table():
    cases = pd.DataFrame({"case": list("abcdef"), "lesion_ml": 1.0})
    first, turned, other = (
        list(by_volume(table, seed=seed)["case"])
        for table, seed in ((cases, 1), (cases.iloc[::-1], 1), (cases, 2))
    )
    assert first == turned != other


def test_what_a_header_does_not_say_is_in_no_subgroup():
    table = scans().assign(manufacturer=np.nan, slice_thickness_mm=np.nan, tilt_deg=np.nan, IPH=np.nan)
    names = {group.name for group in subgroups(table, seed=1)["internal"]}
    assert names == {"volume=mild", "volume=moderate", "volume=severe"}


def test_rejected_scans_and_empty_shards_are_passed_over(tmp_path):
    table = scans()
    table.loc[0, "verdict"] = "rejected"
    write_table(table, tmp_path / "a.tsv")
    write_table(table.iloc[:0], tmp_path / "b.tsv")
    assert len(read_cases([tmp_path / "a.tsv", tmp_path / "b.tsv"])) == N - 1


@pytest.fixture
def study(tmp_path):
    """A classifier that sees only large lesions, a segmenter that finds half of each."""
    table = scans()
    write_table(table, tmp_path / "cases.tsv")
    keys = table[["case", "patient", "dataset"]].assign(truth=table["hemorrhage"])
    logit = np.where(table["lesion_ml"] > 12, 2.0, -1.0) + 0.01 * np.arange(N)
    write_table(keys.assign(logit=logit, probability=1 / (1 + np.exp(-logit))), tmp_path / "cls.csv")
    found = table["lesion_ml"] / 2
    volumes = {"truth_ml": table["lesion_ml"], "predicted_ml": found + 1, "overlap_ml": found}
    volumes |= {"predicted_half_ml": found, "overlap_half_ml": found}
    write_table(keys.assign(**volumes), tmp_path / "seg.csv")
    write_json({"threshold": 0.5}, tmp_path / "threshold.json")
    return tmp_path


def measured(folder, *, cases=True, **keys):
    items = [
        {"model": name, "task": task, "seed": 1, "dataset": "internal", "table": folder / f"{name}.csv"}
        | {"threshold": folder / "threshold.json"}
        | keys
        for name, task in (("cls", "classification"), ("seg", "segmentation"))
    ]
    evaluate(
        items,
        [folder / "cases.tsv"] if cases else (),
        output=folder / "metrics.csv",
        settings={"replicates": 50},
        seed=7,
    )
    table = read_metrics(folder / "metrics.csv")
    return table.set_index(["metric", "subgroup"])


def test_a_subgroup_is_measured_on_its_own_scans(study):
    table = measured(study)
    assert table.loc[("SEN", "volume=severe"), "value"] == 1
    assert table.loc[("SEN", "volume=mild"), "value"] == 0
    row = table.loc[("AUC", "volume=mild")]
    assert (row["n_positive"], row["n_negative"]) == (4, 12)
    assert row["note"] == "its scans with hemorrhage against all of the data set without"
    assert table.loc[("AUC", "tilt=yes"), ["n_positive", "n_negative"]].tolist() == [3, 3]
    assert table.loc[("FPV", "tilt=yes"), "value"] == pytest.approx(1)


def test_what_all_scans_without_hemorrhage_say_is_not_repeated(study):
    table = measured(study)
    groups = {metric: set(table.loc[metric].index) for metric in ("SPE", "FPV", "AUC", "DSC")}
    assert not any(name.startswith(("kind=", "volume=")) for name in groups["SPE"] | groups["FPV"])
    assert groups["AUC"] == groups["DSC"] >= {"all", "kind=IPH", "volume=mild", "tilt=no", "vendor=C"}
    assert set(table.loc["AP"].index) == {"all"}


def test_all_scans_are_measured_alike_with_and_without_subgroups(study):
    both = [measured(study, cases=cases).xs("all", level="subgroup") for cases in (True, False)]
    pd.testing.assert_frame_equal(*both)


def test_a_subgroup_of_one_class_says_why_it_is_undefined(study):
    table = scans()
    table["tilt_deg"] = np.where(table["hemorrhage"] == 1, 20.0, 0.0)
    write_table(table, study / "cases.tsv")
    result = measured(study)
    assert np.isnan(result.loc[("AUC", "tilt=yes"), "value"])
    assert result.loc[("AUC", "tilt=yes"), "note"].startswith("undefined: one class only, 12 scans with")
    assert result.loc[("DSC", "tilt=no"), "note"].startswith("undefined: no scan with hemorrhage")


def test_a_prediction_of_a_scan_that_was_not_accepted_is_refused(study):
    write_table(scans().iloc[1:], study / "cases.tsv")
    with pytest.raises(DataError, match=r"cls.csv: case internal00 is no accepted scan of a test set; make"):
        measured(study)


def test_measures_are_joined_and_lesions_follow_the_subgroup(study, monkeypatch):
    table = scans()
    write_table(table[["case"]].assign(patient="other", depth_mm=np.arange(N)), study / "measures.csv")
    write_table(table[["case"]].assign(lesion=1), study / "lesions.csv")
    seen = []

    def spy(table, point, *, settings, seed, lesions=None, whole=True):
        seen.append((set(table["case"]), set(lesions["case"]), table))
        return segmentation_rows(table, point, settings=settings, seed=seed)

    monkeypatch.setattr(module, "MEASURE", {"segmentation": spy})
    item = {"model": "seg", "task": "segmentation", "seed": 1, "dataset": "internal"}
    item |= {"table": study / "seg.csv", "threshold": study / "threshold.json"}
    item |= {"measures": study / "measures.csv", "lesions": study / "lesions.csv"}
    options = {"output": study / "m.csv", "settings": {"replicates": 10}, "seed": 1}
    evaluate([item], [study / "cases.tsv"], **options)
    assert len(seen) == 12
    assert all(scans == lesions for scans, lesions, _ in seen)
    first = seen[0][2]
    assert list(first["depth_mm"]) == list(range(N))
    assert set(first["patient"]) == set(table["patient"])
