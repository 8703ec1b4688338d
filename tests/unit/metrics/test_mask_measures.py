"""Masks measured from files, scan by scan and lesion by lesion."""

import numpy as np
import pandas as pd
import pytest

from smartnet.errors import DataError
from smartnet.files import read_table, write_json, write_nifti, write_table
from smartnet.metrics.lesions import predicted_components, reference_lesions
from smartnet.metrics.measures import COLUMNS, measure_masks, measure_scan

SPACING = (5.0, 2.0, 2.0)  # 0.02 mL per voxel
SHAPE = (6, 30, 40)
LESION = {"voxel_ml": 0.02, "min_ml": 0.1, "min_overlap": 0}
SETTINGS = {"tolerance_mm": 3.0, "min_lesion_ml": 0.1, "lesion_overlap": 0.0}


def mask(*boxes):
    """Boxes of (z, y, x, slices, rows, columns)."""
    array = np.zeros(SHAPE, dtype=bool)
    for z, y, x, *sides in boxes:
        array[z : z + sides[0], y : y + sides[1], x : x + sides[2]] = True
    return array


BIG, SMALL, SPECK = (1, 5, 5, 2, 8, 8), (4, 20, 25, 1, 3, 2), (0, 25, 35, 1, 2, 2)


def test_lesions_are_components_from_the_least_volume_on_largest_first():
    truth = mask(SMALL, BIG, SPECK)
    table = reference_lesions(truth, mask((1, 5, 5, 1, 1, 1)), **LESION)
    assert list(table["volume_ml"]) == pytest.approx([128 * 0.02, 6 * 0.02])
    assert list(table["lesion"]) == [1, 2]
    assert list(table["overlap_ml"]) == pytest.approx([0.02, 0])
    assert list(table["found"]) == [1, 0]


def test_voxels_that_touch_at_a_corner_are_one_lesion():
    truth = mask((1, 5, 5, 1, 3, 3), (2, 8, 8, 1, 3, 3))
    assert len(reference_lesions(truth, truth, **LESION)) == 1


@pytest.mark.parametrize(("share", "found"), [(0, 1), (0.25, 1), (0.26, 0)])
def test_a_lesion_is_found_from_the_asked_share_on(share, found):
    options = LESION | {"min_overlap": share}
    table = reference_lesions(mask(BIG), mask((1, 5, 5, 1, 8, 4)), **options)
    assert list(table["found"]) == [found]


def test_false_components_touch_no_reference_and_are_no_specks():
    predicted = mask((1, 5, 5, 1, 1, 6), SMALL, SPECK)
    options = {"voxel_ml": 0.02, "min_ml": 0.1}
    assert predicted_components(predicted, mask(BIG), **options) == (2, 1)
    assert predicted_components(predicted, mask(), **options) == (2, 2)
    assert predicted_components(mask(), mask(BIG), **options) == (0, 0)


def test_cutting_to_the_box_of_both_changes_nothing():
    truth, predicted = mask(BIG, SPECK), mask(SMALL, (1, 7, 6, 2, 8, 8))
    options = {"spacing_mm": SPACING, "tolerance_mm": 3, "min_ml": 0.1, "min_overlap": 0}
    row, lesions = measure_scan(truth, predicted, **options)
    wide = [np.pad(array, 9) for array in (truth, predicted)]
    wider, the_same = measure_scan(*wide, **options)
    assert row == wider
    assert lesions.equals(the_same)
    overlap = (truth & predicted).sum()
    assert row["dsc"] == pytest.approx(2 * overlap / (truth.sum() + predicted.sum()))
    assert row["missed_ml"] == pytest.approx((truth.sum() - overlap) * 0.02)
    assert row["false_ml"] == pytest.approx((predicted.sum() - overlap) * 0.02)


@pytest.fixture
def study(tmp_path):
    """Four scans: found, missed, normal with something drawn, hemorrhage without a mask."""
    affine = np.diag([*SPACING[::-1], 1.0])
    scans = {
        "c1": (mask(BIG, SMALL), mask(BIG)),
        "c2": (mask(BIG), mask()),
        "c3": (mask(), mask(SMALL, SPECK)),
        "c4": (None, mask(SMALL)),
    }
    for case, (truth, predicted) in scans.items():
        write_nifti(np.zeros(SHAPE, np.int16), affine, tmp_path / "0" / f"{case}.nii.gz")
        write_json({"spacing_mm": SPACING}, tmp_path / "0" / f"{case}.json")
        write_nifti(predicted.astype(np.uint8), affine, tmp_path / "masks" / f"{case}.nii.gz")
        if truth is not None:
            write_nifti(truth.astype(np.uint8) * 3, affine, tmp_path / "0" / f"{case}_mask.nii.gz")
    write_table(pd.DataFrame({"case": list(scans)}), tmp_path / "table.csv")
    return tmp_path


def measured(folder, name="m", **options):
    paths = {"output": folder / f"{name}.csv", "output_lesions": folder / f"{name}_lesions.csv"}
    measure_masks(
        folder / "table.csv", folder / "masks", [folder / "1", folder / "0"], **paths, **SETTINGS | options
    )
    return read_table(paths["output"]).set_index("case"), read_table(paths["output_lesions"])


def test_every_scan_is_a_row_and_every_lesion(study):
    table, lesions = measured(study)
    assert list(table.columns) == COLUMNS[1:]
    assert table.loc["c1", ["lesions", "found_lesions", "false_components"]].tolist() == [2, 1, 0]
    assert table.loc["c2", ["dsc", "surface_dice"]].tolist() == [0, 0]
    assert np.isnan(table.loc["c2", "hd95_mm"])
    assert table.loc["c3", ["components", "false_components"]].tolist() == [1, 1]
    assert table.loc["c3", "false_ml"] == pytest.approx(10 * 0.02)
    assert table.loc["c3", ["dsc", "surface_dice", "hd95_mm", "missed_ml", "lesions"]].isna().all()
    assert table.loc["c4"].isna().all()
    assert list(zip(lesions["case"], lesions["found"], strict=True)) == [("c1", 1), ("c1", 0), ("c2", 0)]


def test_processes_change_no_byte(study):
    for name, threads in (("a", 1), ("b", 2)):
        measured(study, name, threads=threads)
    for suffix in ("", "_lesions"):
        assert (study / f"a{suffix}.csv").read_bytes() == (study / f"b{suffix}.csv").read_bytes()


def test_a_test_set_without_lesion_has_an_empty_table_of_them(study):
    write_table(pd.DataFrame({"case": ["c3"]}), study / "table.csv")
    _, lesions = measured(study)
    assert len(lesions) == 0
    assert list(lesions.columns) == ["case", "lesion", "volume_ml", "overlap_ml", "found"]


def test_a_missing_mask_and_one_of_another_grid_are_refused(study):
    write_nifti(np.zeros((2, 3, 4), np.uint8), np.eye(4), study / "masks" / "c1.nii.gz")
    with pytest.raises(DataError, match=r"case c1: mask .* is not on the grid of its scan"):
        measured(study)
    (study / "masks" / "c1.nii.gz").unlink()
    with pytest.raises(DataError, match="case c1: it was predicted, but has no mask; make the predictions"):
        measured(study)
