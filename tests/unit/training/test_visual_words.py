import numpy as np
import pytest
import torch

from smartnet.errors import DataError
from smartnet.files import read_table
from smartnet.networks import load_model, min_max
from smartnet.slices.dataset import SliceSet
from smartnet.training.visual_words import APART, COLUMNS, find_words, locate, scan_features
from smartnet.training.words import BOX, cut, open_words

WORDS = {"count": 3, "neighbours": 5, "valid_neighbours": 2, "crops": 2, "side": 0.5}


@pytest.fixture
def table(words):
    return read_table(words)


@pytest.fixture
def find(study, autoencoder, tmp_path):
    def run(seed=1, **changes):
        path = tmp_path / "words.tsv"
        options = {"slices": study.slices, "split": study.split, "upstream": autoencoder, "output": path}
        find_words(**options, settings={**WORDS, **changes}, seed=seed, gpu=0, threads=1)
        return path

    return run


def test_a_place_by_hand():
    assert locate(np.array([0.5, 0, 1]), (5, 32, 48), 0.25) == {
        **{"slice": 2, "row": 0, "column": 36},
        **{"rows": 8, "columns": 12},
    }


def test_a_word_is_one_relative_place_in_every_scan(table, study):
    assert list(table.columns) == COLUMNS
    assert table.groupby("word")["part"].value_counts().to_dict() == {
        (word, part): count for word in range(3) for part, count in (("train", 10), ("valid", 2))
    }
    depth = read_table(study.slices[0] / "cases.tsv").set_index("case")["count"]
    for _, rows in table.groupby("word"):
        exact = rows[rows["crop"] == 0]
        assert len(exact[["row", "column", "rows", "columns"]].drop_duplicates()) == 1
        assert (exact[["rows", "columns"]] == 16).all(axis=None)
        last = exact["case"].map(depth) - 1
        low, high = ((exact["slice"] + step) / last for step in (-0.5, 0.5))
        assert low.max() <= high.min()  # one z rounds to all these slices
        further = rows[rows["crop"] == 1]
        assert set(further["part"]) == {"train"}
        paired = further.merge(exact, on="case", suffixes=("", "_exact"))
        assert (paired["slice"] == paired["slice_exact"]).all()
        assert ((paired["row"] - paired["row_exact"]).abs() <= 3).all()
        assert paired["rows"].between(12, 20).all()
    places = table[table["crop"] == 0].groupby("word")[["row", "column"]].first()
    assert len(places.drop_duplicates()) == 3 and APART == 0.1
    assert (table["row"] >= 0).all() and (table["row"] + table["rows"] <= 32).all()


def test_train_and_valid_scans_never_mix(table, study):
    split = read_table(study.split).set_index("case")
    assert (table["case"].map(split["split"]) == table["part"]).all()
    assert (table["case"].map(split["patient"]) == table["patient"]).all()
    assert not set(table.query("part == 'train'").patient) & set(table.query("part == 'valid'").patient)


def test_neighbours_are_the_nearest_in_features(table, study, autoencoder):
    train = SliceSet.open(study.slices, study.split, subset="train")
    encoder = load_model(autoencoder).encoder
    features = scan_features(encoder, train)
    with torch.inference_mode():
        images = torch.from_numpy(np.array(train.volume(2)[0]))[:, None]
        assert np.allclose(features[2], encoder(min_max(images))[-1].mean((0, 2, 3)), atol=1e-6)
    for _, rows in table[(table["part"] == "train") & (table["crop"] == 0)].groupby("word"):
        chosen = [list(train.cases["case"]).index(case) for case in rows["case"]]
        distance = np.linalg.norm(features - features[chosen[0]], axis=1)
        assert chosen == np.argsort(distance, kind="stable")[:5].tolist()


def test_the_table_is_the_same_bytes_and_depends_on_the_seed(find, words):
    assert find().read_bytes() == words.read_bytes()
    assert find(seed=2).read_bytes() != words.read_bytes()


def test_fewer_scans_than_neighbours_gives_all_of_them(find, caplog):
    caplog.set_level("INFO")
    found = read_table(find(neighbours=200, valid_neighbours=30, crops=1))
    assert found.groupby(["word", "part"]).size().tolist() == [11, 3] * 3
    assert "words have all 11 train scans, not 200 neighbours" in caplog.text


def test_more_words_than_scans_or_places_is_one_line(find, monkeypatch):
    with pytest.raises(DataError, match="12 visual words were asked for, but there are 11 training scans"):
        find(count=12)
    monkeypatch.setattr("smartnet.training.visual_words.APART", 2.0)  # wider than a scan
    with pytest.raises(DataError, match=r"only 1 of 3 visual words .* lower words.count or words.side"):
        find()


def test_crops_show_the_box_at_the_networks_size():
    ramp = torch.arange(32.0).expand(2, 1, 32, 32)
    boxes = torch.tensor([[0.0, 0.25, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]])
    out = cut(ramp, boxes, (16, 16))
    assert torch.allclose(out[0, 0], torch.arange(8.0, 24.0).expand(16, 16), atol=1e-4)
    assert torch.allclose(out[1, 0, 0], torch.arange(32.0).view(16, 2).mean(1), atol=1e-4)


def test_batches_hold_slices_boxes_and_words(words, study, table):
    found = open_words(words, study.slices, study.split)
    train = found["train"]
    assert train.count == 3 and train.size == (32, 32) and train.images.tolist() == [2] * 15
    assert found["valid"].images.tolist() == [1] * 6
    batch = train.load([(0, 1), (14, 0)], range(2))
    assert batch["slices"].shape == (2, 1, 32, 32) and batch["words"].tolist() == [0, 2]
    rows = table.query("part == 'train' and word == 2").sort_values("case", kind="stable").iloc[-2]
    assert batch["cases"][1] == rows["case"] and rows["crop"] == 0
    assert batch["boxes"][1].tolist() == pytest.approx((rows[BOX] / 32).tolist())
    data = SliceSet.open(study.slices, study.split, subset="train")
    image, _ = data.slice(list(data.cases["case"]).index(rows["case"]), int(rows["slice"]))
    assert np.array_equal(batch["slices"][1, 0], image)


@pytest.fixture
def release(tmp_path):
    """A folder in the layout of the TransVW release: two words, two resolutions."""
    folder = tmp_path / "TransVW_data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, count in (("train_{}1", 6), ("train_{}2", 6), ("val_{}1", 4)):
        stem = name + "_vwGen_ex_ref_fold1.0.npy"
        np.save(folder / stem.format("data"), rng.random((count, 24, 16, 5)))
        np.save(folder / stem.format("label"), np.arange(count)[:, None] % 2 * 7.0)
    return folder


def test_files_of_the_release_are_read(release, study):
    found = open_words(release, study.slices, study.split)
    train = found["train"]
    assert train.count == 2 and train.words.tolist() == [0, 1] * 6 and train.images.tolist() == [5] * 12
    assert found["valid"].images.tolist() == [5] * 4
    cubes = np.load(release / "train_data2_vwGen_ex_ref_fold1.0.npy")
    batch = train.load([(7, 3)], range(1))
    assert np.array_equal(batch["slices"][0, 0], np.round(255 * cubes[1, :, :, 3]))
    assert batch["boxes"].tolist() == [pytest.approx([1 / 6, 0, 2 / 3, 1])]  # a square of the oblong plane
    path = release / "train_data2_vwGen_ex_ref_fold1.0.npy"
    np.save(path, cubes[:, None])
    again = open_words(release, study.slices, study.split)["train"]
    assert torch.equal(again.load([(7, 3)], range(1))["slices"], batch["slices"])


BAD = {
    "data2_": (np.ones((6, 24, 16)), r"shape \(6, 24, 16\), not numbers of shape \(N, H, W, D\)"),
    "data1_": (np.full((6, 24, 16, 5), 1.5), "values from 1.5 to 1.5; scale them to 0..1"),
    "data": (np.full((6, 24, 16, 5), np.nan), "values from nan to nan"),
    "data1": (np.ones((6, 32, 16, 5)), "cubes of different sizes: 24 x 16, 32 x 16"),
    "label1_": (np.zeros(5), "has 5 labels for 6 cubes"),
    "label2_": (np.full(6, 0.5), "labels that are no whole numbers"),
    "label": (np.array([{}] * 6), "is no plain array and is not read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_line_that_names_it(release, study, kind):
    array, message = BAD[kind]
    path = next(release.glob(f"train_{kind}*"))
    np.save(path, array, allow_pickle=True)
    with pytest.raises(DataError, match=message) as error:
        open_words(release, study.slices, study.split)
    assert "\n" not in str(error.value)
    assert path.name in str(error.value) or "different sizes" in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train_label2", "there is no .*train_label2.*; every data file needs its label file"),
        ("val_data1", "has no val_data1_vwGen_ex_ref_fold1.0.npy; give the folder of the TransVW files"),
    ],
)
def test_a_missing_file_is_named(release, study, name, message):
    next(release.glob(f"{name}*")).unlink()
    with pytest.raises(DataError, match=message):
        open_words(release, study.slices, study.split)


def test_labels_that_do_not_fit_each_other(release, study):
    np.save(release / "val_label1_vwGen_ex_ref_fold1.0.npy", np.array([0, 7, 3, 0]))
    with pytest.raises(DataError, match=r"label 3 of the val files .* is in no train file"):
        open_words(release, study.slices, study.split)
    for path in release.glob("*label*"):
        np.save(path, np.zeros(len(np.load(path))))
    with pytest.raises(DataError, match="name only one word"):
        open_words(release, study.slices, study.split)
