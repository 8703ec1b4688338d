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
from smartnet.errors import ConfigError
from smartnet.phantom import SITES, generate_dataset
from smartnet.phantom.dataset import plan_dataset
from smartnet.phantom.lesions import KINDS

MATRIX = 96


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One small data set per site."""
    root = tmp_path_factory.mktemp("phantom")
    for name in SITES:
        generate_dataset(
            root / name, dataset=f"t-{name}", site=name, cases=4, prevalence=0.5, seed=21, matrix=MATRIX
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


@pytest.mark.parametrize("name", SITES)
def test_dcm2niix_finds_the_same_geometry(name, made, tmp_path):
    program = Path(sys.executable).with_name("dcm2niix")
    labels = files.read_table(made / name / "labels.tsv")
    slices = _axial(_dicoms(made / name)[labels.series_uid[0]])
    folder = tmp_path / "in"
    folder.mkdir()
    for number, ds in enumerate(slices):
        shutil.copy(ds.filename, folder / f"{number}.dcm")
    run = subprocess.run(
        [program, "-f", "out", "-o", tmp_path, "-z", "n", folder], capture_output=True, text=True, check=True
    )
    found, affine = files.read_nifti(tmp_path / "out.nii")
    assert found.shape == (len(slices), MATRIX, MATRIX), run.stdout
    first, last = (np.array(ds.ImagePositionPatient, dtype=float) for ds in (slices[0], slices[-1]))
    rows = np.array(slices[0].ImageOrientationPatient, dtype=float)[3:]
    spacing = [float(v) for v in slices[0].PixelSpacing]
    # dcm2niix turns the rows round: its voxel (0, last row) is our voxel (0, 0)
    corner = affine @ [0, MATRIX - 1, 0, 1]
    np.testing.assert_allclose(corner[:3], first, atol=0.02)
    np.testing.assert_allclose(affine[:3, 1], -rows * spacing[0], atol=1e-3)
    top = affine @ [0, MATRIX - 1, len(slices) - 1, 1]
    np.testing.assert_allclose(top[:3], last, atol=0.05)
    hu = slices[3].pixel_array * float(slices[3].RescaleSlope) + float(slices[3].RescaleIntercept)
    inside = hu > -1100
    np.testing.assert_allclose(found[3][::-1][inside], hu[inside], atol=1)


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
