"""Slices from volumes: window, dropping, resizing, CLAHE, specks, and the tables that describe them."""

import cv2
import numpy as np
import pandas as pd
import pytest
from factories import CTSeries, head, numbered, run_volumes, write_labels, write_series

from smartnet.errors import ConfigError, DataError
from smartnet.files import read_nifti, read_table, write_nifti
from smartnet.slices.build import build_shard
from smartnet.slices.preprocess import (
    Crop,
    cut,
    filled_range,
    head_crop,
    overlap,
    prepare_image,
    prepare_mask,
    window,
)

SETTINGS = {
    "size": (64, 64),
    "level": 40,
    "width": 80,
    "clahe_clip": 2.0,
    "clahe_tiles": 8,
    "min_speck_px": 3,
}


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """Three scans: with a mask, labelled 0, labelled 1 without a mask; two slices above the head are air."""
    tmp_path = tmp_path_factory.mktemp("slices")
    rows = []
    series = CTSeries(shape=(40, 48, 48), spacing_mm=(5, 4, 4), centre_mm=(3, -7, 11))
    (tmp_path / "data" / "masks").mkdir(parents=True)
    for number, label in ((1, 1), (2, 0), (3, 1)):
        one = numbered(series, number)
        hu = one.sample(head)
        lesion = np.linalg.norm(one.world_mm() - [20.0, 0.0, 20.0], axis=-1) < 15
        row = {"study_uid": one.study, "hemorrhage": label, "IPH": label}
        if number == 1:
            lesion[20, 2, 2] = True  # a speck outside the head
            write_nifti(lesion.astype(np.uint8) * 2, one.affine, tmp_path / "data" / "masks" / "one.nii.gz")
            row["mask"] = "one.nii.gz"
        if label:
            hu[lesion] = 65
        write_series(tmp_path / "data" / "dicom" / str(number), one, hu)
        rows.append(row)
    write_labels(tmp_path / "data", rows)
    return run_volumes(tmp_path / "data", tmp_path)


@pytest.fixture(scope="module")
def shard(volumes):
    folder = volumes.parent / "slices"
    build_shard(volumes, folder, **SETTINGS)
    return folder


def test_arrays_and_tables_describe_each_other(shard, volumes):
    images, masks = (np.load(shard / f"{name}.npy", mmap_mode="r") for name in ("images", "masks"))
    cases, slices = (read_table(shard / f"{name}.tsv") for name in ("cases", "slices"))
    assert images.shape == masks.shape == (len(slices), 64, 64)
    assert images.dtype == masks.dtype == np.uint8
    assert list(slices["row"]) == list(range(len(slices)))
    assert list(cases["first"]) == [0, *np.cumsum(cases["count"])[:-1]]
    for case in cases.itertuples():
        own = slices[slices["case"] == case.case]
        assert list(own["row"]) == list(range(case.first, case.first + case.count))
        assert (np.diff(own["z"]) == 1).all()
    labelled = slices["hemorrhage"].notna()
    np.testing.assert_array_equal(slices["lesion_px"][labelled], masks[labelled.to_numpy()].sum(axis=(1, 2)))
    np.testing.assert_array_equal(slices["hemorrhage"][labelled], slices["lesion_px"][labelled] > 0)
    assert set(cases["mask"]) == {"reference", "empty", "none"}
    assert (
        slices["hemorrhage"].isna().groupby(slices["case"]).all()
        == (cases.set_index("case")["mask"] == "none")
    ).all()
    assert cases.columns[:5].tolist() == ["case", "patient", "dataset", "first", "count"]
    assert len(list(volumes.glob("c*.json"))) == 3


def test_empty_ends_are_dropped_and_z_counts_in_the_volume(shard):
    slices = read_table(shard / "slices.tsv")
    # The head's radius is 75 mm: slices at 5 mm whose centre is less than that from its middle.
    for _, own in slices.groupby("case"):
        assert list(own["z"]) == list(range(5, 35))


def test_each_image_is_the_documented_chain_of_its_own_slice(shard, volumes):
    images, slices = np.load(shard / "images.npy"), read_table(shard / "slices.tsv")
    row = slices.iloc[41]
    hu, _ = read_nifti(volumes / f"{row['case']}.nii.gz")
    windowed = np.clip(hu[row["z"]].astype(np.float32) / 80, 0, 1)
    eight_bit = np.rint(cv2.resize(windowed, (64, 64), interpolation=cv2.INTER_LINEAR) * 255).astype(np.uint8)
    np.testing.assert_array_equal(images[41], cv2.createCLAHE(2.0, (8, 8)).apply(eight_bit))


def test_specks_are_dropped_and_lesions_stay_where_they_are(shard, volumes):
    cases, masks = read_table(shard / "cases.tsv"), np.load(shard / "masks.npy")
    case = cases[cases["mask"] == "reference"].iloc[0]
    own = masks[case["first"] : case["first"] + case["count"]]
    full = read_nifti(volumes / f"{case['case']}_mask.nii.gz")[0][5:35] > 0
    assert full[15, 2, 2]
    assert not own[15, :8, :8].any()
    full[15, 2, 2] = False
    found, expected = ((np.argwhere(mask).mean(axis=0) + 0.5) / mask.shape for mask in (own, full))
    np.testing.assert_allclose(found, expected, atol=0.005)
    assert own.mean() == pytest.approx(full.mean(), rel=0.05)


def test_the_same_volumes_give_the_same_bytes(shard, volumes):
    build_shard(volumes, volumes.parent / "again", **SETTINGS)
    for path in shard.iterdir():
        assert path.read_bytes() == (volumes.parent / "again" / path.name).read_bytes()


def test_window_maps_its_ends_to_zero_and_one():
    hu = np.array([-1024, 0, 20, 40, 80, 3000], dtype=np.int16)
    np.testing.assert_allclose(window(hu, level=40, width=80), [0, 0, 0.25, 0.5, 1, 1])


def test_only_leading_and_trailing_slices_are_dropped_and_never_a_lesion():
    volume = np.zeros((7, 10, 10), np.float32)
    volume[[2, 4]] = 0.5
    mask = np.zeros(volume.shape, np.uint8)
    assert filled_range(volume, mask) == (2, 5)
    assert filled_range(np.zeros_like(volume), mask) == (0, 0)
    mask[6, 3, 3] = 1
    assert filled_range(volume, mask) == (2, 7)


@pytest.mark.parametrize(("area", "kept"), [(1, 0), (2, 0), (3, 3), (4, 4)])
def test_specks_under_the_minimum_go_and_touching_corners_count_as_one(area, kept):
    mask = np.zeros((16, 16), np.uint8)
    mask[range(area), range(area)] = 5
    assert prepare_mask(mask, shape=(16, 16), min_speck_px=3).sum() == kept


def test_without_clahe_the_image_is_the_window_in_eight_bits():
    plane = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    image = prepare_image(plane, shape=(16, 16), clahe_clip=0, clahe_tiles=8)
    np.testing.assert_array_equal(image, np.arange(256).reshape(16, 16))


def test_a_window_with_nothing_in_it_and_a_lost_volume_are_named(volumes, tmp_path):
    with pytest.raises(
        DataError, match=r"case c\w{12}: no slice has anything inside the window 5000 to 5100"
    ):
        build_shard(volumes, tmp_path, **SETTINGS | {"level": 5050, "width": 100})
    assert not (tmp_path / "images.npy").exists()
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "cases.tsv").write_bytes((volumes / "cases.tsv").read_bytes())
    with pytest.raises(DataError, match=r"case c\w{12}: .*nii.gz is missing: run"):
        build_shard(tmp_path / "lost", tmp_path, **SETTINGS)
    with pytest.raises(ConfigError, match="width is 0"):
        build_shard(volumes, tmp_path, **SETTINGS | {"width": 0})


def test_a_shard_without_an_accepted_case_is_empty_but_whole(volumes, tmp_path):
    cases = pd.read_csv(volumes / "cases.tsv", sep="\t").assign(verdict="rejected", reason="a reason")
    (tmp_path / "none").mkdir()
    cases.to_csv(tmp_path / "none" / "cases.tsv", sep="\t", index=False)
    build_shard(tmp_path / "none", tmp_path / "out", **SETTINGS)
    assert np.load(tmp_path / "out" / "images.npy").shape == (0, 64, 64)
    assert read_table(tmp_path / "out" / "cases.tsv").empty


def test_resizing_to_rows_and_columns():
    plane = np.repeat(np.linspace(0, 1, 8, dtype=np.float32)[:, None], 4, 1)
    image = prepare_image(plane, shape=(16, 8), clahe_clip=0, clahe_tiles=8)
    assert (
        image.shape == (16, 8)
        and (np.ptp(image, axis=1) == 0).all()
        and (np.diff(image[:, 0]) > 0).sum() > 12
    )
    mask = prepare_mask(plane > 0.5, shape=(16, 8), min_speck_px=3)
    assert np.array_equal(np.flatnonzero(mask.any(axis=1)), np.arange(8, 16)) and mask.shape == (16, 8)


@pytest.mark.parametrize("shape", [(64, 64), (64, 48), (48, 64)])
@pytest.mark.parametrize(("row", "column"), [(20, 30), (3, 44)])
def test_the_crop_is_around_the_head_not_around_the_table(row, column, shape):
    y, x = np.mgrid[:60, :80]
    head = (np.abs(y - row) <= 15) & (np.abs(x - column) <= 10)
    planes = np.repeat((head | (y >= 57)).astype(np.float32)[None], 10, 0)
    planes[0, 20:40, 60:] = 1  # a hand in a single slice
    crop = head_crop(planes, margin=0.1, shape=shape)
    high = row + 15 - max(row - 15, 0) + 1
    border = int(np.ceil(0.1 * max(high, 21)))
    assert crop.rows / crop.columns == pytest.approx(shape[0] / shape[1], rel=0.03)
    fits = (crop.rows - high - 2 * border, crop.columns - 21 - 2 * border)
    assert min(fits) == 0, "the smallest that holds head and border"
    part = cut(planes[5:], crop)
    assert part.shape == (5, crop.rows, crop.columns)
    assert (part[0] > 0).sum() >= head.sum()
    start = border - (-fits[0] // 2)
    rows, columns = np.nonzero(part[0, : start + high])
    assert rows.min() == start
    assert abs(columns.min() - (crop.columns - 1 - columns.max())) <= 1


def test_nothing_in_the_plane_keeps_the_whole_image():
    nothing = np.zeros((3, 20, 30), np.float32)
    assert head_crop(nothing, margin=0.1, shape=(64, 64)) == Crop(-5, 0, 30, 30)
    assert head_crop(nothing, margin=0.1, shape=(32, 48)) == Crop(0, 0, 20, 30)


def test_a_crop_beyond_the_image_is_filled_with_zeros_and_goes_back():
    planes = np.arange(1, 2 * 6 * 8 + 1).reshape(2, 6, 8)
    crop = Crop(-2, 3, 7, 9)
    part = cut(planes, crop)
    image, own = overlap(crop, planes.shape[1:])
    assert part.shape == (2, 7, 9) and (part[:, :2] == 0).all() and (part[:, :, 5:] == 0).all()
    back = np.zeros_like(planes)
    back[:, *image] = part[:, *own]
    assert np.array_equal(back[:, :5, 3:], planes[:, :5, 3:])
    assert back[:, 5].sum() == back[:, :, :3].sum() == 0


@pytest.mark.parametrize("size", [(64, 64), (64, 48)])
def test_a_cut_shows_the_head_larger_and_loses_no_lesion(shard, volumes, tmp_path, size):
    build_shard(volumes, tmp_path, **SETTINGS | {"size": size}, crop_margin=0.05)
    whole, close = (read_table(f / "cases.tsv") for f in (shard, tmp_path))
    assert whole["crop_rows"].isna().all() and (close["crop_columns"] < 48).all()
    before, after = (np.load(f / "images.npy").astype(float) for f in (shard, tmp_path))
    assert after.shape[1:] == size
    seen = (close["crop_rows"] * close["crop_columns"]).mean() / 48**2
    assert seen < 0.95 and (after > 30).mean() == pytest.approx((before > 30).mean() / seen, rel=0.1)
    case = close[close["mask"] != "none"].iloc[0]
    rows = slice(case["first"], case["first"] + case["count"])
    pixels = [
        np.load(f / "masks.npy")[rows].sum() * area
        for f, area in (
            (shard, (48 / 64) ** 2),
            (tmp_path, case["crop_rows"] * case["crop_columns"] / np.prod(size)),
        )
    ]
    assert pixels[0] == pytest.approx(pixels[1], rel=0.05)
