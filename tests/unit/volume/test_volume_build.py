"""Volumes from files: exact HU, orientation, padding, the same bytes for the same scan, and every failure."""

import json
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from factories import UID_ROOT, CTSeries, head, numbered, run_catalog, run_volumes, write_labels, write_series

from smartnet.dicom.pixels import read_slice
from smartnet.errors import ConfigError, DataError
from smartnet.files import read_nifti, read_table, write_nifti
from smartnet.volume.build import build_shard

ORIENTATIONS = [
    ((1, 0, 0), (0, 1, 0)),
    ((-1, 0, 0), (0, 1, 0)),
    ((1, 0, 0), (0, -1, 0)),
    ((-1, 0, 0), (0, -1, 0)),
    ((0, 1, 0), (1, 0, 0)),
    ((0, -1, 0), (1, 0, 0)),
    ((0, 1, 0), (-1, 0, 0)),
]


def only_case(folder):
    table = read_table(folder / "cases.tsv")
    assert len(table) == 1
    return table.iloc[0]


def read_volume(folder):
    return read_nifti(folder / f"{only_case(folder)['case']}.nii.gz")


def dataset(tmp_path, series=None, *, hu=None, label=None, mask=None, affine=None, order=None):
    """Write one scan with a label row and maybe a mask as a hospital would."""
    series = series or CTSeries()
    held = write_series(tmp_path / "data" / "dicom", series, hu, order=order)
    row = {"study_uid": series.study, "hemorrhage": label if label is not None else int(mask is not None)}
    if mask is not None:
        (tmp_path / "data" / "masks").mkdir()
        path = tmp_path / "data" / "masks" / "m.nii.gz"
        write_nifti(mask, series.affine if affine is None else affine, path)
        row["mask"] = path.name
    write_labels(tmp_path / "data", [row])
    return held


def test_hu_are_exact_where_nothing_is_interpolated(tmp_path):
    series = CTSeries(slopes=(1.0, 2.0, 0.5), intercepts=(-1024.0, -1000.0, -1024.0, -512.0), signed=True)
    held = dataset(tmp_path, series)
    volume, affine = read_volume(run_volumes(tmp_path / "data", tmp_path))
    assert volume.dtype == np.int16
    np.testing.assert_array_equal(volume, np.maximum(np.rint(held), -1024))
    np.testing.assert_allclose(affine, series.affine, atol=1e-4)


def test_slice_map_and_sidecar_tell_what_was_done(tmp_path):
    series = CTSeries(slopes=(1.0, 2.0), tilt_deg=15)
    dataset(tmp_path, series, label=0)
    folder = run_volumes(tmp_path / "data", tmp_path)
    case = only_case(folder)["case"]
    sidecar = json.loads((folder / f"{case}.json").read_text())
    assert sidecar["tilt_deg"] == pytest.approx(15, abs=1e-4)
    np.testing.assert_allclose(sidecar["spacing_mm"], [5, 4, 4], atol=1e-4)
    assert sidecar["shape"] == [8, 48, 48]
    assert sidecar["air_hu"] == pytest.approx(-1000, abs=5)
    assert 29 <= sidecar["tissue_hu"] <= 40
    assert sidecar["flags"] == []
    slices = read_table(folder / f"{case}_slices.tsv")
    np.testing.assert_allclose(np.diff(slices["position_mm"]), 5, atol=1e-4)
    assert list(slices["slope"]) == [1, 2] * 4
    assert list(slices["interpolated"]) == [1, 1, 1, 1, 0, 1, 1, 1]
    assert slices["instance"].is_unique
    everything = "".join(path.read_text() for path in folder.iterdir() if path.suffix != ".gz")
    assert "SECRET" not in everything
    assert UID_ROOT not in everything


def test_names_and_order_of_files_do_not_change_a_byte(tmp_path):
    outputs = []
    for name, order in (("a", None), ("b", [5, 2, 7, 0, 1, 6, 4, 3])):
        dataset(tmp_path / name, CTSeries(tilt_deg=12), order=order, mask=np.ones((8, 48, 48), np.uint8))
        folder = run_volumes(tmp_path / name / "data", tmp_path / name)
        outputs.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(outputs[0]) == 5
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(("row", "column"), ORIENTATIONS)
def test_any_in_plane_orientation_becomes_lps(tmp_path, row, column):
    series = CTSeries(row_direction=row, column_direction=column)
    lesion = (np.linalg.norm(series.world_mm() - [30.0, 5.0, 11.0], axis=-1) < 14).astype(np.uint8)
    dataset(tmp_path, series, mask=lesion)
    volume, affine = read_volume(run_volumes(tmp_path / "data", tmp_path))
    assert (np.diag(affine)[:3] > 0).all()
    reference = CTSeries()
    np.testing.assert_array_equal(volume, reference.sample(head))
    np.testing.assert_allclose(affine, reference.affine, atol=1e-4)
    folder = tmp_path / "volumes"
    mask, _ = read_nifti(folder / f"{only_case(folder)['case']}_mask.nii.gz")
    expected = np.linalg.norm(reference.world_mm() - [30.0, 5.0, 11.0], axis=-1) < 14
    np.testing.assert_array_equal(mask, expected)


def test_a_transposed_oblong_and_a_turned_matrix_are_not_resampled(tmp_path):
    oblong = CTSeries(shape=(8, 40, 48), row_direction=(0, 1, 0), column_direction=(1, 0, 0))
    held = dataset(tmp_path / "oblong", oblong)
    volume, affine = read_volume(run_volumes(tmp_path / "oblong" / "data", tmp_path / "oblong"))
    np.testing.assert_array_equal(volume, held.transpose(0, 2, 1))
    np.testing.assert_allclose(affine[:3, :3], np.diag([4, 4, 5]), atol=1e-4)
    turned = CTSeries(row_direction=(0.8, 0.6, 0), column_direction=(-0.6, 0.8, 0), tilt_deg=0)
    held = dataset(tmp_path / "turned", turned)
    volume, affine = read_volume(run_volumes(tmp_path / "turned" / "data", tmp_path / "turned"))
    np.testing.assert_array_equal(volume, held)
    np.testing.assert_allclose(affine, turned.affine, atol=1e-4)


@pytest.mark.parametrize("axes", [(1, 1, -1), (-1, 1, 1), (-1, -1, -1)])
def test_a_mask_saved_with_flipped_axes_is_matched_by_its_geometry(tmp_path, axes):
    series = CTSeries(tilt_deg=-9)
    rng = np.random.default_rng(1)
    lesion = (rng.random(series.shape) < 0.01).astype(np.uint8) * 4
    steps = axes[::-1]
    flipped = lesion[:: steps[0], :: steps[1], :: steps[2]]
    affine = series.affine.copy()
    for axis, step in enumerate(axes):
        if step < 0:
            affine[:3, 3] += affine[:3, axis] * (series.shape[2 - axis] - 1)
            affine[:3, axis] *= -1
    (tmp_path / "plain").mkdir()
    dataset(tmp_path / "plain", series, mask=lesion)
    dataset(tmp_path / "flipped", series, mask=flipped, affine=affine)
    masks = []
    for name in ("plain", "flipped"):
        folder = run_volumes(tmp_path / name / "data", tmp_path / name)
        masks.append(read_nifti(folder / f"{only_case(folder)['case']}_mask.nii.gz")[0])
    assert set(np.unique(masks[0])) == {0, 4}
    np.testing.assert_array_equal(masks[0], masks[1])


@pytest.mark.parametrize(
    ("signed", "padding", "slope", "intercept"),
    [(True, -2000, 1.0, 0.0), (True, -32768, 1.0, -1024.0), (False, 63536, 1.0, -1024.0)],
)
def test_padding_is_air_before_anything_is_interpolated(tmp_path, signed, padding, slope, intercept):
    series = CTSeries(tilt_deg=10, signed=signed, padding=padding, slopes=(slope,), intercepts=(intercept,))
    hu = series.sample(head)
    hu[np.linalg.norm(series.world_mm()[..., :2] - [3.0, -7.0], axis=-1) > 90] = np.nan
    dataset(tmp_path, series, hu=hu)
    volume, _ = read_volume(run_volumes(tmp_path / "data", tmp_path))
    assert volume.min() == -1024
    assert (volume == -1024).mean() > 0.1
    assert volume.max() == 900


def test_padding_of_a_tissue_value_counts_only_at_the_border(tmp_path):
    series = CTSeries(signed=True, padding=0, intercepts=(0.0,))
    hu = series.sample(head)
    hu[:, :3] = 0
    hu[4, 24, 24] = 0
    dataset(tmp_path, series, hu=hu)
    volume, _ = read_volume(run_volumes(tmp_path / "data", tmp_path))
    assert (volume[:, :3] == -1024).all()
    assert volume[4, 24, 24] == 0


@pytest.mark.parametrize(
    ("series", "hu", "reason"),
    [
        (CTSeries(), np.full((8, 48, 48), 30.0), "constant image: every voxel is 30 HU"),
        (CTSeries(signed=True, intercepts=(0.0,)), "shifted", "implausible HU: no air around the head"),
        (CTSeries(), "thin", "implausible HU: air lies at -800 HU instead of -1000"),
        (CTSeries(), "bone", "implausible HU: only 0.00 % of the voxels"),
        (
            replace(CTSeries(), tags={"RescaleSlope": None}),
            None,
            "slice 0: rescale slope or intercept missing",
        ),
        (
            replace(CTSeries(), tags={"BitsAllocated": 8}),
            None,
            "slice 0: pixel data of another size: 4608 by",
        ),
        (replace(CTSeries(), tags={"BitsAllocated": 64}), None, "slice 0: pixels cannot be decoded"),
    ],
)
def test_a_case_whose_pixels_fail_is_data_with_a_reason(tmp_path, series, hu, reason):
    if isinstance(hu, str):
        values = series.sample(head)
        hu = {
            "shifted": np.where(values < -500, 1.0, values),
            "thin": np.where(values < -500, -800.0, values),
            "bone": np.where(values > -500, 900.0, -1000.0),
        }[hu]
    write_series(tmp_path / "data" / "dicom" / "bad", series, hu)
    write_series(tmp_path / "data" / "dicom" / "good", numbered(CTSeries(), 2))
    folder = run_volumes(tmp_path / "data", tmp_path, labelled=False)
    table = read_table(folder / "cases.tsv").sort_values("verdict")
    assert list(table["verdict"]) == ["accepted", "rejected"]
    assert table["reason"].iloc[1].startswith(reason)
    assert not (folder / f"{table['case'].iloc[1]}.nii.gz").exists()
    with pytest.raises(DataError, match=r"case c\w{12} is rejected: .*on_rejected"):
        run_volumes(tmp_path / "data", tmp_path / "stop", labelled=False, on_rejected="stop")


def test_padding_declared_unsigned_for_signed_pixels_is_understood(tmp_path):
    series = CTSeries(signed=True, intercepts=(0.0,))
    hu = series.sample(head)
    hu[:, :, :2] = -5
    write_series(tmp_path, series, hu)
    dataset = pydicom.dcmread(tmp_path / "f0003.dcm")
    dataset.add_new("PixelPaddingValue", "US", 65531)
    dataset.save_as(tmp_path / "f0003.dcm")
    assert (read_slice(tmp_path / "f0003.dcm").hu[:, :2] == -1024).all()
    assert (read_slice(tmp_path / "f0002.dcm").hu[:, :2] == -5).all()


def test_unusual_tissue_is_flagged_not_refused(tmp_path):
    series = CTSeries()
    values = series.sample(head)
    dataset(tmp_path, series, hu=np.where((values > 0) & (values < 100), values + 30, values))
    folder = run_volumes(tmp_path / "data", tmp_path)
    sidecar = json.loads((folder / f"{only_case(folder)['case']}.json").read_text())
    assert len(sidecar["flags"]) == 1
    assert sidecar["flags"][0].startswith("soft-tissue mode at 6")


def test_a_mask_of_another_shape_is_one_clear_error(tmp_path):
    dataset(tmp_path, mask=np.ones((7, 48, 48), np.uint8))
    with pytest.raises(DataError) as error:
        run_volumes(tmp_path / "data", tmp_path)
    text = str(error.value)
    assert "\n" not in text
    for part in ("case c", "resources/identity/", "shape 7x48x48", "8x48x48", "save the mask on the grid"):
        assert part in text
    assert "m.nii.gz" not in text  # hospitals name masks by patient


def test_a_mask_that_lies_beside_its_scan_is_an_error(tmp_path):
    affine = CTSeries(tilt_deg=10).affine
    affine[:3, 3] += 2.5
    dataset(tmp_path, CTSeries(tilt_deg=10), mask=np.ones((8, 48, 48), np.uint8), affine=affine)
    with pytest.raises(
        DataError, match=r"mask file .* has the scan's shape 8x48x48, but .* 4.33 mm off .*half a"
    ):
        run_volumes(tmp_path / "data", tmp_path)


def test_a_mask_without_the_shear_of_its_tilted_scan_is_an_error(tmp_path):
    straight = CTSeries().affine
    dataset(tmp_path, CTSeries(tilt_deg=18), mask=np.ones((8, 48, 48), np.uint8), affine=straight)
    with pytest.raises(DataError, match="sheared if the gantry is tilted"):
        run_volumes(tmp_path / "data", tmp_path)


def test_a_mask_that_holds_no_labels_or_is_no_nifti_is_an_error(tmp_path):
    dataset(tmp_path, mask=np.full((8, 48, 48), 0.5, np.float32))
    with pytest.raises(DataError, match=r"values from 0.5 to 0.5 that are no labels: write whole numbers"):
        run_volumes(tmp_path / "data", tmp_path)
    (tmp_path / "data" / "masks" / "m.nii.gz").write_text("no image")
    with pytest.raises(DataError, match="cannot be read as a 3D NIfTI volume"):
        run_volumes(tmp_path / "data", tmp_path)


def test_label_and_mask_are_made_to_agree(tmp_path):
    one = np.zeros((8, 48, 48), np.uint8)
    one[4, 20:30, 20:30] = 3
    none = np.zeros_like(one)
    for name, label, mask in (
        ("left-out", "", one),
        ("empty", 1, none),
        ("against", 0, one),
        ("zero", 0, None),
    ):
        dataset(tmp_path / name, label=label, mask=mask)
        run_volumes(tmp_path / name / "data", tmp_path / name)
    left_out, empty, against, zero = (
        only_case(tmp_path / name / "volumes") for name in ("left-out", "empty", "against", "zero")
    )
    assert left_out["hemorrhage"] == 1
    assert left_out["lesion_ml"] == pytest.approx(100 * 5 * 16 / 1000)
    assert (empty["mask"], np.isnan(empty["lesion_ml"])) == ("none", True)
    assert not list((tmp_path / "empty" / "volumes").glob("*_mask.nii.gz"))
    assert against["reason"] == "labelled 0, but its mask marks 8.000 mL"
    assert (zero["mask"], zero["lesion_ml"]) == ("empty", 0)
    assert len(list((tmp_path / "zero" / "volumes").glob("*_mask.nii.gz"))) == 1


def test_processes_do_not_change_a_byte_and_an_empty_shard_is_fine(tmp_path):
    for number in range(3):
        write_series(tmp_path / "data" / str(number), numbered(CTSeries(tilt_deg=number), number))
    catalog, identity = run_catalog(tmp_path / "data", tmp_path, labelled=False)
    outputs = []
    for threads in (1, 2):
        folder = tmp_path / f"threads-{threads}"
        build_shard(
            catalog,
            identity,
            folder,
            folder=tmp_path / "data",
            masks=None,
            pictures=tmp_path,
            on_rejected="stop",
            threads=threads,
        )
        outputs.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert outputs[0] == outputs[1]
    for path in (catalog, identity):
        path.write_text(path.read_text().split("\n")[0] + "\n")
    build_shard(
        catalog,
        identity,
        tmp_path / "none",
        folder=tmp_path / "data",
        masks=None,
        pictures=tmp_path,
        on_rejected="stop",
        threads=1,
    )
    assert read_table(tmp_path / "none" / "cases.tsv").empty


def test_on_rejected_knows_two_words(tmp_path):
    with pytest.raises(ConfigError, match="'ignore': choose one of continue, stop"):
        build_shard(
            tmp_path,
            tmp_path,
            tmp_path,
            folder=tmp_path,
            masks=None,
            pictures=tmp_path,
            on_rejected="ignore",
            threads=1,
        )
