import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from smartnet.errors import DataError
from smartnet.explain import separability
from smartnet.explain.separability import measure_separability, nearest
from smartnet.files import read_table, write_array, write_table


def test_nearest_does_not_depend_on_its_blocks(monkeypatch):
    features, patient = np.random.default_rng(2).normal(size=(50, 4)), np.arange(50) // 3
    whole = nearest(features, patient, 5)
    monkeypatch.setattr(separability, "BLOCK", 7)
    np.testing.assert_array_equal(nearest(features, patient, 5), whole)


def write_features(folder, *, class_gap=0.0, dataset_gap=0.0, patients=30, datasets=("a", "b"), seed=0):
    """Four slices per patient, two of each class; gaps in units of the spread."""
    generator = np.random.default_rng(seed)
    rows = [
        {
            "case": f"c{p}",
            "patient": f"p{p}",
            "dataset": datasets[p % len(datasets)],
            "z": z,
            "hemorrhage": z % 2,
        }
        for p in range(patients)
        for z in range(4)
    ]
    table = pd.DataFrame(rows)
    features = generator.normal(size=(len(table), 6))
    features[:, 0] += class_gap * table["hemorrhage"]
    features[:, 1] += dataset_gap * (table["dataset"] == datasets[-1])
    write_array(features.astype(np.float32), folder / "features.npy")
    write_table(table, folder / "features.tsv")


def measured(folder, **options):
    write_features(folder, **options)
    measure_separability(folder, neighbours=5, seed=1)
    return read_table(folder / "separability.tsv")


def auc(table, column):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(table["hemorrhage"], table[column])


def test_classes_apart_are_found_and_data_sets_alike_are_not(tmp_path):
    table = measured(tmp_path, class_gap=8)
    assert table["same_class"].mean() > 0.95
    assert abs(table["same_dataset"].mean() - 0.5) < 0.1
    assert auc(table, "probe") > 0.98 and auc(table, "probe_transfer") > 0.98
    assert abs(table["dataset_found"].astype(float).mean() - 0.5) < 0.2


def test_a_data_set_as_confounder_is_seen(tmp_path):
    table = measured(tmp_path, dataset_gap=8)
    assert table["same_dataset"].mean() > 0.95
    assert table["dataset_found"].astype(float).mean() > 0.95
    assert abs(auc(table, "probe") - 0.5) < 0.15


def test_neighbours_are_those_of_scikit_learn_but_never_of_the_same_patient():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 3))
    alone = np.arange(40)
    expected = (
        NearestNeighbors(n_neighbors=4).fit(features).kneighbors(features, return_distance=False)[:, 1:]
    )
    np.testing.assert_array_equal(nearest(features, alone, 3), expected)
    pairs = alone // 2
    assert not (pairs[nearest(features, pairs, 5)] == pairs[:, None]).any()
    assert (nearest(features[:2], pairs[:2], 3) == -1).all()


def test_a_patient_is_never_probed_by_his_own_slices(tmp_path):
    """Features that name the patient and nothing else tell the class only to one who has seen the patient."""
    write_features(tmp_path, patients=20)
    table = read_table(tmp_path / "features.tsv")
    table["hemorrhage"] = table["patient"].str[1:].astype(int) % 2
    write_table(table, tmp_path / "features.tsv")
    write_array(np.repeat(np.eye(20, dtype=np.float32), 4, axis=0), tmp_path / "features.npy")
    measure_separability(tmp_path, neighbours=5, seed=1)
    assert auc(read_table(tmp_path / "separability.tsv"), "probe") < 0.6


@pytest.mark.parametrize(
    ("options", "empty"),
    [
        ({"datasets": ("a",)}, ["same_dataset", "probe_transfer", "dataset_found"]),
        ({"patients": 1, "datasets": ("a",)}, ["same_class", "probe", "probe_transfer"]),
    ],
)
def test_what_cannot_be_measured_is_empty(tmp_path, options, empty):
    table = measured(tmp_path, **options)
    assert table[empty].isna().all(axis=None)


def test_the_same_bytes_twice_and_bad_features_refused(tmp_path):
    measured(tmp_path, class_gap=1)
    first = (tmp_path / "separability.tsv").read_bytes()
    measured(tmp_path, class_gap=1)
    assert (tmp_path / "separability.tsv").read_bytes() == first
    write_array(np.full((120, 6), np.nan, np.float32), tmp_path / "features.npy")
    with pytest.raises(DataError, match="features are not finite; train the upstream network again"):
        measure_separability(tmp_path, neighbours=5, seed=1)
