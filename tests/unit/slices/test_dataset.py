"""The reader of slices: the right rows of the right shard, memory-mapped, also in a worker process."""

import pickle

import numpy as np
import pytest
from factories import CTSeries, head, numbered, run_volumes, write_series

from smartnet.errors import DataError
from smartnet.files import read_table
from smartnet.slices.build import build_shard
from smartnet.slices.dataset import SliceSet
from smartnet.slices.split import make_split

SETTINGS = {
    "size": (32, 32),
    "level": 40,
    "width": 80,
    "clahe_clip": 2.0,
    "clahe_tiles": 4,
    "min_speck_px": 3,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two shards of one data set with scans of different depth, and their split."""
    tmp_path = tmp_path_factory.mktemp("study")
    folders = []
    for shard in (0, 1):
        home = tmp_path / f"shard-{shard}"
        for number in range(3):
            shape = (6 + number + 2 * shard, 24, 24)
            series = numbered(CTSeries(shape=shape, spacing_mm=(5, 8, 8)), 10 * shard + number)
            hu = series.sample(head) + np.random.default_rng([shard, number]).normal(0, 3, shape)
            write_series(home / "data" / "dicom" / str(number), series, hu)
        build_shard(run_volumes(home / "data", home, labelled=False), home / "slices", **SETTINGS)
        folders.append(home / "slices")
    split = tmp_path / "split.tsv"
    tables = [folder / "cases.tsv" for folder in folders]
    make_split(tables, split, roles={"site": "development"}, valid_fraction=0.34, seed=1)
    return folders, split


def test_subsets_hold_all_cases_once_with_global_offsets(study):
    folders, split = study
    sets = [SliceSet.open(folders, split, subset=subset) for subset in ("train", "valid", "test")]
    assert [len(one) for one in sets] == [4, 2, 0]
    assert len(set(sets[0].cases["case"]) | set(sets[1].cases["case"])) == 6
    for one in sets[:2]:
        assert list(one.cases["offset"]) == [0, *np.cumsum(one.cases["count"])[:-1]]
        assert len(one.slices) == one.cases["count"].sum()
        for i, case in one.cases.iterrows():
            own = one.slices.iloc[case["offset"] : case["offset"] + case["count"]]
            assert set(own["case"]) == {case["case"]}
            assert set(own["index"]) == {i}


def test_a_volume_is_what_its_shard_stores(study):
    folders, split = study
    train = SliceSet.open(folders, split, subset="train")
    for i, case in train.cases.iterrows():
        folder = folders[case["folder"]]
        rows = read_table(folder / "slices.tsv").query("case == @case.case")["row"]
        images, masks = train.volume(i)
        np.testing.assert_array_equal(images, np.load(folder / "images.npy")[rows])
        assert masks.shape == images.shape
        assert isinstance(images, np.memmap)
        image, mask = train.slice(i, 2)
        np.testing.assert_array_equal(image, images[2])
        assert mask.shape == (32, 32)
    with pytest.raises(IndexError, match=r"not 99"):
        train.slice(0, 99)
    with pytest.raises(ValueError, match="read-only"):
        images[0, 0, 0] = 1


def test_the_order_of_folders_does_not_change_what_is_seen(study):
    folders, split = study
    one, other = (SliceSet.open(order, split, subset="train") for order in (folders, folders[::-1]))
    assert list(one.cases["case"]) == list(other.cases["case"])
    for i in range(len(one)):
        np.testing.assert_array_equal(one.volume(i)[0], other.volume(i)[0])


def test_a_set_travels_to_a_worker_without_its_data(study):
    folders, split = study
    train = SliceSet.open(folders, split, subset="train")
    images = np.array(train.volume(1)[0])
    packed = pickle.dumps(train)
    assert len(packed) < 20_000
    np.testing.assert_array_equal(pickle.loads(packed).volume(1)[0], images)


def test_data_sets_can_be_chosen_and_mistakes_are_named(study, tmp_path):
    folders, split = study
    assert len(SliceSet.open(folders, split, subset="train", datasets=["site"])) == 4
    assert len(SliceSet.open(folders, split, subset="train", datasets=["other"])) == 0
    with pytest.raises(DataError, match="subset 'dev' does not exist: choose one of train, valid, test"):
        SliceSet.open(folders, split, subset="dev")
    with pytest.raises(DataError, match=r"has no cases.tsv: make the slices"):
        SliceSet.open([tmp_path], split, subset="train")
    with pytest.raises(DataError, match=r"split.tsv does not exist"):
        SliceSet.open(folders, tmp_path / "split.tsv", subset="train")
    (tmp_path / "split.tsv").write_text("\n".join(split.read_text().split("\n")[:-3]) + "\n")
    with pytest.raises(DataError, match=r"case c\w{12} is missing in .*split.tsv"):
        SliceSet.open(folders, tmp_path / "split.tsv", subset="train")
