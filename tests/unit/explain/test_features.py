import numpy as np
import pandas as pd
import pytest

from smartnet.errors import DataError
from smartnet.explain.cases import choose_cases
from smartnet.explain.embedding import embed_tsne
from smartnet.explain.features import extract_features, sample_slices
from smartnet.files import read_table, write_array, write_table
from smartnet.networks import load_model, min_max


def test_cases_go_from_severe_to_mild_and_come_from_test_sets(study, tmp_path):
    root, folders = study
    choose_cases(folders, root / "split.tsv", output=tmp_path / "cases.tsv", count=3, seed=1)
    chosen = read_table(tmp_path / "cases.tsv")
    assert list(chosen.columns) == ["case", "dataset", "z", "lesion_ml", "severity"]
    assert list(chosen["severity"]) == ["severe", "moderate", "mild"]
    assert chosen["lesion_ml"].is_monotonic_decreasing
    every = pd.concat(read_table(folder / "cases.tsv") for folder in folders)
    every = every[(every["hemorrhage"] == 1) & (every["case"] != "cpublic10")]
    assert chosen["lesion_ml"].iloc[0] == every["lesion_ml"].max()
    assert chosen["lesion_ml"].iloc[-1] == every["lesion_ml"].min()
    for row in chosen.itertuples():
        slices = pd.concat(read_table(folder / "slices.tsv") for folder in folders)
        slices = slices[slices["case"] == row.case].set_index("z")["lesion_px"]
        assert slices[row.z] == slices.max()


def test_more_cases_than_there_are_gives_all(study, tmp_path):
    root, folders = study
    choose_cases(folders, root / "split.tsv", output=tmp_path / "cases.tsv", count=50, seed=1)
    assert len(read_table(tmp_path / "cases.tsv")) == 5


def test_sample_is_balanced_seeded_and_leaves_unknown_slices_out():
    table = pd.DataFrame(
        {
            "case": "c",
            "dataset": ["a"] * 40 + ["b"] * 40,
            "z": range(80),
            "hemorrhage": [0, 1, np.nan, 0] * 10 + [0] * 37 + [1] * 3,
        }
    )
    sample = sample_slices(table, per_dataset=12, seed=3)
    counts = sample.groupby(["dataset", "hemorrhage"]).size()
    assert counts.to_dict() == {("a", 0): 6, ("a", 1): 6, ("b", 0): 3, ("b", 1): 3}
    pd.testing.assert_frame_equal(sample, sample_slices(table.sample(frac=1), per_dataset=12, seed=3))
    assert not sample.equals(sample_slices(table, per_dataset=12, seed=4))


def test_one_class_cannot_be_sampled():
    table = pd.DataFrame({"case": "c", "dataset": "a", "z": range(4), "hemorrhage": 1})
    with pytest.raises(DataError, match="with and without hemorrhage"):
        sample_slices(table, per_dataset=4, seed=0)


def test_features_are_the_pooled_last_stage_in_the_order_of_the_table(study, networks, tmp_path):
    import torch

    root, folders = study
    options = {"per_dataset": 10, "seed": 5, "gpu": 0, "threads": 1}
    extract_features(networks / "upstream", folders, root / "split.tsv", output=tmp_path, **options)
    features, table = np.load(tmp_path / "features.npy"), read_table(tmp_path / "features.tsv")
    assert len(features) == len(table) == 20
    assert "cpublic10" not in set(table["case"])
    last = table.iloc[-1]
    folder = next(f for f in folders if last["case"] in set(read_table(f / "cases.tsv")["case"]))
    rows = read_table(folder / "slices.tsv").set_index(["case", "z"])["row"]
    image = torch.from_numpy(np.load(folder / "images.npy")[rows[last["case"], last["z"]]])[None, None]
    with torch.inference_mode():
        expected = load_model(networks / "upstream").encoder(min_max(image))[-1].mean((2, 3))[0]
    np.testing.assert_allclose(features[-1], expected, rtol=1e-4, atol=1e-6)


def clusters(folder):
    generator = np.random.default_rng(0)
    hemorrhage = np.arange(60) % 2
    write_array(
        (generator.normal(size=(60, 8)) + 9 * hemorrhage[:, None]).astype(np.float32), folder / "features.npy"
    )
    table = pd.DataFrame(
        {"case": "c", "patient": "p", "dataset": "internal", "z": range(60), "hemorrhage": hemorrhage}
    )
    write_table(table, folder / "features.tsv")


def test_tsne_keeps_clusters_apart_and_does_not_depend_on_the_threads(tmp_path):
    written = []
    for threads in (1, 2, 1):
        clusters(tmp_path)
        embed_tsne(tmp_path, perplexity=30, seed=3, threads=threads)
        written.append((tmp_path / "tsne.tsv").read_bytes())
    assert written[0] == written[1] == written[2]
    table = read_table(tmp_path / "tsne.tsv")
    assert list(table.columns) == ["case", "dataset", "z", "hemorrhage", "x", "y"]
    places = table[["x", "y"]].to_numpy()
    distance = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(60)
    nearest = table["hemorrhage"].to_numpy()[distance.argmin(axis=1)]
    assert (nearest == table["hemorrhage"]).mean() > 0.95


def test_too_few_slices_for_tsne(tmp_path):
    clusters(tmp_path)
    write_array(np.zeros((3, 8), np.float32), tmp_path / "features.npy")
    with pytest.raises(DataError, match="needs 5 slices, got 3"):
        embed_tsne(tmp_path, perplexity=30, seed=3, threads=1)
