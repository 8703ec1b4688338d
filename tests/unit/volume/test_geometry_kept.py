"""Whatever a scanner or an export does to a scan, every voxel of its volume is where and what it was."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from factories import CTSeries, ball, head, run_volumes, write_enhanced, write_labels, write_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartnet.files import read_nifti, read_table, write_nifti

SMALL = {"shape": (9, 12, 14), "spacing_mm": (5.0, 12.0, 11.0)}
PLANES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}


def field(world_mm):
    """HU of a head of 35 mm radius in which every place can be told from its value."""
    inside = np.linalg.norm(world_mm - [3.0, -7.0, 11.0], axis=-1) < 35
    return np.where(inside, 35 + world_mm @ [0.25, 0.5, 0.125], -1000)


def volume_of(tmp_path, **options):
    """The one accepted volume: voxels, affine, slice map, its row of cases.tsv."""
    folder = run_volumes(tmp_path / "data", tmp_path, labelled=False, **options)
    table = read_table(folder / "cases.tsv")
    assert list(table["verdict"]) == ["accepted"], list(table["reason"])
    case = table.iloc[0]
    return (
        *read_nifti(folder / f"{case['case']}.nii.gz"),
        read_table(folder / f"{case['case']}_slices.tsv"),
        case,
    )


def world_mm(volume, affine):
    z, y, x = np.meshgrid(*map(np.arange, volume.shape), indexing="ij")
    return np.stack([x, y, z], axis=-1) @ affine[:3, :3].T + affine[:3, 3]


unit = st.floats(-1, 1).filter(lambda x: abs(x) > 1e-3)


@st.composite
def scans(draw):
    """A scan in any plane, mirrored, turned, shifted, tilted or oblique, with any spacing."""
    row, column = map(np.array, PLANES[draw(st.sampled_from(sorted(PLANES)))])
    row, column = row * draw(st.sampled_from([1, -1])), column * draw(st.sampled_from([1, -1]))
    if draw(st.booleans()):
        row, column = column, row
    tilt = draw(st.one_of(st.just(0.0), st.floats(-30, 30)))
    series = CTSeries(
        shape=(draw(st.integers(5, 9)), draw(st.integers(10, 14)), draw(st.integers(10, 14))),
        spacing_mm=(draw(st.floats(1, 8)), draw(st.floats(8, 14)), draw(st.floats(8, 14))),
        row_direction=tuple(row),
        column_direction=tuple(column),
        tilt_deg=tilt,
        centre_mm=tuple(draw(st.lists(st.floats(-200, 200), min_size=3, max_size=3))),
    )
    return series, draw(st.permutations(range(series.shape[0])))


@given(scan=scans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_geometry_comes_out_as_it_went_in(scan, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("scan")
    series, order = scan
    centre = np.asarray(series.centre_mm)

    def shown(world):
        return field(world - centre + [3.0, -7.0, 11.0])

    write_series(tmp_path / "data", series, np.rint(series.sample(shown)), order=order)
    volume, affine, slices, _ = volume_of(tmp_path)
    assert (np.argmax(np.abs(affine[:3, :3]), axis=0) == [0, 1, 2]).all() or abs(series.tilt_deg) > 20
    assert (np.diag(affine)[:3] > 0).all()
    assert sorted(volume.shape) == sorted(series.shape)
    axis = "zyx".index(slices["axis"][0])
    planes = np.moveaxis(volume, axis, 0)
    places = np.moveaxis(world_mm(volume, affine), axis, 0)
    for k, still in enumerate(slices["interpolated"] == 0):
        normal = affine[:3, 2 - axis] / np.linalg.norm(affine[:3, 2 - axis])
        assert places[k, 0, 0] @ normal == pytest.approx(slices["position_mm"][k], abs=1e-3)
        if still:  # a slice that was not shifted holds its own pixels at their own places
            edge = (
                np.abs(np.linalg.norm(places[k] - centre, axis=-1) - 35) < 1.5
            )  # 0.1 px are not worth a shift
            np.testing.assert_allclose(planes[k][~edge], np.rint(shown(places[k]))[~edge], atol=1.001)


@pytest.mark.parametrize("tilt", [-18.5, 20.0])
def test_a_tilted_ball_goes_through_files_and_stays_where_and_as_large_as_it_is(tmp_path, tilt):
    centre, radius = np.array([9.0, -12.0, 14.0]), 22.0
    series = CTSeries(shape=(30, 150, 150), spacing_mm=(2.0, 0.7, 0.7), tilt_deg=tilt)
    shown = ball(centre, radius, edge_mm=1.5, inside=40, outside=-1000)
    write_series(tmp_path / "data", series, np.rint(series.sample(shown)))
    volume, affine, *_ = volume_of(tmp_path)
    share = np.clip((volume + 1000.0) / 1040, 0, 1)
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
    assert share.sum() * voxel_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.01)
    found = (world_mm(volume, affine) * share[..., None]).sum(axis=(0, 1, 2)) / share.sum()
    assert np.linalg.norm(found - centre) < 0.1


def _bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(order=st.permutations(range(9)), names=st.permutations(range(9)), tilt=st.sampled_from([0.0, 11.0]))
@settings(max_examples=8, deadline=None)
def test_shuffled_renamed_and_reversed_files_give_the_same_bytes(order, names, tilt, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("scan")
    series = CTSeries(**SMALL, tilt_deg=tilt)
    write_series(tmp_path / "plain" / "data", series)
    write_series(tmp_path / "other" / "data", series, order=order)
    for file, name in zip(sorted((tmp_path / "other" / "data").iterdir()), names, strict=True):
        file.rename(file.with_name(f"IM{name}"))
    plain, other = (
        run_volumes(tmp_path / n / "data", tmp_path / n, labelled=False) for n in ("plain", "other")
    )
    for table in ("instance", "slope"):  # instances are named after their number, not their file
        assert table in read_table(next(plain.glob("*_slices.tsv"))).columns
    assert _bytes(plain) == _bytes(other)


def test_an_enhanced_object_gives_the_volume_of_its_classic_twin(tmp_path):
    series = CTSeries(**SMALL, tilt_deg=9, slopes=(1.0, 2.0), intercepts=(-1024.0, -1000.0, -512.0 - 512.0))
    held = write_series(tmp_path / "classic" / "data", series)
    write_enhanced(tmp_path / "enhanced" / "data" / "one", series, held, order=[4, 2, 8, 0, 1, 6, 5, 3, 7])
    classic, enhanced = (volume_of(tmp_path / name) for name in ("classic", "enhanced"))
    for one, other in zip(classic[:2], enhanced[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(enhanced[2]["frame"]) == [3, 4, 1, 7, 0, 6, 5, 8, 2]
    assert enhanced[2]["instance"].nunique() == 1
    np.testing.assert_array_equal(classic[2]["slope"], enhanced[2]["slope"])


def test_uneven_gaps_are_resampled_to_the_finest_and_the_map_says_from_where(tmp_path):
    offsets = np.array([0, 0, 0, 0, 0, 2.5, 5, 7.5, 10])  # 2.5 mm base, 5 mm vertex
    series = CTSeries(shape=(9, 12, 14), spacing_mm=(2.5, 12.0, 11.0), z_offsets_mm=tuple(offsets))
    write_series(tmp_path / "data", series, series.sample(field))
    volume, affine, slices, case = volume_of(tmp_path)
    assert len(volume) == len(slices) == 13
    np.testing.assert_allclose(np.diff(slices["position_mm"]), 2.5, atol=1e-5)
    np.testing.assert_allclose(world_mm(volume, affine)[:, 0, 0, 2], slices["position_mm"], atol=1e-4)
    assert list(slices["interpolated"]) == [0] * 5 + [1, 0] * 4
    inside = np.abs(volume) < 200
    deep = inside & np.roll(inside, 1, 0) & np.roll(inside, -1, 0)
    np.testing.assert_allclose(volume[deep], field(world_mm(volume, affine))[deep], atol=1.01)
    assert "median 3.750 mm: resampled to the finest" in case["flags"]
    kept = volume_of(tmp_path, uneven_spacing="keep")
    assert len(kept[0]) == 9 and (kept[2]["interpolated"] == 0).all()


@pytest.mark.parametrize(
    "series",
    [
        CTSeries(row_direction=(0, 1, 0), column_direction=(0, 0, -1), tilt_deg=0),
        CTSeries(row_direction=(1, 0, 0), column_direction=(0, 0, -1), tilt_deg=6),
        CTSeries(shape=(9, 48, 48), z_offsets_mm=(0, 0, 0, 0, 0, 5, 10, 15, 20)),
    ],
    ids=["sagittal", "coronal", "uneven"],
)
def test_a_mask_goes_the_way_of_its_scan(tmp_path, series):
    uneven = len(series.z_offsets_mm) > 0
    lesion = np.abs(series.sample(head) - 36) < 3
    hu = np.where(lesion, 70.0, series.sample(head))
    write_series(tmp_path / "data" / "dicom", series, hu)
    affine = series.affine.copy()
    if uneven:
        affine[:3, 2] = (series.positions_mm[-1] - series.positions_mm[0]) / (series.shape[0] - 1)
    write_nifti(lesion.astype(np.uint8), affine, tmp_path / "data" / "masks" / "m.nii.gz")
    write_labels(tmp_path / "data", [{"study_uid": series.study, "mask": "m.nii.gz"}])
    folder = run_volumes(tmp_path / "data", tmp_path)
    case = read_table(folder / "cases.tsv").iloc[0]
    assert case["verdict"] == "accepted", case["reason"]
    volume, _ = read_nifti(folder / f"{case['case']}.nii.gz")
    mask, _ = read_nifti(folder / f"{case['case']}_mask.nii.gz")
    assert mask.shape == volume.shape and mask.any()
    own = np.abs(np.where(mask > 0, volume, 70) - 70) < 1
    assert own.mean() == 1 if series.tilt_deg == 0 and not uneven else own.mean() > 0.9
    assert abs((volume == 70).sum() - (mask > 0).sum()) <= 0.35 * (mask > 0).sum()


def test_values_that_wrapped_around_in_12_bits_are_repaired_and_flagged(tmp_path):
    series = CTSeries(intercepts=(0.0,), tags={"BitsStored": 12, "HighBit": 11})
    hu = series.sample(head)
    write_series(tmp_path / "data", series, np.where(hu < 0, hu + 4096, hu))
    volume, _, _, case = volume_of(tmp_path)
    np.testing.assert_array_equal(volume, hu)
    assert case["flags"] == "12-bit wraparound repaired in 8 slices"


def test_metal_without_air_above_it_is_no_wraparound(tmp_path):
    series = CTSeries(tags={"BitsStored": 12, "HighBit": 11}, intercepts=(-1000.0,))
    hu = series.sample(head)
    hu[4, 20:24, 20:24] = 3000
    write_series(tmp_path / "data", series, hu)
    volume, *_ = volume_of(tmp_path)
    assert volume.max() == 3000


def test_files_without_preamble_or_extension_are_read(tmp_path):
    series = CTSeries(**SMALL)
    write_series(tmp_path / "data", series)
    for number, file in enumerate(sorted((tmp_path / "data").iterdir())):
        dataset = pydicom.dcmread(file)
        del dataset.file_meta
        dataset.preamble = None
        pydicom.dcmwrite(tmp_path / "data" / str(number), dataset, implicit_vr=True, little_endian=True)
        file.unlink()
    assert b"DICM" not in (tmp_path / "data" / "0").read_bytes()
    volume, affine, *_ = volume_of(tmp_path)
    np.testing.assert_array_equal(volume, np.rint(replace(series).sample(head)))
    np.testing.assert_allclose(affine, series.affine, atol=1e-4)
