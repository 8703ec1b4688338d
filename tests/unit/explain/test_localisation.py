import numpy as np
import pandas as pd
import pytest

from smartnet.explain.localisation import averaged, chosen_scans, ideal_map, measure_localisation
from smartnet.explain.measures import measure
from smartnet.files import read_table
from smartnet.metrics.explanation import MAPS, NEEDED
from smartnet.slices.dataset import SliceSet
from smartnet.slices.preprocess import Crop


def localise(study, start, output, **options):
    root, folders = study
    volumes = [root / "volumes" / name for name in ("internal", "public")]
    options = {"threshold_hu": 50, "limit": None, "seed": 1, "run": 1} | options
    measure_localisation(start, folders, volumes, root / "split.tsv", output=output, **options)
    return read_table(output)


@pytest.fixture(scope="module")
def table(study, start, tmp_path_factory):
    return localise(study, start, tmp_path_factory.mktemp("localisation") / "a.csv")


def test_every_bleeding_test_scan_has_a_row_per_map(study, table):
    root, folders = study
    test = SliceSet.open(folders, root / "split.tsv", subset="test").cases
    assert set(table["case"]) == set(test["case"][test["hemorrhage"] == 1])
    assert list(table.columns) == NEEDED
    assert table.groupby("case")["map"].apply(set).map(len).eq(len(MAPS)).all()
    assert set(table["map"]) == set(MAPS)


def test_rows_are_the_measures_of_the_maps_at_the_networks_resolution(study, start, table):
    root, folders = study
    test = SliceSet.open(folders, root / "split.tsv", subset="test")
    case = table["case"].iloc[0]
    images, masks = test.volume(int(np.flatnonzero(test.cases["case"] == case)[0]))
    maps = start.maps(start.slices(images)) | {"ideal": ideal_map(masks > 0)}
    own = table[table["case"] == case].set_index("map")
    for name, values in maps.items():
        for column, value in measure(values, masks > 0).items():
            assert own.loc[name, column] == pytest.approx(value, abs=2e-6)
    # lesions are brighter than 50 HU, and nothing else within the ring of bone is
    assert own.loc["threshold", "auprc"] > 0.95 and own.loc["threshold", "pointing"] == 1


def test_runs_repeat_and_differ_in_the_random_weights_only(study, start, table, tmp_path):
    pd.testing.assert_frame_equal(localise(study, start, tmp_path / "a.csv"), table)
    other = localise(study, start, tmp_path / "b.csv", run=2)
    random = table["map"] == "random"
    pd.testing.assert_frame_equal(other[~random], table[~random])
    assert not other[random].equals(table[random])


def test_a_limit_draws_cases_by_a_hash(study, start, tmp_path):
    few = localise(study, start, tmp_path / "a.csv", limit=1)
    assert few.groupby("dataset")["case"].nunique().to_dict() == {"internal": 1, "public": 1}
    cases = pd.DataFrame({"case": [f"c{n}" for n in range(40)], "dataset": "a", "hemorrhage": 1})
    cases["mask"] = "reference"
    drawn = [set(chosen_scans(cases, limit=10, seed=seed)["case"]) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and len(drawn[0]) == 10
    later = chosen_scans(cases.iloc[:39], limit=10, seed=1)
    assert len(set(later["case"]) - drawn[0]) <= 1


def test_scans_without_hemorrhage_or_mask_are_not_measured():
    columns = {"case": list("abcd"), "dataset": "x", "hemorrhage": [1, 1, 0, np.nan]}
    cases = pd.DataFrame(columns | {"mask": ["reference", "none", "empty", "none"]})
    assert list(chosen_scans(cases, limit=None, seed=0)["case"]) == ["a"]


def test_a_mask_is_averaged_over_the_pixels_of_the_slices():
    mask = np.zeros((1, 8, 8), bool)
    mask[0, 2:4, 3:6] = True
    np.testing.assert_allclose(averaged(mask, None, (4, 4))[0, 1], [0, 0.5, 1, 0])
    shown = averaged(mask, Crop(2, -1, 4, 6), (2, 3))
    np.testing.assert_allclose(shown[0], [[0, 0, 1], [0, 0, 0]])


def test_the_ideal_map_is_the_lesion_in_tiles():
    lesion = np.zeros((2, 32, 32), bool)
    lesion[1, :16, 16:] = True
    ideal = ideal_map(lesion)
    assert not ideal[0].any()
    assert ideal[1, :8, 24:].min() == 1 and ideal[1, 24:, :8].max() == 0
    assert measure(ideal, lesion)["pointing"] == 1
