"""Sheets of a case: the right slice in the right tile, the right colour in its place, the same bytes."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from support import ROOT

from smartnet.browser.sprites import COLUMNS, MOST_SLICES, draw_case
from smartnet.errors import DataError
from smartnet.files import write_json, write_nifti
from smartnet.predict.scans import Scan

COLOURS = {"truth": "#009E73", "prediction": "#D55E00"}
SPACING = (5.0, 2.0, 1.0)


@pytest.fixture
def scan(tmp_path):
    return make_scan(tmp_path, 12)


def make_scan(folder, depth):
    """A head of 30 HU that brightens with the slice, a lesion in slices 4 to 6, predicted in 6 and 7."""
    hu = np.full((depth, 60, 90), -1000, np.int16)
    hu[:, 5:55, 10:80] = np.linspace(20, 70, depth).round()[:, None, None]
    truth = np.zeros(hu.shape, np.uint8)
    truth[4:7, 20:30, 30:50] = 2
    prediction = np.zeros(hu.shape, np.uint8)
    prediction[6:8, 20:30, 30:50] = 1
    write_nifti(hu, np.eye(4), folder / "v/case.nii.gz")
    write_nifti(truth, np.eye(4), folder / "v/case_mask.nii.gz")
    write_nifti(prediction, np.eye(4), folder / "p/case.nii.gz")
    write_json({"spacing_mm": SPACING}, folder / "v/case.json")
    return Scan(folder / "v", "case")


def draw(scan, folder, maps=()):
    mask = scan.folder.parent / "p/case.nii.gz"
    return draw_case(scan, mask=mask, maps=maps, colours=COLOURS, folder=folder)


def tiles(path, entry, key="tile"):
    width, height = entry[key]
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return [
        image[n // COLUMNS * height :, n % COLUMNS * width :][:height, :width] for n in range(len(entry["z"]))
    ]


def test_slices_and_masks_stand_in_their_tiles(scan, tmp_path):
    entry = draw(scan, tmp_path / "out")
    assert entry["z"] == list(range(12)) and entry["map"] is None
    area = 10 * 20 * 2
    assert entry["truth_mm2"] == [area if 4 <= z <= 6 else 0 for z in range(12)]
    assert entry["prediction_mm2"] == [area if 6 <= z <= 7 else 0 for z in range(12)]
    images = tiles(tmp_path / "out/case-image.jpg", entry)
    middle = [int(image[image.shape[0] // 2, image.shape[1] // 2]) for image in images]
    assert np.allclose(middle, np.linspace(20, 70, 12).round() / 80 * 255, atol=6)
    for name, colour in (("truth", (0x73, 0x9E, 0)), ("prediction", (0, 0x5E, 0xD5))):
        for tile, drawn in zip(
            tiles(tmp_path / f"out/case-{name}.png", entry), entry[f"{name}_mm2"], strict=True
        ):
            opaque = tile[tile[..., 3] == 255]
            assert (len(opaque) > 0) == (drawn > 0)
            assert all(tuple(pixel[:3]) == colour for pixel in opaque)


def test_a_tile_has_the_true_aspect(scan, tmp_path):
    entry = draw(scan, tmp_path / "out")
    rows = np.argwhere(tiles(tmp_path / "out/case-image.jpg", entry)[-1] > 100)
    high, wide = np.ptp(rows, axis=0) + 1
    assert high / wide == pytest.approx(50 * 2.0 / (70 * 1.0), rel=0.05)


def test_of_many_slices_evenly_spread_ones_are_shown(tmp_path):
    entry = draw(make_scan(tmp_path, 200), tmp_path / "out")
    assert entry["slices"] == 200
    assert len(entry["z"]) == MOST_SLICES and (entry["z"][0], entry["z"][-1]) == (0, 199)
    assert max(np.diff(entry["z"])) <= 4


def test_a_map_is_black_where_it_is_zero(scan, tmp_path):
    heat = np.zeros((12, 60, 90), np.uint8)
    heat[7] = 255
    write_nifti(heat, np.eye(4), tmp_path / "maps/case.nii.gz")
    entry = draw(scan, tmp_path / "out", [tmp_path / "none", tmp_path / "maps"])
    shown = tiles(tmp_path / "out/case-map.jpg", entry, "map")
    brightness = [tile[8:-8, 8:-8].mean() for tile in shown]
    assert int(np.argmax(brightness)) == 7 and brightness[7] > 100
    assert max(value for z, value in enumerate(brightness) if z != 7) < 3


def test_a_map_on_another_grid_is_one_readable_message(scan, tmp_path):
    write_nifti(np.zeros((3, 60, 90), np.uint8), np.eye(4), tmp_path / "maps/case.nii.gz")
    with pytest.raises(
        DataError, match=r"^case case: its map \(3, 60, 90\) is not on the grid of its scan \(12, 60, 90\)"
    ):
        draw(scan, tmp_path / "out", [tmp_path / "maps"])


def test_a_case_without_masks_has_no_sheets_of_them(scan, tmp_path):
    (scan.folder / "case_mask.nii.gz").unlink()
    (scan.folder.parent / "p/case.nii.gz").unlink()
    entry = draw(scan, tmp_path / "out")
    assert entry["truth_mm2"] is None and entry["prediction_mm2"] is None
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["case-image.jpg"]


def test_the_same_scan_gives_the_same_bytes(scan, tmp_path):
    for folder in ("one", "two"):
        draw(scan, tmp_path / folder)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_the_browser_needs_no_torch():
    code = (
        "import sys, smartnet.browser.page; assert not {'torch', 'pydicom', 'SimpleITK'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "scripts")
