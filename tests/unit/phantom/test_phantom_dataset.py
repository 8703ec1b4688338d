"""The files: valid DICOM, the same geometry for every reader, equal bytes for equal arguments."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from smartnet import files
from smartnet.errors import ConfigError, DataError
from smartnet.phantom.dataset import generate_dataset, plan_dataset
from smartnet.phantom.lesions import KINDS
from smartnet.phantom.sites import SITES

MATRIX = 96


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One small data set per site."""
    root = tmp_path_factory.mktemp("phantom")
    for name in SITES:
        generate_dataset(
            root / name, dataset=f"t-{name}", site=name, cases=4, prevalence=0.5, seed=2, matrix=MATRIX
        )
    return root


def _dicoms(folder: Path) -> dict[str, list[pydicom.Dataset]]:
    series: dict[str, list[pydicom.Dataset]] = {}
    for path in sorted(p for p in (folder / "dicom").rglob("*") if p.is_file()):
        ds = pydicom.dcmread(path)
        series.setdefault(ds.SeriesInstanceUID, []).append(ds)
    return series


def _axial(series: list[pydicom.Dataset]) -> list[pydicom.Dataset]:
    """Slices in order of position along their normal."""
    cosines = np.array(series[0].ImageOrientationPatient, dtype=float)
    normal = np.cross(cosines[:3], cosines[3:])
    return sorted(series, key=lambda ds: float(np.array(ds.ImagePositionPatient, dtype=float) @ normal))


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()


def test_same_seed_same_bytes_with_any_number_of_workers(tmp_path):
    for name, seed, workers in (("a", 5, 1), ("b", 5, 2), ("c", 6, 1)):
        generate_dataset(
            tmp_path / name,
            dataset="d",
            site="alpha",
            cases=2,
            prevalence=0.5,
            seed=seed,
            matrix=64,
            workers=workers,
        )
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")
    assert _digest(tmp_path / "a") != _digest(tmp_path / "c")


@pytest.mark.parametrize("name", SITES)
def test_labels_masks_and_series_belong_together(name, made):
    labels = files.read_table(made / name / "labels.tsv")
    expected = ["patient_id", "study_uid", "series_uid", "hemorrhage", *KINDS, "volume_ml", "mask"]
    assert list(labels.columns) == expected
    assert labels.hemorrhage.sum() == 2
    series = _dicoms(made / name)
    axial = {uid for uid, items in series.items() if "LOCALIZER" not in items[0].ImageType}
    assert set(labels.series_uid) == axial
    for row in labels.itertuples():
        slices = _axial(series[row.series_uid])
        assert {ds.PatientID for ds in slices} == {row.patient_id}
        if not row.hemorrhage:
            assert row.mask != row.mask
            assert row.volume_ml == 0
            continue
        mask, affine = files.read_nifti(made / name / "masks" / row.mask)
        assert mask.shape == (len(slices), MATRIX, MATRIX)
        for kind, value in zip(KINDS, range(1, 6), strict=True):
            assert getattr(row, kind) == int((mask == value).any())
        first, second = (np.array(ds.ImagePositionPatient, dtype=float) for ds in slices[:2])
        np.testing.assert_allclose(affine[:3, 3], first, atol=1e-3)
        np.testing.assert_allclose(affine[:3, 2], second - first, atol=1e-3)
        volume = (mask > 0).sum() * abs(np.linalg.det(affine[:3, :3])) / 1000
        assert volume == pytest.approx(row.volume_ml, rel=1e-3)


@pytest.mark.parametrize("name", SITES)
def test_mask_lies_on_the_blood_of_the_image(name, made):
    labels = files.read_table(made / name / "labels.tsv")
    series = _dicoms(made / name)
    for row in labels[labels.hemorrhage == 1].itertuples():
        slices = _axial(series[row.series_uid])
        hu = np.stack([ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in slices])
        mask, _ = files.read_nifti(made / name / "masks" / row.mask)
        assert 45 < np.median(hu[mask > 0]) < 85


def test_sites_write_as_their_vendors_do(made):
    seen = {name: _dicoms(made / name) for name in SITES}
    beta = next(iter(seen["beta"].values()))[0]
    assert beta.PixelPaddingValue == -2000
    assert beta.pixel_array[0, 0] == -2000
    delta = next(iter(seen["delta"].values()))[0]
    assert (delta.RescaleIntercept, delta.PixelRepresentation) == (0, 1)
    orders = {
        name: [[int(ds.InstanceNumber) for ds in _axial(items)] for items in seen[name].values()]
        for name in SITES
    }
    assert all(numbers == sorted(numbers) for numbers in orders["alpha"])
    assert all(numbers == sorted(numbers, reverse=True) for numbers in orders["beta"])
    for name in SITES:
        uids = [ds.SOPInstanceUID for items in seen[name].values() for ds in items]
        assert len(uids) == len(set(uids))
        air = np.concatenate(
            [
                ds.pixel_array[MATRIX // 8, MATRIX // 2 - 4 :][:8] + float(ds.RescaleIntercept)
                for ds in _axial(next(iter(seen[name].values())))[-2:]
            ]
        )
        assert np.median(air) == pytest.approx(-1000, abs=30)


def test_one_site_sends_localizers_and_one_mixes_its_numbers(tmp_path):
    generate_dataset(tmp_path / "a", dataset="x", site="alpha", cases=8, prevalence=0, seed=2, matrix=64)
    scouts = [s for s in _dicoms(tmp_path / "a").values() if "LOCALIZER" in s[0].ImageType]
    assert 0 < len(scouts) < 8
    assert scouts[0][0].pixel_array.std() > 50
    generate_dataset(tmp_path / "g", dataset="x", site="gamma", cases=6, prevalence=0, seed=2, matrix=64)
    numbers = [[int(ds.InstanceNumber) for ds in _axial(items)] for items in _dicoms(tmp_path / "g").values()]
    assert {n == sorted(n) for n in numbers} == {True, False}


@pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="dciodvfy is missing: install Debian's dicom3tools"
)
@pytest.mark.parametrize("name", SITES)
def test_dciodvfy_finds_no_error(name, made):
    for items in _dicoms(made / name).values():
        report = subprocess.run(
            ["dciodvfy", "-new", items[0].filename], capture_output=True, text=True, check=False
        )
        text = report.stdout + report.stderr
        assert "CTImage" in text
        assert "Error" not in text, text


def _dcm2niix(slices: list[pydicom.Dataset], folder: Path, tilted: bool) -> tuple[np.ndarray, np.ndarray]:
    """Convert a series; a tilted one comes back straightened by dcm2niix itself."""
    source = folder / "in"
    source.mkdir()
    for number, ds in enumerate(slices):
        shutil.copy(ds.filename, source / f"{number}.dcm")
    program = Path(sys.executable).with_name("dcm2niix")
    subprocess.run([program, "-f", "out", "-o", folder, "-z", "n", source], capture_output=True, check=True)
    return files.read_nifti(folder / ("out_Tilt_1.nii" if tilted else "out.nii"))


def _row_offset(found: np.ndarray, hu: np.ndarray) -> int:
    """How many rows down the original slice lies inside the (higher) straightened one."""
    misfit = [
        np.abs(np.clip(found[start : start + MATRIX], -1000, 1000) - np.clip(hu, -1000, 1000)).mean()
        for start in range(found.shape[0] - MATRIX + 1)
    ]
    return int(np.argmin(misfit))


@pytest.mark.parametrize("name", SITES)
@pytest.mark.parametrize("tilted", [False, True])
def test_dcm2niix_finds_the_same_geometry(name, tilted, made, tmp_path):
    axial = [_axial(s) for s in _dicoms(made / name).values() if "LOCALIZER" not in s[0].ImageType]
    fitting = [s for s in axial if (abs(float(s[0].GantryDetectorTilt)) > 0.4) == tilted]
    assert fitting, "choose another seed: every site must have tilted and straight scans"
    slices = fitting[0]
    found, affine = _dcm2niix(slices, tmp_path, tilted)
    cosines = np.array(slices[0].ImageOrientationPatient, dtype=float)
    normal = np.cross(cosines[:3], cosines[3:])
    places = np.array([ds.ImagePositionPatient for ds in slices], dtype=float)
    pixel = float(slices[0].PixelSpacing[0])
    assert len(found) == len(slices)
    np.testing.assert_allclose(affine[:3, 0], cosines[:3] * pixel, atol=1e-3)
    np.testing.assert_allclose(affine[:3, 1], -cosines[3:] * pixel, atol=1e-3)  # it turns the rows round
    np.testing.assert_allclose(affine[:3, 2], normal * ((places[1] - places[0]) @ normal), atol=2e-3)
    errors = []
    for index in (2, len(slices) // 2, len(slices) - 5):
        hu = slices[index].pixel_array + float(slices[index].RescaleIntercept)
        turned = found[index][::-1].astype(float)
        offset = _row_offset(turned, hu)
        if not tilted:
            inside = hu > -1100
            np.testing.assert_allclose(turned[inside], hu[inside], atol=1)
        corner = affine @ [0, found.shape[1] - 1 - offset, index, 1]
        errors.append(corner[:3] - places[index])
    errors = np.array(errors)
    if tilted and SITES[name].instances != "position":
        # when the first file is not the lowest slice, dcm2niix orders a sheared stack as if it were straight
        # and so moves it as a whole; within the stack all distances still hold
        errors -= errors[0]
    assert np.abs(errors @ normal).max() < 0.02
    assert np.abs(errors).max() < (1.5 * pixel if tilted else 0.02)


def test_replaces_an_older_phantom_but_no_other_data(tmp_path):
    settings = {"dataset": "d", "site": "gamma", "prevalence": 1, "seed": 1, "matrix": 64}
    generate_dataset(tmp_path, cases=2, **settings)
    generate_dataset(tmp_path, cases=1, **settings)
    assert len(_dicoms(tmp_path)) == len(files.read_table(tmp_path / "labels.tsv")) == 1
    assert len(list((tmp_path / "masks").iterdir())) == 1
    (tmp_path / "phantom.json").unlink()
    with pytest.raises(DataError, match="no phantom"):
        generate_dataset(tmp_path, cases=1, **settings)
    assert len(_dicoms(tmp_path)) == 1


def test_plan_has_the_asked_prevalence_and_some_follow_ups():
    plans = plan_dataset(dataset="d", site="alpha", cases=200, prevalence=0.35, seed=1, matrix=64)
    assert sum(plan.hemorrhage for plan in plans) == 70
    patients = [plan.patient for plan in plans]
    assert 3 <= len(patients) - len(set(patients)) <= 40
    assert max(patients.count(p) for p in set(patients)) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"site": "omega"}, "omega.*alpha"),
        ({"cases": 0}, "cases is 0"),
        ({"prevalence": 1.2}, "prevalence is 1.2"),
        ({"matrix": 16}, "matrix is 16"),
    ],
)
def test_wrong_settings_are_named(change, words, tmp_path):
    settings = {
        "dataset": "d",
        "site": "alpha",
        "cases": 2,
        "prevalence": 0.5,
        "seed": 1,
        "matrix": 64,
    } | change
    with pytest.raises(ConfigError, match=words):
        generate_dataset(tmp_path, **settings)
