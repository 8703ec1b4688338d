"""Real CT series, where the environment names a folder of them.

The files are openly licensed but not shipped: ``SMARTNET_REAL_DATA`` names the folder that holds, among
others, ``neurolabusc+dcm_qa_ct`` (github.com/neurolabusc/dcm_qa_ct) and ``icometrix+dicom2nifti``.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from real_files import NEEDS_DATA, ROOT
from unit.factories import run_volumes

from smartnet.dicom.discovery import read_header
from smartnet.dicom.pixels import PixelError, read_slice
from smartnet.files import read_nifti, read_table

pytestmark = NEEDS_DATA
PHILIPS = "neurolabusc+dcm_qa_ct/In/Philips"
INGENUITY = "neurolabusc+dcm_qa_ct/In/Philips/S21570"


def link(tmp_path, *folders):
    """Link real folders into one data set folder."""
    data = tmp_path / "data"
    data.mkdir()
    for number, folder in enumerate(folders):
        assert (ROOT / folder).is_dir(), f"{ROOT / folder} is missing"
        (data / f"s{number}").symlink_to(ROOT / folder)
    return data


def ingest(tmp_path, *folders, **options):
    """Take real folders to volumes; give the folder of the volumes and their table."""
    data = link(tmp_path, *folders)
    volumes = run_volumes(data, tmp_path, labelled=False, **options)
    return volumes, read_table(volumes / "cases.tsv")


def raw_slices(folder):
    """Read a folder's slices bottom up, straight from the files: HU and positions."""
    datasets = [pydicom.dcmread(path) for path in sorted((ROOT / folder).iterdir())]
    datasets.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
    hu = [d.pixel_array.astype(float) * float(d.RescaleSlope) + float(d.RescaleIntercept) for d in datasets]
    return np.stack(hu), np.array([d.ImagePositionPatient for d in datasets], dtype=float), datasets[0]


def test_a_straight_series_has_exactly_the_hu_of_its_files(tmp_path):
    folder, cases = ingest(tmp_path, f"{INGENUITY}/S2010")
    assert list(cases["verdict"]) == ["accepted"], cases["reason"][0]
    hu, positions, _ = raw_slices(f"{INGENUITY}/S2010")
    volume, affine = read_nifti(folder / f"{cases['case'][0]}.nii.gz")
    np.testing.assert_array_equal(volume, hu)
    np.testing.assert_allclose(affine[:3, 3], positions[0], atol=1e-3)
    np.testing.assert_allclose(np.diag(affine)[:3], [0.451171875, 0.451171875, 5.0], atol=1e-5)
    assert cases["tilt_deg"][0] == pytest.approx(0, abs=1e-4)


def test_a_tilted_series_is_straightened_by_its_vectors(tmp_path):
    name = f"{PHILIPS}/S21610/S2010"
    folder, cases = ingest(tmp_path, name)
    assert list(cases["verdict"]) == ["accepted"], cases["reason"][0]
    assert cases["tilt_deg"][0] == pytest.approx(-18.5, abs=0.01)
    assert cases["slice_spacing_mm"][0] == pytest.approx(2.371, abs=0.001)
    hu, positions, first = raw_slices(name)
    volume, affine = read_nifti(folder / f"{cases['case'][0]}.nii.gz")
    assert volume.shape == hu.shape
    normal = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    np.testing.assert_allclose(affine[:3, :2].T @ normal, 0, atol=1e-5)
    middle = len(hu) // 2
    np.testing.assert_array_equal(volume[middle], hu[middle])
    # Every slice, wherever it went, still stands at the world position that its header gives.
    row, column = np.reshape(np.array(first.ImageOrientationPatient, dtype=float), (2, 3))
    for z in (0, 10, 53):
        y, x = np.unravel_index(np.argmax(hu[z, 150:350, 150:350]), (200, 200))
        block = hu[z, y + 140 : y + 161, x + 140 : x + 161]
        world = positions[z] + 0.482421875 * ((x + 150) * row + (y + 150) * column)
        found_x, found_y, found_z = (np.linalg.inv(affine) @ [*world, 1])[:3]
        assert found_z == pytest.approx(z, abs=1e-3)
        corner = int(np.floor(found_y)) - 10, int(np.floor(found_x)) - 10
        here = volume[z, corner[0] : corner[0] + 21, corner[1] : corner[1] + 21]
        assert np.corrcoef(here.ravel(), block.ravel())[0, 1] > 0.9
    sidecar = json.loads((folder / f"{cases['case'][0]}.json").read_text())
    assert sidecar["shape"] == [54, 512, 512]


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        (f"{INGENUITY}/S1000", "localizer"),
        (f"{INGENUITY}/S4010", "secondary capture"),
        ("icometrix+dicom2nifti/tests/data/failing/notavolume/001", "duplicate positions"),
        ("deid-data", "secondary capture"),
        ("QIICR+dcmqi/data/segmentations/23x38x3/multiframe", "not a stack: 3 slices"),
        ("QIICR+dcmqi/data/segmentations/24x38x3/multiframe", "not a stack: 3 slices"),
        ("QIICR+dcmqi/data/segmentations/24x38x3/image", "not a stack: 3 slices"),
        (
            "pydicom+pydicom/src/pydicom/data/test_files/dicomdirtests/77654033/CT2",
            "missing slice: a gap of 202.5",
        ),
        (
            "wasserth+TotalSegmentator/tests/reference_files/example_ct_dicom",
            "contrast: ruled out by ingest.exclude",
        ),
        ("QIICR+dcmqi/data/segmentations/23x38x3/image", "not a stack: 3 slices"),
    ],
)
def test_what_is_no_stack_is_rejected_with_its_reason(tmp_path, folder, reason):
    _, cases = ingest(tmp_path, folder)
    assert set(cases["verdict"]) == {"rejected"}
    assert cases["reason"].str.startswith(reason).all(), list(cases["reason"])


def test_a_whole_study_gives_its_one_axial_series(tmp_path):
    _, cases = ingest(tmp_path, INGENUITY)
    assert sorted(cases["verdict"]) == ["accepted", "rejected", "rejected"]
    assert cases[cases["verdict"] == "accepted"]["slices"].tolist() == [28]


def test_tilt_without_a_tag_is_measured_and_false_hu_are_refused(tmp_path):
    _, cases = ingest(
        tmp_path,
        "icometrix+dicom2nifti/tests/data/failing/gantrytilting/001",  # true geometry, pixels are noise
        "TorchIO-project+torchio/tests/image_data/dicom",  # flipped axes, values from 0 up
    )
    cases = cases.set_index("slices")
    assert cases.loc[4, "tilt_deg"] == pytest.approx(-14.0, abs=0.01)
    assert cases.loc[17, "tilt_deg"] == pytest.approx(0.0, abs=0.01)
    assert cases["reason"].str.startswith("implausible HU").all()


def test_files_stripped_of_their_uids_are_one_series_of_their_folder(tmp_path):
    name = "wasserth+TotalSegmentator/tests/reference_files/example_ct_dicom"
    folder, cases = ingest(tmp_path, name, exclude=[])
    assert list(cases["verdict"]) == ["accepted"], cases["reason"][0]
    assert cases["flags"][0].startswith(
        "no SeriesInstanceUID: the files of one folder were taken as a series"
    )
    hu, positions, _ = raw_slices(name)
    volume, affine = read_nifti(folder / f"{cases['case'][0]}.nii.gz")
    np.testing.assert_array_equal(volume, np.maximum(hu, -1024))
    np.testing.assert_allclose(affine[:3, 3], positions[0], atol=1e-3)
    np.testing.assert_allclose(np.diag(affine)[:3], [0.9765625, 0.9765625, 2.0], atol=1e-5)
    assert read_table(folder / f"{cases['case'][0]}_slices.tsv")["instance"].is_unique


@pytest.mark.parametrize("size", ["23x38x3", "24x38x3"])
def test_an_enhanced_object_has_the_slices_of_its_classic_twin(size):
    folder = ROOT / "QIICR+dcmqi/data/segmentations" / size
    (path,) = (folder / "multiframe").iterdir()
    frames = {row["position"]: row for row in read_header(path)}
    for file in (folder / "image").iterdir():
        (row,) = read_header(file)
        twin = frames.pop(row["position"])
        for tag in ("orientation", "pixel_spacing", "slice_thickness", "rows", "columns"):
            assert twin[tag] == row[tag]
        np.testing.assert_array_equal(read_slice(path, twin["frame"]).hu, read_slice(file).hu)
    assert not frames


@pytest.mark.parametrize("name", [f"{INGENUITY}/S2010", f"{PHILIPS}/S21610/S2010"])
def test_dcm2niix_finds_the_same_voxels(tmp_path, name):
    """Straight: the same grid and HU. Tilted: it writes the sheared stack, whose middle slice we keep."""
    folder, cases = ingest(tmp_path, name)
    ours, affine = read_nifti(folder / f"{cases['case'][0]}.nii.gz")
    (tmp_path / "niix").mkdir()
    command = [Path(sys.executable).with_name("dcm2niix"), "-b", "n", "-z", "y", "-f", "x"]
    subprocess.run([*command, "-o", tmp_path / "niix", ROOT / name], check=True, capture_output=True)
    theirs, grid = read_nifti(min((tmp_path / "niix").glob("*.nii.gz"), key=lambda path: len(path.name)))
    if grid[1, 1] < 0:
        theirs = theirs[:, ::-1]
        grid = grid @ np.array([[1, 0, 0, 0], [0, -1, 0, theirs.shape[1] - 1], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    middle = len(ours) // 2
    np.testing.assert_array_equal(ours[middle], theirs[middle])
    if "S21570" in name:
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_allclose(affine, grid, atol=1e-3)


SYNTAXES = "cornerstonejs+cornerstoneWADOImageLoader/testImages"


@pytest.mark.parametrize("syntax", ["2.5", "2.4.57", "2.4.70", "2.4.80", "2.4.90", "2.2", "2.1.99"])
def test_every_lossless_transfer_syntax_gives_the_same_hu(syntax):
    (path,) = (ROOT / SYNTAXES).glob(f"CTImage.dcm_*_1.2.840.10008.1.{syntax}.dcm")
    np.testing.assert_array_equal(read_slice(path).hu, read_slice(ROOT / SYNTAXES / "CTImage.dcm").hu)


@pytest.mark.parametrize(("syntax", "off_hu"), [("2.4.81", 4), ("2.4.91", 40)])
def test_a_lossy_transfer_syntax_stays_near(syntax, off_hu):
    (path,) = (ROOT / SYNTAXES).glob(f"CTImage.dcm_*_1.2.840.10008.1.{syntax}.dcm")
    lossy, exact = read_slice(path).hu.astype(int), read_slice(ROOT / SYNTAXES / "CTImage.dcm").hu
    assert np.abs(lossy - exact)[exact > -1024].max() <= off_hu


def test_single_files_of_every_kind_have_a_verdict(tmp_path):
    """One slice is no volume, whatever its syntax; its HU are those of its raw pixels."""
    _, cases = ingest(tmp_path, SYNTAXES)
    assert set(cases["verdict"]) == {"rejected"}
    single = read_slice(ROOT / SYNTAXES / "CT2_J2KR").hu
    assert (single.shape, single.min(), single.max()) == ((512, 512), -1024, 1433)
    small = read_slice(ROOT / "pydicom+pydicom/src/pydicom/data/test_files/CT_small.dcm").hu
    assert (small.shape, small.min(), small.max()) == ((128, 128), -896, 1167)


@pytest.mark.parametrize(("syntax", "low", "high"), [("50", -1024, 1349), ("51", -1024, 1370)])
def test_syntaxes_of_fewer_bits_are_decoded_in_their_own_range(syntax, low, high):
    (path,) = (ROOT / SYNTAXES).glob(f"CTImage.dcm_*.1.2.4.{syntax}.dcm")
    hu = read_slice(path).hu
    assert (hu.shape, hu.min(), hu.max()) == ((512, 512), low, high)


@pytest.mark.parametrize("syntax", ["53", "55"])
def test_pixels_that_no_decoder_takes_are_a_reason(syntax):
    (path,) = (ROOT / SYNTAXES).glob(f"CTImage.dcm_*.1.2.4.{syntax}.dcm")
    with pytest.raises(PixelError, match=r"pixels cannot be decoded \(JPEG"):
        read_slice(path)
